"""What is known of images: their regions under the detector in use, and the regions' vectors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.photo.regions import Region
from feature_store.schemas import Box, region_id
from feature_store.tables.store import Known

Vector = npt.NDArray[np.float32]
Ask = Callable[[list[str]], Known]
"""Asks somebody for the regions and vectors of images, by `image_id`."""


class NamedRegion(NamedTuple):
    """A region, and the name that its image and its box give it."""

    name: str
    region: Region


class SeenImage(NamedTuple):
    """An image that the detector has seen: the size of the original, and its distinct regions."""

    width_px: int
    height_px: int
    regions: list[NamedRegion]


class Knowledge:
    """Regions and vectors, gathered from what was stored and from what is computed meanwhile."""

    def __init__(self, extractors: Sequence[str], sources: Sequence[Ask]) -> None:
        """Take the extractors in use, by identity, and whom to ask, one after the other."""
        self.images: dict[str, SeenImage] = {}
        self.vectors: dict[tuple[str, str], Vector] = {}  # (region, extractor) → vector
        self._extractors = extractors
        self._sources = sources
        self._asked: set[str] = set()

    def ask(self, image_ids: Iterable[str]) -> None:
        """Find out what is known of images that were not asked for yet."""
        wanted = list(dict.fromkeys(name for name in image_ids if name not in self._asked))
        self._asked.update(wanted)
        for source in self._sources:
            wanted = [image_id for image_id in wanted if not self.is_complete(image_id)]
            if not wanted:
                return
            known = source(wanted)
            self._note_regions(known.regions)
            self._note_vectors(known.vectors)

    def is_complete(self, image_id: str) -> bool:
        """Tell whether there is nothing left to compute for an image."""
        return image_id in self.images and not any(
            self.missing(image_id, extractor) for extractor in self._extractors
        )

    def missing(self, image_id: str, extractor: str) -> list[NamedRegion]:
        """Return the regions of a seen image of which there is no vector under an extractor."""
        return [
            found
            for found in self.images[image_id].regions
            if (found.name, extractor) not in self.vectors
        ]

    def see(self, image_id: str, size_px: tuple[int, int], regions: Sequence[Region]) -> None:
        """Note the regions that the detector found in an image of (width, height)."""
        named: dict[str, NamedRegion] = {}
        for region in regions:
            # As the store will have them, so that the name can be told from them again.
            box = Box(*(float(np.float32(corner)) for corner in region.box))
            name = region_id(image_id, box)
            # Boxes alike to a ten-thousandth are one region: the first is the most confident one.
            named.setdefault(name, NamedRegion(name, region._replace(box=box)))
        self.images[image_id] = SeenImage(*size_px, list(named.values()))

    def described(self, image_id: str, extractor: str) -> list[NamedRegion]:
        """Return the regions of a seen image of which there is a vector under an extractor."""
        return [
            found
            for found in self.images[image_id].regions
            if (found.name, extractor) in self.vectors
        ]

    def _note_regions(self, rows: pa.Table) -> None:
        sizes: dict[str, tuple[int, int]] = {}
        found: dict[str, dict[str, NamedRegion]] = {}
        for row in rows.to_pylist():
            image_id, name = row["image_id"], row["region_id"]
            sizes[image_id] = (row["width_px"], row["height_px"])
            box = Box(*(row[corner] for corner in Box._fields))
            region = Region(row["kind"], box, row["confidence"], row["label"])
            found.setdefault(image_id, {}).setdefault(name, NamedRegion(name, region))
        for image_id, regions in found.items():
            # Without its whole image among them they are not all that the detector found.
            if any(named.region.kind == "whole" for named in regions.values()):
                seen = SeenImage(*sizes[image_id], list(regions.values()))
                self.images.setdefault(image_id, seen)

    def _note_vectors(self, rows: pa.Table) -> None:
        regions, extractors = (rows[name].to_pylist() for name in ("region_id", "extractor"))
        keys = iter(zip(regions, extractors, strict=True))
        for chunk in rows["vector"].chunks:
            values, ends = chunk.values.to_numpy(), chunk.offsets.to_numpy()
            for start, end in itertools.pairwise(ends):
                self.vectors.setdefault(next(keys), values[start:end])
