"""Images to features: fetched and decoded in chunks, looked up, and only the unknown computed."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.ingest.outcomes import REGIONS, Failure, Outcomes, by_image
from feature_store.schemas import Box, region_id

if TYPE_CHECKING:
    from feature_store.images.decode import LoadedImage
    from feature_store.images.loader import Loaded
    from feature_store.settings import Settings
    from feature_store.vision.detect import Detector
    from feature_store.vision.extract import Extractor
    from feature_store.vision.regions import Region

Known = Callable[[list[str]], pa.Table]
"""Asks for features (schema FEATURES) that need not be computed again, by `image_id`."""


@dataclass(frozen=True)
class Models:
    """The detector and the extractor that describe a shard."""

    detector: Detector
    extractor: Extractor

    @classmethod
    def load(cls, settings: Settings) -> Models:
        """Load the models that the settings name; VisionError if they cannot be had."""
        from feature_store.vision.models import load_detector, load_extractor

        return cls(load_detector(settings.vision), load_extractor(settings.vision))

    def key(self, settings: Settings) -> str:
        """Name everything besides the items that a shard's rows depend on: 16 hex digits."""
        parts = [self.detector.identity, self.extractor.identity, asdict(settings.images)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class ImageDescriber:
    """Describes images chunk by chunk; counts what was reused, detected and embedded."""

    def __init__(self, models: Models, known: Known, settings: Settings) -> None:
        """Take the models, and how to ask for what is known already."""
        self.outcomes = Outcomes()
        self.reused = 0
        self.detected = 0
        self.embedded = 0
        self._models = models
        self._known = known
        self._settings = settings

    def describe(self, uris: Sequence[str]) -> Outcomes:
        """Describe the images at distinct addresses; an image that cannot be is a failure."""
        from feature_store.images.loader import ImageLoader

        with ImageLoader(self._settings.images) as loader:
            loaded = loader.load_many(uris)
            while chunk := list(itertools.islice(loaded, self._settings.ingest.images_per_chunk)):
                self._describe_chunk(chunk)
        return self.outcomes

    def _describe_chunk(self, chunk: list[Loaded]) -> None:
        from feature_store.images.thumbnails import write_thumbnail

        fresh: dict[str, LoadedImage] = {}
        for loaded in chunk:
            uri, image, error = loaded.uri, loaded.image, loaded.error
            if error is not None:
                self.outcomes.unreadable(uri, Failure(error.reason, error.detail))
                continue
            assert image is not None, "nothing was said to be known"
            self.outcomes.loaded(uri, image.image_id)
            side_px = self._settings.ingest.thumbnail_long_side_px
            write_thumbnail(image, self._settings.thumbnails, side_px)
            if not self.outcomes.is_settled(image.image_id):
                fresh.setdefault(image.image_id, image)
        if fresh:
            self._reuse(list(fresh))
            self._compute([i for i in fresh.values() if not self.outcomes.is_settled(i.image_id)])

    def _reuse(self, image_ids: list[str]) -> None:
        for image_id, rows in by_image(self._known(image_ids)):
            self.outcomes.described(image_id, rows)
            self.reused += 1

    def _compute(self, images: list[LoadedImage]) -> None:
        from feature_store.vision.regions import describe, find_regions

        if not images:
            return
        pixels = [image.pixels for image in images]
        regions = find_regions(pixels, self._models.detector)
        vectors = describe(pixels, regions, self._models.extractor)
        self.detected += len(images)
        self.embedded += sum(len(rows) for rows in vectors)
        for image, found, rows in zip(images, regions, vectors, strict=True):
            self._note(image, found, rows)

    def _note(
        self, image: LoadedImage, regions: list[Region], vectors: npt.NDArray[np.float32]
    ) -> None:
        usable = [bool(np.isfinite(vector).all()) for vector in vectors]
        if not usable[0]:  # the first region is the whole image
            complaint = f"{self._models.extractor.identity} gave no finite vector for the image"
            self.outcomes.failed(image.image_id, Failure("not_extracted", complaint))
            return
        # Boxes alike to a ten-thousandth are one region: the first is the most confident one.
        names = [region_id(image.image_id, Box(*region.box)) for region in regions]
        kept = [n for n, name in enumerate(names) if usable[n] and names.index(name) == n]
        self.outcomes.described(image.image_id, self._rows(image, regions, vectors, kept))

    def _rows(
        self,
        image: LoadedImage,
        regions: list[Region],
        vectors: npt.NDArray[np.float32],
        kept: list[int],
    ) -> pa.Table:
        models = self._models
        rows = [
            {
                "image_id": image.image_id,
                "width_px": image.width_px,
                "height_px": image.height_px,
                "region_id": region_id(image.image_id, Box(*regions[n].box)),
                "kind": regions[n].kind,
                **Box(*regions[n].box)._asdict(),
                "confidence": regions[n].confidence,
                "label": regions[n].label,
                "detector": models.detector.identity,
                "extractor": models.extractor.identity,
                "dim": models.extractor.dim,
                "vector": vectors[n],
            }
            for n in kept
        ]
        return pa.Table.from_pylist(rows, schema=REGIONS)
