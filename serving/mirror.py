"""Keeps a folder on this machine as a bucket says: first its live bundle, then its CURRENT.

A process of its own does it, so that neither a slow bucket nor Google's library is ever in the way
of the supervisor, which follows the folder as it would follow any other.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass
from typing import NamedTuple

from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.errors import NitamonoError, StorageError
from feature_store.storage import Timing
from serving.processes import ended, fork, tell
from serving.settings import ServingSettings

_LOG = logging.getLogger(__name__)

_TIMING = Timing(connect_seconds=5, read_seconds=20, retry_seconds=10)
_RETRY_SECONDS = 30.0
"""How long a bundle that could not be taken over is left alone."""

_RESTART_SECONDS = 5.0
"""How long a mirroring process that died is missed before another takes its place."""

_KEPT_BUNDLES = 1
"""Bundles kept besides the live one, its predecessor, and those that are open."""


class News(NamedTuple):
    """What a look at the bucket came to; `trouble` is empty where the folder is as it says."""

    bundle_id: str | None
    trouble: str = ""


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
            self.news = News(*json.loads(lines[-1]))

    def mend(self) -> None:
        """Start the process again where it died."""
        if self._process is not None and ended(self._process):
            _LOG.error("the mirroring process died; another takes its place")
            self._process = None
            self._start_at = time.monotonic() + _RESTART_SECONDS
            if self.news is None:
                self.news = News(None, "the mirroring process died; see the log")
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
            return _Mirroring(self._settings, said, supervisor).keep()

        self._process = fork(run)
        os.close(said)
        os.set_blocking(heard, False)
        self._heard, self._said = heard, b""


@dataclass
class _Refusal:
    """A bundle that could not be taken over, by the generation of the CURRENT that named it."""

    generation: int
    news: News
    retry_at: float


class _Mirroring:
    """What the mirroring process does."""

    def __init__(self, settings: ServingSettings, said: int, supervisor: int) -> None:
        self._settings = settings
        self._said = said
        self._supervisor = supervisor
        self._remote = RemoteRegistry(settings.bundles, settings.folder, _TIMING)
        self._local = BundleRegistry(settings.folder)
        self._mirrored: str | None = None
        """The bundle that is known to be in the folder, whole and pointed at."""
        self._refusal: _Refusal | None = None

    def keep(self) -> int:
        """Look at the bucket again and again, as long as the supervisor lives."""
        told: News | None = None
        while os.getppid() == self._supervisor:
            news = self._look()
            if news != told:
                with contextlib.suppress(BrokenPipeError):
                    os.write(self._said, json.dumps(news).encode() + b"\n")
                told = news
            time.sleep(self._settings.poll_seconds)
        return 0

    def _look(self) -> News:
        try:
            pointer = self._remote.pointer()
        except StorageError as error:
            return News(None, f"CURRENT cannot be read: {error}")
        wanted = pointer.bundle_id
        if wanted is None:
            where = self._remote.location
            return News(None, f"nothing has been published in {where}; publish a bundle first")
        if wanted == self._mirrored:
            self._refusal = None
            return News(wanted)
        refused = self._refusal
        same = refused is not None and refused.generation == pointer.generation
        if refused is not None and same and time.monotonic() < refused.retry_at:
            return refused.news
        news = self._take_over(wanted)
        until = time.monotonic() + _RETRY_SECONDS
        self._refusal = _Refusal(pointer.generation, news, until) if news.trouble else None
        return news

    def _take_over(self, bundle_id: str) -> News:
        begun = time.monotonic()
        try:
            self._remote.receive(bundle_id, self._settings.folder)
            if self._local.current() != bundle_id:
                self._local.point_at(bundle_id)
        except (NitamonoError, OSError) as error:
            return News(bundle_id, f"{bundle_id} cannot be taken over: {error}")
        self._mirrored = bundle_id
        _LOG.info("mirrored %s in %.1f s", bundle_id, time.monotonic() - begun)
        try:
            self._local.prune(_KEPT_BUNDLES)
        except OSError:
            _LOG.exception("old bundles in %s cannot be removed", self._settings.folder)
        return News(bundle_id)
