"""The leader of a generation, and the workers that it forks and keeps alive."""

from __future__ import annotations

import gc
import logging
import os
import signal
import time

from serving.counters import Counters
from serving.generation import Generation, load
from serving.log import event
from serving.photo_pool import PhotoPool, open_pool
from serving.places import SOON_SECONDS, Place
from serving.processes import Bell, ended, fork, tell
from serving.served import Served
from serving.worker import Worker

_LOG = logging.getLogger(__name__)


def lead(generation: Generation) -> int:
    """Load and verify the bundles, fork the workers and keep them alive until told to stop."""
    counters = Counters(generation.board.claim())
    loaded = load(generation, counters)
    if loaded is None:
        return 0
    # Without this the collector would touch, and so copy, shared pages.
    gc.freeze()
    photos = _open_photos(generation, loaded.served)
    with Bell().listening() as bell:
        _Crew(generation, loaded.served, counters, bell, photos).keep(loaded.canary_refused)
    return 0


def _open_photos(generation: Generation, served: Served) -> PhotoPool | None:
    canary = None if served.canary is None else served.canary.bundle
    # As long as any process holds them, connections wait at the one, and the supervisor at the
    # other.
    closing = (generation.listener.fileno(), generation.report_to)
    return open_pool(generation.settings, served.live.bundle, canary, closing)


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
        self._places = [Place() for _ in range(generation.settings.workers)]
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
            self._bell.wait(1.0 if whole else SOON_SECONDS)
        self._stop()

    def _await_all(self, heard: int, canary_refused: str | None) -> None:
        """Report once every worker has said that it serves, or that one of them cannot."""
        with os.fdopen(heard, "rb") as pipe:
            waiting = len(self._places)
            while waiting and (said := pipe.read(1)):
                waiting -= len(said)
        if waiting:
            self._bell.stopping = True
            self._generation.report(refused="a worker ended before it could serve; see the log")
        else:
            told = {"canary_refused": canary_refused} if canary_refused else {}
            self._generation.report(serves=self._generation.bundle_id, **told)

    def _start(self, number: int, said: int | None = None) -> None:
        self._places[number].take(fork(lambda: self._work(said)), time.monotonic())

    def _mend(self) -> None:
        now = time.monotonic()
        for place in self._places:
            if place.worker is not None and ended(place.worker):
                fields = event("worker_died", worker=place.worker)
                _LOG.warning("worker %d ended; another takes its place", place.worker, extra=fields)
                place.leave(now)
        for number, place in enumerate(self._places):
            deserted = all(each.worker is None for each in self._places)
            if place.may_be_taken(now, deserted=deserted):
                self._counters.event("worker_restarts")
                try:
                    self._start(number)
                except OSError as error:  # no process or no memory for one: later, perhaps
                    _LOG.error("no worker can be started: %s", error)
                    place.leave(now)

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

    def _work(self, said: int | None) -> int:
        counters = Counters(self._generation.board.claim())
        door = None if self._photos is None else self._photos.door
        worker = Worker(self._generation, self._served, counters, self._leader, door)
        worker.run_until_stopped(said)
        return 0
