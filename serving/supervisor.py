"""Follows CURRENT and CANARY: other bundles get new workers, and the old ones leave after that.

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

from feature_store.errors import BundleError, NoBundleError, SettingsError
from serving.counters import Counters, board_for
from serving.generation import Generation
from serving.log import event
from serving.mirror import Mirror
from serving.news import CANARY_REFUSED, REFUSED
from serving.processes import Bell, ended, fork, raise_file_limit, tell
from serving.settings import ServingSettings
from serving.wishes import Wishes
from serving.worker import prepare
from serving.workers import lead

_LOG = logging.getLogger(__name__)
_GENERATIONS = 16
"""How many generations can be counted at the same time: the live one, and those that leave."""


@dataclass
class _Leader:
    """A forked leader: the bundles it loads, and what it has said."""

    bundle_id: str
    canary_id: str | None
    process: int
    heard: int
    said: bytes = b""
    kill_at: float | None = None


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
    """Keeps one generation serving what the pointers name, as far as that can be served."""

    def __init__(self, settings: ServingSettings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._mirror: Mirror | None = None
        self._board = board_for(1 + _GENERATIONS * (settings.workers + 1))
        self._counters = Counters(self._board.claim())
        self._live: _Leader | None = None
        self._candidate: _Leader | None = None
        self._leaving: list[_Leader] = []
        self._wishes = Wishes(settings.folder, self._board, self._counters)

    def run(self, on_serving: Callable[[str, str | None], None]) -> None:
        """Serve until SIGTERM or SIGINT.

        `on_serving` is told each bundle that begins to be served, and its canary.

        Raises NoBundleError when nothing is published, BundleError when the bundle that is live at
        the start is refused.
        """
        raise_file_limit()
        prepare(demo=self._settings.demo)
        with Bell().listening() as bell:
            try:
                if self._settings.is_remote:
                    self._mirror = Mirror(self._settings, self._listener)
                    while self._mirror.news is None and not bell.stopping:
                        self._wait(bell)
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

    def _step(self, on_serving: Callable[[str, str | None], None]) -> None:
        self._hear(on_serving)
        refused = self._wishes.refused(REFUSED)
        if self._live is None and self._candidate is None and refused is not None:
            raise BundleError(refused.reason)
        self._mend()
        self._follow()

    def _first(self) -> str:
        current = self._wishes.first()
        if current is None:
            raise NoBundleError(
                f"nothing has been published in {self._settings.bundles}; build and publish a "
                "bundle first (nitamono index), or name another folder with --bundles"
            )
        return current

    def _start(self, bundle_id: str, canary_id: str | None) -> _Leader | None:
        """Fork a leader; None where there is no room for one, and the next look tries again.

        With a canary for what is served already, it is that or nothing.
        """
        try:
            heard, said = os.pipe()
        except OSError as error:
            _LOG.error("bundle %s cannot be loaded now: %s", bundle_id, error)
            return None
        served_already = self._live is not None and self._live.bundle_id == bundle_id
        generation = Generation(
            bundle_id,
            canary_id,
            served_already and canary_id is not None,
            self._live is not None,
            self._settings,
            self._listener,
            self._board,
            said,
        )

        def run() -> int:
            os.close(heard)
            return lead(generation)

        try:
            process = fork(run)
        except OSError as error:
            _LOG.error("bundle %s cannot be loaded now: %s", bundle_id, error)
            os.close(heard)
            return None
        finally:
            os.close(said)
        os.set_blocking(heard, False)
        return _Leader(bundle_id, canary_id, process, heard)

    def _hear(self, on_serving: Callable[[str, str | None], None]) -> None:
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
        if "canary_refused" in report:
            self._wishes.refuse(CANARY_REFUSED, candidate.canary_id, report["canary_refused"])
        elif candidate.canary_id is not None and not report:  # it may be what ended the process
            reason = f"loading it beside {candidate.bundle_id} ended the process; see the log"
            self._wishes.refuse(CANARY_REFUSED, candidate.canary_id, reason)
        elif "serves" not in report:
            reason = f"loading {candidate.bundle_id} ended its process; see the log"
            self._wishes.refuse(REFUSED, candidate.bundle_id, report.get("refused", reason))
        if "serves" not in report:
            self._leave(candidate)
            return
        if "canary_refused" in report:
            candidate.canary_id = None
        self._take_over(candidate)
        on_serving(candidate.bundle_id, candidate.canary_id)

    def _take_over(self, candidate: _Leader) -> None:
        if self._live is not None:
            self._leave(self._live)
            self._counters.event("bundle_swaps")
        self._live = candidate
        self._wishes.served = candidate.bundle_id
        self._wishes.forgive(REFUSED)
        if candidate.canary_id is not None:
            self._wishes.forgive(CANARY_REFUSED)

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
            fields = event("leader_died", bundle=self._live.bundle_id, died=self._live.process)
            said = "the leader of %s died; starting it again"
            _LOG.error(said, self._live.bundle_id, extra=fields)
            dead, self._live = self._live, None
            self._candidate = self._start(dead.bundle_id, dead.canary_id)
            self._counters.event("worker_restarts")

    def _follow(self) -> None:
        """Begin to load what the pointers name, unless it is served, being loaded, or refused."""
        if self._mirror is not None and self._mirror.news is not None:
            self._wishes.hear(self._mirror.news.troubles)
        if self._candidate is not None:
            return
        live = self._live
        if live is None:
            bundle_id = self._first()
            self._candidate = self._start(bundle_id, self._wishes.canary(bundle_id, None))
            return
        bundle_id = self._wishes.bundle(live.bundle_id)
        loaded = live.canary_id if bundle_id == live.bundle_id else None
        canary_id = self._wishes.canary(bundle_id, loaded)
        if (bundle_id, canary_id) != (live.bundle_id, live.canary_id):
            self._candidate = self._start(bundle_id, canary_id)

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
