"""Keeps a folder on this machine as a bucket says, by a process of its own (see `mirroring`).

So neither a slow bucket nor Google's library is ever in the way of the supervisor, which follows
the folder as it would follow any other.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time

from serving.log import event
from serving.mirroring import Mirroring
from serving.news import News
from serving.processes import ended, fork, tell
from serving.settings import ServingSettings

_LOG = logging.getLogger(__name__)

_RESTART_SECONDS = 5.0
"""How long a mirroring process that died is missed before another takes its place."""


class Mirror:
    """The mirroring process as the supervisor sees it."""

    def __init__(self, settings: ServingSettings, listener: socket.socket) -> None:
        """Start it; it needs the listener only to let go of it."""
        self._settings = settings
        self._listener = listener
        self.news: News | None = None
        """The latest; None until the first look is over."""
        self._said = b""
        self._heard: int | None = None
        self._process: int | None = None
        self._start_at = 0.0
        self.mend()

    @property
    def heard(self) -> list[int]:
        """The descriptors on which news arrives."""
        return [] if self._heard is None else [self._heard]

    def hear(self) -> None:
        """Take the news that has arrived."""
        if self._heard is None:
            return
        try:
            piece = os.read(self._heard, 65536)
        except BlockingIOError:
            return
        if not piece:
            os.close(self._heard)
            self._heard = None
        *lines, self._said = (self._said + piece).split(b"\n")
        if lines:
            self.news = News.read(lines[-1])

    def mend(self) -> None:
        """Start the process again where it died."""
        if self._process is not None and ended(self._process):
            fields = event("mirror_died", died=self._process)
            _LOG.error("the mirroring process died; another takes its place", extra=fields)
            self._process = None
            self._start_at = time.monotonic() + _RESTART_SECONDS
            if self.news is None:
                self.news = News.of_bundle(None, "the mirroring process died; see the log")
        if self._process is None and self._heard is None and time.monotonic() >= self._start_at:
            self._start()

    def stop(self) -> None:
        """End the process; what it had not finished is begun anew by the next."""
        if self._process is not None:
            tell(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = None
        if self._heard is not None:
            os.close(self._heard)
            self._heard = None

    def _start(self) -> None:
        heard, said = os.pipe()
        supervisor = os.getpid()

        def run() -> int:
            os.close(heard)
            self._listener.close()
            return Mirroring(self._settings, said, supervisor).keep()

        self._process = fork(run)
        os.close(said)
        os.set_blocking(heard, False)
        self._heard, self._said = heard, b""
