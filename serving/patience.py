"""Ends connections that keep a worker waiting: silent ones, and heads that come too slowly.

uvicorn's own timer runs only from an answer to the next byte. Without another, a client that sends
half a head holds its connection for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from serving.protocol import BoundedProtocol


@dataclass
class _Waiting:
    """What a connection was doing when it was looked at, and since when."""

    turn: int
    since: float


class Patience:
    """Looks at all connections of one worker now and then; costs nothing in between."""

    def __init__(self, head_seconds: float, idle_seconds: float) -> None:
        """Take how long a head may take to arrive, and how long nothing may come after an answer.

        A new connection has as long to begin as a head has to end.
        """
        self._head_seconds = head_seconds
        self._idle_seconds = idle_seconds
        self._waiting: dict[BoundedProtocol, _Waiting] = {}

    def look(self, connections: Iterable[BoundedProtocol], now: float) -> None:
        """Give up those that are waited for too long; `now` is in seconds of any steady clock."""
        waiting: dict[BoundedProtocol, _Waiting] = {}
        for connection in list(connections):
            known = self._waiting.get(connection)
            if known is None or known.turn != connection.turn or connection.is_answering:
                known = _Waiting(connection.turn, now)
            waiting[connection] = known
            if now - known.since > self._limit(connection):
                connection.give_up()
        self._waiting = waiting

    def _limit(self, connection: BoundedProtocol) -> float:
        idle = connection.turn > 0 and not connection.in_head
        return self._idle_seconds if idle else self._head_seconds
