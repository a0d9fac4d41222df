"""`POST /v1/search/image`: the look-alikes of the products in a photo."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from starlette.requests import Request
from starlette.responses import Response

from feature_store.errors import FilterError
from serving.answers import Answers, Picked, new_query_id
from serving.bodies import read_body
from serving.counters import CANARY, LIVE, Counters
from serving.observed import NOTES
from serving.parameters import Terms, photo_terms, refused_attribute
from serving.photo_pool import BusyError, LostError, PhotoDoor
from serving.photo_wire import Frame
from serving.pieces import encode, encode_text
from serving.problems import ProblemError
from serving.replies import json_reply
from serving.served import Served, drawn_share
from serving.settings import ServingSettings

PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")
MAX_UPLOADS = 16
"""Photos that one worker takes in at the same time: more would fill its memory."""
RETRY_SECONDS = 2

_REFUSED = {
    "not_an_image": (415, "unsupported-media-type"),
    "too_large": (413, "bad-photo"),
}
"""Status and kind of problem by the reason why a photo is refused; for others 422."""


@dataclass
class _Under:
    """Photos under way in this worker."""

    uploads: int = 0
    waiting: int = 0
    running: int = 0


class PhotoSearch:
    """Answers photos in one worker: its processes read them, the worker's searcher answers."""

    def __init__(
        self, door: PhotoDoor, served: Served, settings: ServingSettings, counters: Counters
    ) -> None:
        """Take where photos are read, and what answers."""
        self._door = door
        self._served = served
        self._settings = settings
        self._counters = counters
        self._under = _Under()

    async def answer(self, request: Request) -> Response:
        """Return the look-alikes of the products in a photo; ProblemError."""
        begun = time.perf_counter()
        terms = photo_terms(request.scope["query_string"])
        notes: dict[str, Any] = request.scope[NOTES]
        with self._uploading():
            photo = await read_body(request, PHOTO_TYPES, self._settings.photo_max_bytes)
            role, answers = self._choose(photo)
            read = await self._read(answers.bundle_id, photo)
        del photo
        asked = time.perf_counter()
        regions = await self._regions(answers, role, read, terms, notes)
        answered = time.perf_counter()
        query_id = notes["query_id"] = new_query_id()
        body = b'{"query_id":"%b","bundle":%b,"width_px":%d,"height_px":%d,"regions":[%b]}' % (
            query_id.encode(),
            encode_text(answers.bundle_id),
            read.said["width_px"],
            read.said["height_px"],
            b",".join(regions),
        )
        reply = json_reply(request, body, {"Cache-Control": "no-store"})
        notes |= {
            "read_seconds": asked - begun,
            "search_seconds": answered - asked,
            "write_seconds": time.perf_counter() - answered,
        }
        return reply

    @contextmanager
    def _uploading(self) -> Iterator[None]:
        if self._under.uploads >= MAX_UPLOADS:
            raise _busy(f"{self._under.uploads} photos are on their way already")
        self._under.uploads += 1
        try:
            yield
        finally:
            self._under.uploads -= 1

    def _choose(self, photo: bytes) -> tuple[str, Answers]:
        """Return who answers: the canary for its share of photos, the same photo always by one."""
        served, canary = self._served, self._served.canary
        if canary is not None and canary.bundle_id in self._door.bundles:
            name = hashlib.sha256(photo).hexdigest()
            if drawn_share(name, canary.bundle_id) < served.share:
                return CANARY, canary
        return LIVE, served.live

    async def _read(self, bundle_id: str, photo: bytes) -> Frame:
        """Have the photo read; ProblemError if it cannot be."""
        under = self._under
        running = False

        def on_turn() -> None:
            nonlocal running
            running = True
            under.waiting -= 1
            under.running += 1
            self._counters.photos(under.waiting, under.running)

        under.waiting += 1
        self._counters.photos(under.waiting, under.running)
        try:
            read = await self._door.read(bundle_id, photo, self._settings.photo_seconds, on_turn)
        except BusyError as error:
            raise _busy("as many photos as may wait are waiting already") from error
        except LostError as error:
            raise _busy("the photo was not read in time, or reading it failed") from error
        finally:
            under.running -= running
            under.waiting -= not running
            self._counters.photos(under.waiting, under.running)
        if "refused" in read.said:
            status, kind = _REFUSED.get(read.said["refused"], (422, "bad-photo"))
            raise ProblemError(status, kind, f"the photo cannot be used: {read.said['detail']}")
        if "failed" in read.said:
            raise _busy("reading the photo failed")
        return read

    async def _regions(
        self, answers: Answers, role: str, read: Frame, terms: Terms, notes: dict[str, Any]
    ) -> list[bytes]:
        """Return the answer about each region, one after the other."""
        told, kinds = read.said["regions"], set()
        vectors = np.frombuffer(read.data, "<f4").reshape(len(told), -1).astype(np.float32)
        parts = []
        for region, vector in zip(told, vectors, strict=True):
            picked = _pick(answers, vector, terms)
            kinds.add(picked.answered_by)
            count = len(picked.answer.hits) + len(picked.stand_ins)
            self._counters.answer(role, picked.answered_by, count, picked.fallback)
            parts.append(
                b'%b,"answered_by":"%b","hits":[%b]}'
                % (encode(region)[:-1], picked.answered_by.encode(), answers.hits(picked))
            )
            await asyncio.sleep(0)  # whoever has asked meanwhile is answered first
        notes["kind"] = kinds.pop() if len(kinds) == 1 else "mixed"
        return parts


def _pick(answers: Answers, vector: npt.NDArray[np.float32], terms: Terms) -> Picked:
    searcher = answers.searcher
    try:
        return answers.pick(lambda rules: searcher.by_vector(vector, rules), terms)
    except FilterError as error:
        raise refused_attribute(terms, error, answers.attributes) from error


def _busy(detail: str) -> ProblemError:
    return ProblemError(
        503, "busy", f"{detail}; ask again in a while", retry_after_seconds=RETRY_SECONDS
    )
