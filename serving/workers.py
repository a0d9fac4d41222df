"""One generation of the service: a leader that loads a bundle once, and the workers it forks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
import uvicorn

from feature_store.bundle.registry import BundleRegistry
from feature_store.errors import NitamonoError
from serving.answers import Answers
from serving.app import Service, build_app
from serving.board import Board
from serving.metrics import Counters
from serving.observed import Draining
from serving.processes import Bell, ended, fork, tell
from serving.protocol import BoundedProtocol
from serving.settings import ServingSettings

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.1, 30.0
_STEADY_SECONDS = 60.0


@dataclass(frozen=True)
class Generation:
    """What a leader is told: which bundle, and what it shares with all other processes."""

    bundle_id: str
    settings: ServingSettings
    listener: socket.socket
    board: Board
    first_row: int
    """The leader's row of the board; its workers have the rows after it."""
    report_to: int
    """The descriptor on which it says, in one line of JSON, whether its workers serve."""


def lead(generation: Generation) -> int:
    """Load and verify the bundle, fork the workers and keep them alive until told to stop."""
    try:
        bundle = BundleRegistry(generation.settings.folder).open(generation.bundle_id)
        answers = Answers(bundle, shelf=generation.settings.demo)
    except NitamonoError as error:
        _report(generation, refused=str(error))
        return 0
    except Exception as error:
        _report(generation, refused=f"{generation.bundle_id} cannot be loaded: {error!r}")
        raise
    # What lives now lives on: without this the collector would touch, and so copy, shared pages.
    gc.collect()
    gc.freeze()
    with Bell().listening() as bell:
        _Crew(generation, answers, bell).keep()
    return 0


def _report(generation: Generation, **said: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(generation.report_to, json.dumps(said).encode() + b"\n")


@dataclass
class _Place:
    """One worker's place: who has it, since when, and when it may be taken again."""

    worker: int | None = None
    since: float = 0.0
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    not_before: float = 0.0


class _Crew:
    """The workers of one leader."""

    def __init__(self, generation: Generation, answers: Answers, bell: Bell) -> None:
        self._generation = generation
        self._answers = answers
        self._bell = bell
        self._counters = Counters(generation.board.cells[generation.first_row])
        self._places = [_Place() for _ in range(generation.settings.workers)]
        self._leader = os.getpid()

    def keep(self) -> None:
        """Start the workers, start again those that die, and at the end let them finish."""
        supervisor = os.getppid()
        heard, said = os.pipe()
        for number in range(len(self._places)):
            self._start(number, said)
        os.close(said)
        self._await_all(heard)
        while not self._bell.stopping and os.getppid() == supervisor:
            self._mend()
            whole = all(place.worker is not None for place in self._places)
            self._bell.wait(1.0 if whole else _FIRST_PAUSE_SECONDS)
        self._stop()

    def _await_all(self, heard: int) -> None:
        """Report once every worker has said that it serves, or that one of them cannot."""
        with os.fdopen(heard, "rb") as pipe:
            waiting = len(self._places)
            while waiting and (said := pipe.read(1)):
                waiting -= len(said)
        if waiting:
            self._bell.stopping = True
            _report(self._generation, refused="a worker ended before it could serve; see the log")
        else:
            _report(self._generation, serves=self._generation.bundle_id)

    def _start(self, number: int, said: int | None = None) -> None:
        place = self._places[number]
        place.worker = fork(lambda: self._work(number, said))
        place.since = time.monotonic()

    def _mend(self) -> None:
        now = time.monotonic()
        for number, place in enumerate(self._places):
            if place.worker is not None and ended(place.worker):
                _LOG.warning("worker %d ended; another takes its place", place.worker)
                place.worker = None
                steady = now - place.since > _STEADY_SECONDS
                place.pause_seconds = _FIRST_PAUSE_SECONDS if steady else place.pause_seconds
                place.not_before = now + place.pause_seconds
                place.pause_seconds = min(2 * place.pause_seconds, _LAST_PAUSE_SECONDS)
            if place.worker is None and now >= place.not_before:
                self._counters.event("restarts")
                self._start(number)

    def _stop(self) -> None:
        settings = self._generation.settings
        self._generation.listener.close()
        left = {place.worker for place in self._places if place.worker is not None}
        for worker in left:
            tell(worker, signal.SIGTERM)
        deadline = time.monotonic() + settings.drain_seconds
        while left:
            left = {worker for worker in left if not ended(worker)}
            if left and time.monotonic() > deadline:
                for worker in left:
                    tell(worker, signal.SIGKILL)
            self._bell.wait(0.1 if left else 0)

    def _work(self, number: int, said: int | None) -> int:
        row = self._generation.board.cells[self._generation.first_row + 1 + number]
        worker = _Worker(self._generation, self._answers, row, self._leader)
        worker.run_until_stopped(said)
        return 0


class _Worker(uvicorn.Server):
    """A uvicorn server on the shared socket that leaves politely."""

    def __init__(
        self,
        generation: Generation,
        answers: Answers,
        row: npt.NDArray[np.float64],
        leader: int,
    ) -> None:
        settings = generation.settings
        self._settings = settings
        self._draining = Draining()
        self._listener = generation.listener
        self._leader = leader
        self._said: int | None = None
        service = Service(answers, settings, generation.board, Counters(row), self._draining)
        super().__init__(
            uvicorn.Config(
                build_app(service),
                http=BoundedProtocol,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                timeout_keep_alive=settings.keep_alive_seconds,
                timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
            )
        )

    def run_until_stopped(self, said: int | None) -> None:
        """Serve until SIGTERM, or until the leader is gone; writes one byte to `said` when up."""
        self._said = said
        self.run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say so."""
        await super().startup(sockets)
        if self._said is not None:
            os.write(self._said, b"+")
            os.close(self._said)

    async def on_tick(self, counter: int) -> bool:
        """Stop as well when the leader is gone, however it went."""
        return await super().on_tick(counter) or os.getppid() != self._leader

    def handle_exit(self, _sig: int, _frame: FrameType | None) -> None:
        """Leave at a signal, without uvicorn's raising it once more at the end."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, ask clients to go with their next answer, then close quiet connections.

        Closing a kept-alive connection at once would fail the request that is just on its way.
        """
        for server in self.servers:
            server.close()
        self._draining.begun = True
        deadline = time.monotonic() + self._settings.idle_seconds
        while self.server_state.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)
