"""One generation of the service: a leader that loads bundles once, and the workers it forks."""

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
from typing import Any, cast

import uvicorn

from feature_store.bundle.registry import BundleRegistry
from feature_store.errors import NitamonoError
from serving.answers import Answers
from serving.app import Service, build_app
from serving.board import Board
from serving.events import open_events
from serving.metrics import Counters
from serving.observed import Draining
from serving.patience import Patience
from serving.photo_pool import PhotoDoor, PhotoPool, open_pool
from serving.photos import PhotoSearch
from serving.processes import Bell, ended, fork, tell
from serving.protocol import BoundedProtocol
from serving.served import Served
from serving.settings import ServingSettings
from serving.watch import Watch

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.1, 30.0
_STEADY_SECONDS = 60.0
_TICKS_A_LOOK = 10
"""Of uvicorn's ticks, ten of which are a second: how often quiet connections are looked for."""


@dataclass(frozen=True)
class Generation:
    """What a leader is told: which bundles, and what it shares with all other processes."""

    bundle_id: str
    canary_id: str | None
    needs_canary: bool
    """Whether the canary is what it is for: the bundle is served already."""
    settings: ServingSettings
    listener: socket.socket
    board: Board
    first_row: int
    """The leader's row of the board; its workers have the rows after it."""
    report_to: int
    """The descriptor on which it says, in one line of JSON, whether its workers serve."""


def lead(generation: Generation) -> int:
    """Load and verify the bundles, fork the workers and keep them alive until told to stop."""
    canary, refused = _load_canary(generation)
    if generation.needs_canary and canary is None:
        _report(generation, canary_refused=refused)
        return 0
    try:
        live = _load(generation, generation.bundle_id, shelf=generation.settings.demo)
    except NitamonoError as error:
        _report(generation, refused=str(error))
        return 0
    except Exception as error:
        _report(generation, refused=f"{generation.bundle_id} cannot be loaded: {error!r}")
        raise
    served = Served(live, canary)
    counters = Counters(generation.board.cells[generation.first_row])
    Watch(generation.settings.folder, served, counters).look()
    # What lives now lives on: without this the collector would touch, and so copy, shared pages.
    gc.collect()
    gc.freeze()
    photos = _open_photos(generation, served)
    with Bell().listening() as bell:
        _Crew(generation, served, counters, bell, photos).keep(refused)
    return 0


def _load(generation: Generation, bundle_id: str, *, shelf: bool) -> Answers:
    settings = generation.settings
    bundle = BundleRegistry(settings.folder).open(bundle_id)
    return Answers(bundle, shelf=shelf, popularity=settings.popularity)


def _load_canary(generation: Generation) -> tuple[Answers | None, str | None]:
    """Load the canary, if there is one; return it, or why it cannot be had."""
    if generation.canary_id is None:
        return None, None
    try:
        return _load(generation, generation.canary_id, shelf=False), None
    except NitamonoError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - no canary, however broken, is in the live one's way
        _LOG.exception("the canary %s", generation.canary_id)
        return None, f"{generation.canary_id} cannot be loaded: {error!r}"


