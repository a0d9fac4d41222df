"""Images to regions and vectors: only what changed is read, and only the unknown computed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from feature_store.ingest.books import Books, Entry, Look
from feature_store.ingest.knowledge import Knowledge
from feature_store.ingest.looks import Looks
from feature_store.ingest.models import Models
from feature_store.photo.regions import describe, find_regions
from feature_store.schemas import PASSING_REASONS, WHOLE, region_id

if TYPE_CHECKING:
    from feature_store.images.loader import Loaded
    from feature_store.photo.decode import LoadedImage
    from feature_store.photo.extract import Extractor
    from feature_store.settings import Settings


class ImageDescriber:
    """Describes images chunk by chunk, into `knowledge`; counts what was detected and embedded."""

    def __init__(
        self,
        models: Models,
        knowledge: Knowledge,
        books: Books,
        settings: Settings,
        on_images: Callable[[int], None] | None = None,
    ) -> None:
        """Take the models, what is known of images, and what is known of their addresses.

        `on_images` is told how many images each chunk had, once it is described.
        """
        self._on_images = on_images
        self.detected = 0
        self.embedded = 0
        self._models = models
        self._knowledge = knowledge
        self._books = books
        self._settings = settings
        self._entries: dict[str, Entry] = {}
        self._computed: set[str] = set()
        self._hopeless: set[str] = set()  # the active extractor gave no vector for these

    @property
    def reused(self) -> int:
        """How many images can be used of which nothing had to be computed."""
        usable = {entry.image_id for entry in self._entries.values() if entry.indexed}
        return len(usable - self._computed)

    def describe(
        self, uris: Sequence[str], *, unchanged: bool = False, settled: bool = False
    ) -> dict[str, Entry]:
        """Describe the images at distinct addresses; return what the ledger says of each.

        `unchanged`: the items have not changed, so that a host that does not answer changes nothing
        either. `settled`: nothing that is known is asked for again.
        """
        from feature_store.images.loader import ImageLoader

        known = {uri: entry for uri in uris if (entry := self._books.known(uri))}
        self._knowledge.ask(e.image_id for e in known.values() if e.indexed and e.image_id)
        self._note_hopeless(known)
        reusable = {uri: entry for uri, entry in known.items() if self._is_reusable(entry)}
        if settled:
            kept = {uri: entry for uri, entry in known.items() if not entry.indexed}
            self._entries.update({**kept, **reusable})
        asked = [uri for uri in uris if uri not in self._entries]
        fingerprints = self._fingerprints(reusable)
        with ImageLoader(self._settings.images) as loader:
            loaded = loader.load_many(asked, fingerprints)
            while chunk := list(itertools.islice(loaded, self._settings.ingest.images_per_chunk)):
                self._describe_chunk(chunk, reusable, reusable if unchanged else {})
                if self._on_images is not None:
                    self._on_images(len(chunk))
        return self._entries

    def _fingerprints(self, reusable: dict[str, Entry]) -> dict[str, str]:
        looks = Looks(self._settings.home)
        latest = {
            uri: looks.fingerprint(uri, entry.image_id) or entry.fingerprint
            for uri, entry in reusable.items()
            # Whoever asks for a look does not believe the fingerprint.
            if not self._books.is_requeued(uri)
        }
        return {uri: fingerprint for uri, fingerprint in latest.items() if fingerprint}

    def _note_hopeless(self, known: dict[str, Entry]) -> None:
        for uri, entry in known.items():
            if entry.detail == self._complaint and not self._books.is_requeued(uri):
                self._hopeless.add(entry.image_id or "")

    @property
    def _complaint(self) -> str:
        return f"{self._models.extractor.identity} gave no finite vector for the image"

    def _is_reusable(self, entry: Entry) -> bool:
        from feature_store.images.thumbnails import keep_thumbnail

        return (
            entry.indexed
            and entry.image_id is not None
            and self._knowledge.is_complete(entry.image_id)
            and keep_thumbnail(self._settings.thumbnails, entry.image_id)
        )

    def _describe_chunk(
        self, chunk: list[Loaded], known: dict[str, Entry], instead: dict[str, Entry]
    ) -> None:
        """Describe what was loaded; `instead` are entries to keep where a host does not answer."""
        from feature_store.images.thumbnails import write_thumbnail

        fresh: dict[str, LoadedImage] = {}
        side_px = self._settings.ingest.thumbnail_long_side_px
        for loaded in chunk:
            if loaded.error is not None:
                self._entries[loaded.uri] = self._failed(loaded, instead)
            elif loaded.image is None:
                self._entries[loaded.uri] = known[loaded.uri]
            else:
                write_thumbnail(loaded.image, self._settings.thumbnails, side_px)
                fresh.setdefault(loaded.image.image_id, loaded.image)
        self._compute(fresh)
        for loaded in chunk:
            if loaded.image is not None:
                look = self._look(loaded.image.image_id, loaded.fingerprint)
                self._entries[loaded.uri] = self._books.note(loaded.uri, look)

    def _failed(self, loaded: Loaded, instead: dict[str, Entry]) -> Entry:
        from feature_store.images.source import fingerprint_of_file

        error = loaded.error
        assert error is not None
        if error.reason in PASSING_REASONS and loaded.uri in instead:
            return instead[loaded.uri]
        # A file that cannot be used is worth another look only when it has changed.
        fingerprint = None if "://" in loaded.uri else fingerprint_of_file(loaded.uri)
        look = Look(fingerprint=fingerprint, reason=error.reason, detail=error.detail)
        return self._books.note(loaded.uri, look)

    def _look(self, image_id: str, fingerprint: str | None) -> Look:
        whole = region_id(image_id, WHOLE)
        if (whole, self._models.extractor.identity) in self._knowledge.vectors:
            return Look(image_id, fingerprint)
        return Look(image_id, fingerprint, "not_extracted", self._complaint)

    def _compute(self, fresh: dict[str, LoadedImage]) -> None:
        knowledge = self._knowledge
        knowledge.ask(fresh)
        left = fresh.keys() - self._computed - self._hopeless
        images = [
            image
            for image_id, image in fresh.items()
            if image_id in left and not knowledge.is_complete(image_id)
        ]
        unseen = [image for image in images if image.image_id not in knowledge.images]
        if unseen:
            found = find_regions([image.pixels for image in unseen], self._models.detector)
            self.detected += len(unseen)
            for image, regions in zip(unseen, found, strict=True):
                knowledge.see(image.image_id, (image.width_px, image.height_px), regions)
        for extractor in self._models.extractors:
            self._embed(images, extractor)
        self._computed.update(image.image_id for image in images)

    def _embed(self, images: list[LoadedImage], extractor: Extractor) -> None:
        missing = {
            image.image_id: regions
            for image in images
            if (regions := self._knowledge.missing(image.image_id, extractor.identity))
        }
        if not missing:
            return
        pixels = [image.pixels for image in images if image.image_id in missing]
        wanted = [[named.region for named in regions] for regions in missing.values()]
        for regions, vectors in zip(
            missing.values(), describe(pixels, wanted, extractor), strict=True
        ):
            self.embedded += len(regions)
            for named, vector in zip(regions, vectors, strict=True):
                if np.isfinite(vector).all():
                    self._knowledge.vectors[named.name, extractor.identity] = vector
