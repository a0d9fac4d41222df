"""A process that reads photos: one after the other, politely, within bounds, and replaceable.

Whatever a stranger sends is decoded here, and here alone. What takes too long ends the process,
and what takes too much memory is refused; another process takes its place.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_store.errors import ImageError
from serving.photo_wire import BEGUN, Frame, has_left, receive

if TYPE_CHECKING:
    from feature_store.photo.reader import PhotoReader, ReadPhoto

_LOG = logging.getLogger(__name__)

NICENESS = 10
"""Look-ups get ten times the processor that this gets, when both want it."""
_PATIENCE_SECONDS = 5.0
"""How long a worker may take to send a photo that it has whole, or to take an answer."""
_HEAD_BYTES = 65_536
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Bounds:
    """How much one photo may cost."""

    seconds: float
    most_bytes: int
    most_pixels: int
    memory_mb: int
    """Beyond what the models take."""


def read_photos(
    listener: socket.socket, bundles: Mapping[str, Path], bounds: Bounds, ready: int
) -> int:
    """Load the models of these bundles, by their ids, and read photos until the parent is gone.

    `bundles`: the folder with the models of each; two may share one. Writes one byte to the
    descriptor `ready` once photos can be read.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # at Ctrl-C the leader says when
    os.nice(NICENESS)
    readers = _load(bundles, bounds)
    _limit_memory(bounds.memory_mb)
    os.write(ready, b"+")
    os.close(ready)
    listener.settimeout(_LOOK_SECONDS)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            if _is_ours(connection) and not _answer(connection, readers, bounds):
                return 1
    return 0


def _load(bundles: Mapping[str, Path], bounds: Bounds) -> dict[str, PhotoReader]:
    from feature_store.photo.limits import PhotoLimits
    from feature_store.photo.reader import PhotoReader

    limits = PhotoLimits(max_pixels=bounds.most_pixels)
    opened = {folder: PhotoReader(folder, limits) for folder in set(bundles.values())}
    return {bundle_id: opened[folder] for bundle_id, folder in bundles.items()}


def _limit_memory(megabytes: int) -> None:
    """Let this process take so much more than it has; not of what is mapped from files."""
    status = Path("/proc/self/status")
    if not status.exists():
        return  # no Linux: then the limits of pixels and bytes are all there is
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmData:"))
    most = int(line.split()[1]) * 1024 + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _is_ours(connection: socket.socket) -> bool:
    """Whether a process of the same user asks: the socket's name is no secret."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    sent = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", sent)[1] == os.getuid())


def _answer(connection: socket.socket, readers: Mapping[str, PhotoReader], bounds: Bounds) -> bool:
    """Answer one request; return whether this process is as good as before."""
    connection.settimeout(_PATIENCE_SECONDS)
    # The default action of the signal ends the process wherever it is, in foreign code, too.
    signal.setitimer(signal.ITIMER_REAL, bounds.seconds + _PATIENCE_SECONDS)
    try:
        connection.sendall(BEGUN)
        asked = receive(connection, bounds.most_bytes + _HEAD_BYTES)
        if asked is None or has_left(connection):
            return True
        answer, sound = _read(readers[asked.said["bundle"]], asked.data)
        connection.sendall(answer.encoded())
    except OSError:  # whoever asked has left, or does not listen
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return sound


def _read(reader: PhotoReader, photo: bytes) -> tuple[Frame, bool]:
    try:
        return _told(reader.read(photo)), True
    except ImageError as error:
        short = isinstance(error.__cause__, MemoryError)
        return Frame({"refused": error.reason, "detail": error.detail}, b""), not short
    except MemoryError:
        detail = "there is not enough memory for it"
        return Frame({"refused": "too_large", "detail": detail}, b""), False
    except Exception:  # noqa: BLE001 - the next photo may be another's
        _LOG.exception("a photo of %d bytes could not be read", len(photo))
        return Frame({"failed": True}, b""), False


def _told(read: ReadPhoto) -> Frame:
    said: dict[str, Any] = {
        "width_px": read.width_px,
        "height_px": read.height_px,
        "regions": [
            {
                "kind": region.kind,
                "box": [round(corner, 4) for corner in region.box],
                "confidence": round(region.confidence, 4),
            }
            for region in read.regions
        ],
    }
    return Frame(said, np.ascontiguousarray(read.vectors, "<f4").tobytes())
