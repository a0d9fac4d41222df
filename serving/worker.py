"""One worker: a uvicorn server on the socket that all workers share."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from types import FrameType
from typing import cast

import uvicorn

from serving.app import Service, build_app
from serving.counters import Counters
from serving.events import open_events
from serving.generation import Generation
from serving.observed import Draining
from serving.pages import Widgets, shop_files
from serving.patience import Patience
from serving.photo_pool import PhotoDoor
from serving.photos import PhotoSearch
from serving.protocol import BoundedProtocol
from serving.served import Served
from serving.watch import Watch

_LOG = logging.getLogger(__name__)
_TICKS_A_LOOK = 10
"""Of uvicorn's ticks, ten of which are a second: how often quiet connections are looked for."""


def prepare(*, demo: bool) -> None:
    """Do once, before the first fork, what all workers of all bundles would do alike."""
    uvicorn.Config("", log_config=None).get_loop_factory()  # imports the event loop
    Widgets()
    if demo:
        shop_files()


class Worker(uvicorn.Server):
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
