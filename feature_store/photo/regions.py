"""The regions of a photo (itself and its products), and their features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.photo.detect import Detector
from feature_store.photo.extract import Extractor
from feature_store.schemas import WHOLE, Box

CHUNK = 256
"""Crops handed to an extractor at a time: views into the photos, so that none is copied."""


class Region(NamedTuple):
    """A box of a photo: `kind` is 'whole' (confidence 0, no label) or 'product'."""

    kind: str
    box: Box
    confidence: float
    label: str


WHOLE_REGION = Region("whole", WHOLE, 0.0, "")


def find_regions(images: Sequence[npt.NDArray[np.uint8]], detector: Detector) -> list[list[Region]]:
    """List each photo's regions: the whole image, then its products, the most confident first.

    A product that fills the whole image is the whole image: a region is named by its box alone.
    """
    return [
        [WHOLE_REGION, *(Region("product", *found) for found in detections if found.box != WHOLE)]
        for detections in detector.detect(images)
    ]


def describe(
    images: Sequence[npt.NDArray[np.uint8]],
    regions: Sequence[Sequence[Region]],
    extractor: Extractor,
) -> list[npt.NDArray[np.float32]]:
    """Describe the regions of each photo: one float32 (regions, dim) per photo, in their order.

    Batches reach across photos. A region that cannot be described is a row of NaN.
    """
    from feature_store.photo.crops import crop  # Pillow, which naming a region does not need

    counts = [len(listed) for listed in regions]
    views = [
        crop(pixels, region.box)
        for pixels, listed in zip(images, regions, strict=True)
        for region in listed
    ]
    vectors = np.empty((len(views), extractor.dim), np.float32)
    for start in range(0, len(views), CHUNK):
        chunk = views[start : start + CHUNK]
        vectors[start : start + len(chunk)] = extractor.extract(chunk)
    return np.split(vectors, np.cumsum(counts)[:-1]) if counts else []
