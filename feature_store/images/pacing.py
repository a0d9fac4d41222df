"""How many images are fetched at a time: in all, of one host, and how often of one host.

Whoever waits (for a host, or for a failure to pass) lends its place to another image meanwhile,
so that a slow host holds up nobody but those who ask for it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

from feature_store.images.settings import ImageSettings


@dataclass
class _Host:
    """The requests of one host: under way, waiting in their order, and when the next may begin."""

    active: int = 0
    waiting: deque[object] = field(default_factory=deque)
    next_at: float = 0.0


class Pace:
    """Shares the places among images, and the requests among hosts; for any number of threads."""

    def __init__(self, settings: ImageSettings) -> None:
        self._per_host = settings.per_host_concurrency
        rate = settings.per_host_per_second
        self._interval_seconds = 1.0 / rate if rate else 0.0
        self._places = threading.Semaphore(settings.concurrency)
        self._hosts: dict[str, _Host] = {}
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, cancelled: threading.Event | None = None) -> Iterator[Turn]:
        """Take one image's place for the length of the block, waiting for it if need be.

        Nothing more is begun for it once `cancelled` is set, by `cancel`.
        """
        with self._places:
            yield Turn(self, cancelled or threading.Event())

    def cancel(self, cancelled: threading.Event) -> None:
        """Set `cancelled`, and wake those who wait under it."""
        with self._changed:
            cancelled.set()
            self._changed.notify_all()

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Give the place of this thread's turn to another for the length of the block."""
        self._places.release()
        try:
            yield
        finally:
            self._places.acquire()

    def pause(self, host: str, seconds: float) -> None:
        """Begin no request of `host` for so long: it has asked for that."""
        with self._changed:
            found = self._hosts.setdefault(host, _Host())
            found.next_at = max(found.next_at, time.monotonic() + seconds)

    def try_enter(self, host: str) -> bool:
        """Begin a request of `host` if it may begin at once."""
        with self._changed:
            found = self._hosts.setdefault(host, _Host())
            if found.waiting or not self._is_free(found):
                return False
            self._begin(found)
            return True

    def enter(self, host: str, cancelled: threading.Event) -> None:
        """Begin a request of `host` when those before it have begun and it may.

        Raises CancelledError if `cancelled` is set before that.
        """
        ticket = object()
        with self._changed:
            found = self._hosts.setdefault(host, _Host())
            found.waiting.append(ticket)
            try:
                while not (found.waiting[0] is ticket and self._is_free(found)):
                    if cancelled.is_set():
                        raise CancelledError
                    wait = found.next_at - time.monotonic()
                    self._changed.wait(wait if wait > 0 else None)
                self._begin(found)
            finally:
                found.waiting.remove(ticket)
                self._changed.notify_all()

    def leave(self, host: str) -> None:
        """End a request of `host`."""
        with self._changed:
            found = self._hosts[host]
            found.active -= 1
            if not (found.active or found.waiting) and found.next_at <= time.monotonic():
                del self._hosts[host]
            self._changed.notify_all()

    def _is_free(self, host: _Host) -> bool:
        return host.active < self._per_host and time.monotonic() >= host.next_at

    def _begin(self, host: _Host) -> None:
        host.active += 1
        host.next_at = time.monotonic() + self._interval_seconds


class Turn:
    """One image's place among those under way; `attempts` counts how often it was tried."""

    def __init__(self, pace: Pace, cancelled: threading.Event) -> None:
        self._pace = pace
        self._cancelled = cancelled
        self.attempts = 0

    def enter(self, host: str) -> None:
        """Begin a request of `host`, as soon as its limits allow; `leave` must follow.

        Raises CancelledError if nobody waits for this image any more.
        """
        if self._cancelled.is_set():
            raise CancelledError
        if not self._pace.try_enter(host):
            with self._pace.lent():
                self._pace.enter(host, self._cancelled)

    def leave(self, host: str) -> None:
        """End a request of `host`."""
        self._pace.leave(host)

    def wait(self, seconds: float) -> None:
        """Let `seconds` pass before the next try."""
        with self._pace.lent():
            self._cancelled.wait(seconds)
