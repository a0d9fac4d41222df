"""Addresses to decoded images, one or many at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from PIL import Image

from feature_store.errors import ImageError
from feature_store.images.decode import LoadedImage, decode
from feature_store.images.fetch import Fetcher
from feature_store.images.settings import ImageSettings


class ImageLoader:
    """Fetches and decodes images; keeps connections open until closed or left as a context."""

    def __init__(self, settings: ImageSettings, *, fetcher: Fetcher | None = None) -> None:
        self._settings = settings
        self._fetcher = fetcher or Fetcher(settings)
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
        return decode(self._fetcher.fetch(uri), self._settings)

    def load_many(self, uris: Iterable[str]) -> Iterator[LoadedImage | ImageError]:
        """Yield for each of `uris`, in order, the image or the ImageError that says why not.

        Several are under way at the same time; `uris` is read at most `look_ahead` addresses ahead
        of what was yielded, and no more than that many images are in memory.
        """
        waiting: deque[Future[LoadedImage | ImageError]] = deque()
        pool = ThreadPoolExecutor(self._settings.concurrency, thread_name_prefix="images")
        try:
            for uri in uris:
                waiting.append(pool.submit(self._load_or_error, uri))
                if len(waiting) >= self._settings.look_ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _load_or_error(self, uri: str) -> LoadedImage | ImageError:
        try:
            return self.load(uri)
        except ImageError as error:
            return error