def _open_photos(generation: Generation, served: Served) -> PhotoPool | None:
    canary = None if served.canary is None else served.canary.bundle
    # As long as any process holds them, connections wait at the one, and the supervisor at the
    # other.
    closing = (generation.listener.fileno(), generation.report_to)
    return open_pool(generation.settings, served.live.bundle, canary, closing)


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

    def __init__(
        self,
        generation: Generation,
        served: Served,
        counters: Counters,
        bell: Bell,
        photos: PhotoPool | None,
    ) -> None:
        self._generation = generation
        self._photos = photos
        self._served = served
        self._bell = bell
        self._counters = counters
        self._places = [_Place() for _ in range(generation.settings.workers)]
        self._leader = os.getpid()

    def keep(self, canary_refused: str | None) -> None:
        """Start the workers, start again those that die, and at the end let them finish."""
        supervisor = os.getppid()
        if self._photos is not None and not self._photos.start(self._bell):
            _LOG.error("photos are not answered: nothing can read them; the log says why")
            self._photos.stop()
            self._photos = None
        heard, said = os.pipe()
        for number in range(len(self._places)):
            self._start(number, said)
        os.close(said)
        self._await_all(heard, canary_refused)
        while not self._bell.stopping and os.getppid() == supervisor:
            self._mend()
            whole = all(place.worker is not None for place in self._places)
            whole = (self._photos is None or self._photos.mend()) and whole
            self._bell.wait(1.0 if whole else _FIRST_PAUSE_SECONDS)
        self._stop()

    def _await_all(self, heard: int, canary_refused: str | None) -> None:
        """Report once every worker has said that it serves, or that one of them cannot."""
        with os.fdopen(heard, "rb") as pipe:
            waiting = len(self._places)
            while waiting and (said := pipe.read(1)):
                waiting -= len(said)
        if waiting:
            self._bell.stopping = True
            _report(self._generation, refused="a worker ended before it could serve; see the log")
        else:
            told = {"canary_refused": canary_refused} if canary_refused else {}
            _report(self._generation, serves=self._generation.bundle_id, **told)

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
        if self._photos is not None:
            self._photos.stop()

    def _work(self, number: int, said: int | None) -> int:
        row = self._generation.board.cells[self._generation.first_row + 1 + number]
        door = None if self._photos is None else self._photos.door
        worker = _Worker(self._generation, self._served, Counters(row), self._leader, door)
        worker.run_until_stopped(said)
        return 0


class _Worker(uvicorn.Server):
    """A uvicorn server on the shared socket that leaves politely."""

    def __init__(
        self,
        generation: Generation,
        served: Served,
        counters: Counters,
        leader: int,
        photo_door: PhotoDoor | None,
    ) -> None:
        settings = generation.settings
        self._settings = settings
        self._watch = Watch(settings.folder, served, counters)
        self._watching: asyncio.Task[None] | None = None
        self._draining = Draining()
        self._patience = Patience(settings.head_seconds, settings.keep_alive_seconds)
        self._listener = generation.listener
        self._leader = leader
        self._said: int | None = None
        self._events = open_events(settings, counters.shopper_events)
        photos = None
        if photo_door is not None:
            photos = PhotoSearch(photo_door, served, settings, counters)
        service = Service(
            served, settings, generation.board, counters, self._draining, photos, self._events
        )
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
        self._watch.look()  # the leader did when it began, which may be long ago
        self._said = said
        self.run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say so."""
        await super().startup(sockets)
        self._watching = asyncio.create_task(self._keep_watching())
        if self._said is not None:
            os.write(self._said, b"+")
            os.close(self._said)

    async def _keep_watching(self) -> None:
        """Look for other tiers and shares, in a thread: nobody who asks waits for that."""
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                await asyncio.to_thread(self._watch.look)
            except Exception:  # noqa: BLE001 - what is served stays, and the next look may do
                _LOG.exception("what is beside CURRENT cannot be looked at")

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: stop as well when the leader is gone, however it went."""
        if counter % _TICKS_A_LOOK == 0:
            connections = cast("set[BoundedProtocol]", self.server_state.connections)
            self._patience.look(connections, time.monotonic())
        return await super().on_tick(counter) or os.getppid() != self._leader

    def handle_exit(self, _sig: int, _frame: FrameType | None) -> None:
        """Leave at a signal, without uvicorn's raising it once more at the end."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, ask clients to go with their next answer, then close quiet connections.

        Closing a kept-alive connection at once would fail the request that is just on its way.
        """
        if self._watching is not None:
            self._watching.cancel()
        for server in self.servers:
            server.close()
        self._draining.begun = True
        if self._events is not None:
            self._events.hasten()
        deadline = time.monotonic() + self._settings.idle_seconds
        while self.server_state.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)
        if self._events is not None:
            await asyncio.to_thread(self._events.close)
