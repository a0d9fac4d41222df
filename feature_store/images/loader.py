"""Addresses to decoded images, one or many at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from PIL import Image

from feature_store.errors import ImageError
from feature_store.images.fetch import Fetcher
from feature_store.images.pacing import Turn
from feature_store.images.settings import ImageSettings
from feature_store.photo.decode import LoadedImage, decode


@dataclass(frozen=True, eq=False)
class Loaded:
    """What became of one address: an image, an error, or neither, if it is unchanged.

    `fingerprint` says which version of the source this is (None: it tells none, or failed), and
    `attempts` how often it was asked for, at least once.
    """

    uri: str
    image: LoadedImage | None
    fingerprint: str | None
    attempts: int
    error: ImageError | None


class ImageLoader:
    """Fetches and decodes images; keeps connections open until closed or left as a context."""

    def __init__(self, settings: ImageSettings, *, fetcher: Fetcher | None = None) -> None:
        self._settings = settings
        self._fetcher = fetcher or Fetcher(settings)
        self._decoders = threading.Semaphore(os.cpu_count() or 1)
        Image.init()  # Pillow's own lazy start is not made for many threads

    def __enter__(self) -> ImageLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._fetcher.close()

    def load(self, uri: str) -> LoadedImage:
        """The image at `uri`, a path or an https:// address; raises ImageError if there is none."""
        with self._fetcher.pace.turn() as turn:
            image, _ = self._load(turn, uri, None)
        assert image is not None, "without a known fingerprint nothing is unchanged"
        return image

    def load_many(
        self, uris: Iterable[str], known: Mapping[str, str] | None = None
    ) -> Iterator[Loaded]:
        """Yield for each of `uris`, in order, the image or the ImageError that says why not.

        `known` holds fingerprints of earlier fetches by address: where one still holds there is
        neither. Several are under way at the same time; `uris` is read at most `look_ahead`
        addresses ahead of what was yielded, and no more than that many images are in memory.
        """
        known = known or {}
        waiting: deque[Future[Loaded]] = deque()
        cancelled = threading.Event()
        # A thread for each: most of them only wait, and none may wait for another's host.
        pool = ThreadPoolExecutor(self._settings.look_ahead, thread_name_prefix="images")
        try:
            for uri in uris:
                waiting.append(pool.submit(self._try, uri, known.get(uri), cancelled))
                if len(waiting) >= self._settings.look_ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            self._fetcher.pace.cancel(cancelled)
            pool.shutdown(cancel_futures=True)

    def _try(self, uri: str, known: str | None, cancelled: threading.Event) -> Loaded:
        with self._fetcher.pace.turn(cancelled) as turn:
            try:
                image, fingerprint = self._load(turn, uri, known)
            except ImageError as error:
                # A new one: the trace of the old one keeps the image's bytes in memory.
                told = ImageError(error.reason, error.detail)
                return Loaded(uri, None, None, max(1, turn.attempts), told)
            return Loaded(uri, image, fingerprint, turn.attempts, None)

    def _load(
        self, turn: Turn, uri: str, known: str | None
    ) -> tuple[LoadedImage | None, str | None]:
        """Fetch and decode within the turn, so that no more bytes than its places are held."""
        source = self._fetcher.fetch_in(turn, uri, known)
        if source.data is None:
            return None, source.fingerprint
        with self._decoders:
            return decode(source.data, self._settings), source.fingerprint
