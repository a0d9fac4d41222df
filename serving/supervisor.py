"""Follows CURRENT: a new bundle gets new workers, and the old ones leave once those serve.

The supervisor itself loads nothing, so that no bundle, however broken, can take it down.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from feature_store.bundle.records import CURRENT
from feature_store.bundle.registry import BundleRegistry
from feature_store.errors import BundleError, NitamonoError, NoBundleError, SettingsError
from serving.board import Board
from serving.metrics import COLUMNS, Counters
from serving.mirror import Mirror
from serving.processes import Bell, ended, fork, tell
from serving.settings import ServingSettings
from serving.workers import Generation, lead

_LOG = logging.getLogger(__name__)
_GENERATIONS = 8
"""How many generations have rows of their own on the board; more are never alive at once."""

_RETRY_SECONDS = 30.0
"""How long a refused bundle is left alone before it is looked at again."""


@dataclass
class _Leader:
    """A forked leader: the bundle it loads, and what it has said."""

    bundle_id: str
    process: int
    heard: int
    said: bytes = b""
    kill_at: float | None = None


@dataclass(frozen=True)
class _Refusal:
    """A bundle that cannot be served; `mark` tells one publication of it from the next."""

    bundle_id: str | None
    mark: int
    reason: str
    retry_at: float


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address; SettingsError when it is taken or not one of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"cannot listen on {host} port {port}: {error}; choose another with --host or --port"
        ) from error


class Supervisor:
    """Keeps one generation serving what CURRENT names, as far as that can be served."""

    def __init__(self, settings: ServingSettings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._registry = BundleRegistry(settings.folder)
        self._mirror: Mirror | None = None
        self._block = settings.workers + 1
        self._board = Board(1 + _GENERATIONS * self._block, COLUMNS)
        self._counters = Counters(self._board.cells[0])
        self._started = 0
        self._live: _Leader | None = None
        self._candidate: _Leader | None = None
        self._leaving: list[_Leader] = []
        self._refusal: _Refusal | None = None

    def run(self, on_serving: Callable[[str], None]) -> None:
        """Serve until SIGTERM or SIGINT; `on_serving` is told each bundle that begins to be served.

        Raises NoBundleError when nothing is published, BundleError when the bundle that is live at
        the start is refused.
        """
        with Bell().listening() as bell:
            try:
                if self._settings.is_remote:
                    self._mirror = Mirror(self._settings, self._listener)
                    while self._mirror.news is None and not bell.stopping:
                        self._wait(bell)
                if not bell.stopping:
                    self._candidate = self._start(self._first())
                while not bell.stopping:
                    self._step(on_serving)
                    self._wait(bell)
            finally:
                self._stop(bell)

    def _wait(self, bell: Bell) -> None:
        """Wait for a signal, for a process that has something to say, or for the next look."""
        also = [self._candidate.heard] if self._candidate else []
        also += self._mirror.heard if self._mirror else []
        bell.wait(self._settings.poll_seconds, *also)
        if self._mirror is not None:
            self._mirror.hear()
            self._mirror.mend()

    def _step(self, on_serving: Callable[[str], None]) -> None:
        self._hear(on_serving)
        if self._live is None and self._candidate is None and self._refusal is not None:
            raise BundleError(self._refusal.reason)
        self._mend()
        self._follow()

    def _first(self) -> str:
        try:
            current = self._registry.current()
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"{self._pointer} cannot be read: {error}") from error
        if current is None and self._trouble is not None:
            raise BundleError(self._trouble[1])
        if current is None:
            raise NoBundleError(
                f"nothing has been published in {self._settings.bundles}; build and publish a "
                "bundle first (nitamono index), or name another folder with --bundles"
            )
        return current

    def _start(self, bundle_id: str) -> _Leader:
        heard, said = os.pipe()
        first_row = 1 + (self._started % _GENERATIONS) * self._block
        self._started += 1
        generation = Generation(
            bundle_id, self._settings, self._listener, self._board, first_row, said
        )

        def run() -> int:
            os.close(heard)
            return lead(generation)

        process = fork(run)
        os.close(said)
        os.set_blocking(heard, False)
        return _Leader(bundle_id, process, heard)

    def _hear(self, on_serving: Callable[[str], None]) -> None:
        """Take the candidate's report: it takes over, or its bundle is refused."""
        candidate = self._candidate
        if candidate is None:
            return
        try:
            piece = os.read(candidate.heard, 65536)
        except BlockingIOError:
            return
        candidate.said += piece
        if piece and not candidate.said.endswith(b"\n"):
            return
        self._candidate = None
        os.close(candidate.heard)
        report = json.loads(candidate.said or "{}")
        if "serves" not in report:
            reason = f"loading {candidate.bundle_id} ended its process; see the log"
            self._refuse(candidate.bundle_id, report.get("refused", reason))
            self._leave(candidate)
            return
        if self._live is not None:
            self._leave(self._live)
            self._counters.event("swaps")
        self._live = candidate
        self._refusal = None
        self._board.tell({})
        on_serving(candidate.bundle_id)

    def _mend(self) -> None:
        """Reap leaders that have left, and replace a live one that died."""
        now = time.monotonic()
        self._leaving = [leader for leader in self._leaving if not ended(leader.process)]
        for leader in self._leaving:
            if leader.kill_at is not None and now > leader.kill_at:
                tell(leader.process, signal.SIGKILL)
        if self._live is None or self._candidate is not None:
            return  # with a candidate, wait: it may take over, and if not this comes round again
        if ended(self._live.process):
            _LOG.error("the leader of %s died; starting it again", self._live.bundle_id)
            self._candidate, self._live = self._start(self._live.bundle_id), None
            self._counters.event("restarts")

    def _follow(self) -> None:
        """Begin to load what CURRENT names, unless it is live, being loaded, or lately refused."""
        if self._candidate is not None:
            return
        if self._trouble is not None:
            self._refuse(*self._trouble)
            return
        try:
            current, mark = self._registry.current(), self._mark()
        except (OSError, UnicodeDecodeError, NitamonoError) as error:
            self._refuse(None, f"CURRENT cannot be read: {error}")
            return
        if current is None or (self._live is not None and current == self._live.bundle_id):
            self._forgive()
            return
        refused = self._refusal
        if (
            refused is not None
            and (refused.bundle_id, refused.mark) == (current, mark)
            and time.monotonic() < refused.retry_at
        ):
            return
        self._candidate = self._start(current)

    @property
    def _trouble(self) -> tuple[str | None, str] | None:
        """The bundle that the mirror could not take over, if it is known, and why."""
        news = self._mirror.news if self._mirror else None
        return (news.bundle_id, news.trouble) if news is not None and news.trouble else None

    @property
    def _pointer(self) -> Path:
        return self._settings.folder / CURRENT

    def _mark(self) -> int:
        try:
            return self._pointer.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _refuse(self, bundle_id: str | None, reason: str) -> None:
        told = self._refusal
        self._refusal = _Refusal(bundle_id, self._mark(), reason, time.monotonic() + _RETRY_SECONDS)
        if told is not None and (told.bundle_id, told.reason) == (bundle_id, reason):
            return
        if self._live is not None:
            _LOG.error("refused, bundle %s stays: %s", self._live.bundle_id, reason)
        self._counters.event("refusals")
        self._board.tell({"refused": {"bundle": bundle_id, "reason": reason[:4000]}})

    def _forgive(self) -> None:
        if self._refusal is not None:
            self._refusal = None
            self._board.tell({})

    def _leave(self, leader: _Leader) -> None:
        tell(leader.process, signal.SIGTERM)
        leader.kill_at = time.monotonic() + self._settings.drain_seconds + 5
        self._leaving.append(leader)

    def _stop(self, bell: Bell) -> None:
        # As long as any process holds it, new connections would wait instead of being refused.
        self._listener.close()
        if self._mirror is not None:
            self._mirror.stop()
            self._mirror = None
        for leader in (self._live, self._candidate):
            if leader is not None:
                self._leave(leader)
        self._live = self._candidate = None
        while self._leaving:
            self._mend()
            if self._leaving:
                bell.wait(0.1)
