"""Each photo's regions are itself and its products, each with its feature, in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from feature_store.photo import regions as module
from feature_store.photo.detect import Detection, WholeImageDetector
from feature_store.photo.regions import WHOLE_REGION, Region, describe, find_regions
from feature_store.schemas import WHOLE, Box

LEFT = Box(0.0, 0.0, 0.5, 1.0)
RIGHT = Box(0.5, 0.0, 1.0, 1.0)


class HalvesDetector:
    """Finds a bag on the left and a shoe on the right of photos that are wide."""

    identity = "halves@1"

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        both = [Detection(LEFT, 0.9, "bag"), Detection(RIGHT, 0.4, "shoe")]
        everything = [Detection(WHOLE, 0.8, "dress"), Detection(LEFT, 0.5, "bag")]
        return [both if image.shape[1] > image.shape[0] else everything for image in images]


class MeanColour:
    """Describes a crop by its mean colour, and remembers how many crops came together."""

    identity = "mean@1"
    dim = 3

    def __init__(self) -> None:
        self.batches: list[int] = []

    def extract(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        self.batches.append(len(crops))
        return np.array([crop.mean(axis=(0, 1)) for crop in crops], np.float32)


def test_the_whole_photo_comes_first_then_the_products() -> None:
    wide, tall = np.zeros((4, 8, 3), np.uint8), np.zeros((8, 4, 3), np.uint8)
    assert find_regions([wide, tall], HalvesDetector()) == [
        [WHOLE_REGION, Region("product", LEFT, 0.9, "bag"), Region("product", RIGHT, 0.4, "shoe")],
        [WHOLE_REGION, Region("product", LEFT, 0.5, "bag")],
    ]
    assert find_regions([wide], WholeImageDetector()) == [[WHOLE_REGION]]
    assert find_regions([], HalvesDetector()) == []


def test_each_region_gets_its_own_vector() -> None:
    photo = np.zeros((4, 8, 3), np.uint8)
    photo[:, :4] = 100
    photo[:, 4:] = 200
    (listed,) = find_regions([photo], HalvesDetector())
    (vectors,) = describe([photo], [listed], MeanColour())
    np.testing.assert_array_equal(vectors[:, 0], [150, 100, 200])


def test_batches_reach_across_photos_and_are_bounded() -> None:
    photos = [np.full((4, 4, 3), i % 256, np.uint8) for i in range(module.CHUNK + 10)]
    regions = [[WHOLE_REGION] * (i % 3) for i in range(len(photos))]
    extractor = MeanColour()
    vectors = describe(photos, regions, extractor)
    assert [len(rows) for rows in vectors] == [len(listed) for listed in regions]
    for i, rows in enumerate(vectors):
        assert (rows == i % 256).all()
    assert max(extractor.batches) == module.CHUNK
    assert sum(extractor.batches) == sum(len(listed) for listed in regions)


def test_nothing_to_describe_is_no_error() -> None:
    assert describe([], [], MeanColour()) == []
    (vectors,) = describe([np.zeros((2, 2, 3), np.uint8)], [[]], MeanColour())
    assert vectors.shape == (0, 3)
