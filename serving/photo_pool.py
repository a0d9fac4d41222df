"""The processes that read photos, kept by a leader, and the way its workers ask them.

They meet at a listening socket without a file: its backlog is the queue, so that it is bounded, all
workers share it, and whoever finds it full knows at once. ONNX Runtime is loaded in these processes
alone; the leader's threads and memory stay what they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_store.bundle.open import Bundle
from feature_store.errors import BundleError
from feature_store.photo.models import FOLDER, carries_models, read_models
from serving.log import event
from serving.photo_reading import Bounds, read_photos
from serving.photo_wire import BEGUN, Frame, receive_later
from serving.places import Place
from serving.processes import Bell, ended, fork, tell
from serving.settings import ServingSettings

_LOG = logging.getLogger(__name__)

NEEDED = ("onnxruntime", "PIL")
"""What `nitamono[photo]` installs; nothing of it is imported here."""

_START_SECONDS = 60.0


class BusyError(Exception):
    """So many photos wait that another one cannot."""


class LostError(Exception):
    """The process that read the photo has ended, or was too slow."""


@dataclass(frozen=True)
class PhotoDoor:
    """Where the workers of one leader ask, and about which bundles."""

    address: bytes
    bundles: frozenset[str]
    """The ids of those that carry models."""

    async def read(
        self, bundle_id: str, photo: bytes, seconds: float, on_turn: Callable[[], None]
    ) -> Frame:
        """Have a photo read with the models of a bundle; `on_turn` is called when that begins.

        BusyError if too many wait, LostError if the process ends or it takes longer.
        """
        asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            asking.setblocking(False)
            asking.connect(self.address)  # at once, or never: the queue is full
        except OSError as error:
            asking.close()
            raise BusyError from error
        reader, writer = await asyncio.open_connection(sock=asking)
        try:
            async with asyncio.timeout(seconds):
                writer.write(Frame({"bundle": bundle_id}, photo).encoded())
                await reader.readexactly(len(BEGUN))
                on_turn()
                return await receive_later(reader)
        except (OSError, EOFError) as error:  # TimeoutError is an OSError
            raise LostError from error
        finally:
            writer.transport.abort()  # what was not sent yet shall not be


class PhotoPool:
    """The processes of one leader. Made, started and mended by the leader alone."""

    def __init__(
        self, settings: ServingSettings, bundles: Mapping[str, Path], closing: Sequence[int]
    ) -> None:
        """Listen for photos; `closing` are descriptors that these processes must not keep open."""
        self._bundles = bundles
        self._bounds = Bounds(
            settings.photo_seconds,
            settings.photo_max_bytes,
            settings.photo_max_pixels,
            settings.photo_memory_mb,
        )
        self._places = [Place() for _ in range(settings.photo_workers)]
        self._closing = tuple(closing)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # A leading zero byte: a name that is in no folder, and that goes with the socket.
        address = b"\0nitamono-photo-" + secrets.token_hex(16).encode()
        self._listener.bind(address)
        self._listener.listen(settings.photo_queue - 1)  # the kernel holds one more than it is told
        self.door = PhotoDoor(address, frozenset(bundles))

    def start(self, bell: Bell) -> bool:
        """Start the processes; return whether one of them reads photos by now."""
        heard, said = os.pipe()
        try:
            for place in self._places:
                self._fork(place, said, heard)
        except OSError as error:
            _LOG.error("no process to read photos can be started: %s", error)
        os.close(said)
        deadline = time.monotonic() + _START_SECONDS
        os.set_blocking(heard, False)
        with os.fdopen(heard, "rb", buffering=0) as pipe:
            while not bell.stopping and time.monotonic() < deadline:
                bell.wait(deadline - time.monotonic(), heard)
                answer = pipe.read(1)
                if answer is not None:
                    return answer == b"+"
        return False

    def mend(self) -> bool:
        """Start again what has ended; return whether every place is taken."""
        now = time.monotonic()
        for place in self._places:
            if place.worker is not None and ended(place.worker):
                _LOG.warning(
                    "photo process %d ended; another takes its place",
                    place.worker,
                    extra=event("photo_process_ended", reader=place.worker),
                )
                place.leave(now)
        for place in self._places:
            deserted = all(each.worker is None for each in self._places)
            if place.may_be_taken(now, deserted=deserted):
                try:
                    self._fork(place, os.open(os.devnull, os.O_WRONLY), None)
                except OSError as error:
                    _LOG.error("no process to read photos can be started: %s", error)
                    place.leave(now)
        return all(place.worker is not None for place in self._places)

    def stop(self) -> None:
        """End the processes at once: whoever asked them has left."""
        self._listener.close()
        for place in self._places:
            if place.worker is not None:
                tell(place.worker, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(place.worker, 0)
                place.worker = None

    def _fork(self, place: Place, said: int, heard: int | None) -> None:
        def read() -> int:
            for descriptor in (*self._closing, *((heard,) if heard is not None else ())):
                os.close(descriptor)
            return read_photos(self._listener, self._bundles, self._bounds, said)

        try:
            place.take(fork(read), time.monotonic())
        finally:
            if heard is None:
                os.close(said)


def open_pool(
    settings: ServingSettings, live: Bundle, canary: Bundle | None, closing: Sequence[int]
) -> PhotoPool | None:
    """Return the pool that reads photos for these bundles; None where that is not to be had.

    It is by the settings, where the live bundle carries no models, or what runs them is not
    installed.
    """
    if not settings.photo_workers or not carries_models(live.folder):
        return None
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        _LOG.info(
            "photos are not answered: %s is not installed; install nitamono[photo]",
            " and ".join(missing),
            extra=event("photos_not_installed", missing=missing),
        )
        return None
    folders: dict[str, Path] = {}
    for bundle in (live, canary):
        if bundle is None or not carries_models(bundle.folder):
            continue
        try:
            _require_fitting(bundle)
        except BundleError as error:
            _LOG.error("photos are not answered: %s", error, extra=event("photos_not_possible"))
            if bundle is live:
                return None
            continue
        same = bundle is canary and _models(bundle) == _models(live)
        folders[bundle.bundle_id] = live.folder if same else bundle.folder
    return PhotoPool(settings, folders, closing)


def _models(bundle: Bundle) -> dict[str, str]:
    """Return the digests of the models, by their names."""
    files = bundle.manifest.files.items()
    return {name: entry.sha256 for name, entry in files if name.startswith(f"{FOLDER}/")}


def _require_fitting(bundle: Bundle) -> None:
    """Raise BundleError unless the models describe photos as the bundle's regions were."""
    carried = [(one.identity, one.dim) for one in read_models(bundle.folder).extractors]
    if carried != [(part.extractor, part.dim) for part in bundle.manifest.parts]:
        raise BundleError(f"{bundle.bundle_id} carries other extractors than it was indexed with")
