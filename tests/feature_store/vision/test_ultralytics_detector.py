"""Boxes come back to the photo's coordinates, sifted, ordered and named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from feature_store.errors import VisionError
from feature_store.photo.detect import WholeImageDetector
from feature_store.vision.settings import VisionSettings
from feature_store.vision.ultralytics_detector import UltralyticsDetector
from tests.feature_store.vision.detectors import Canned, RedFinder
from tests.feature_store.vision.pictures import red_box

CPU = VisionSettings(device="cpu", precision="float32")
PHOTO = np.zeros((64, 64, 3), np.uint8)


def corner_rows(*rows: list[float]) -> list[list[float]]:
    """Rows x0 y0 x1 y1 score label of an end-to-end model, padded as such models do."""
    return [*rows, [0.0] * 6]


def test_a_box_is_found_where_it_is_whatever_the_photo_s_shape() -> None:
    detector = UltralyticsDetector(CPU, RedFinder())
    photos = [
        red_box(512, 256, (128, 64, 256, 192)),
        red_box(300, 900, (30, 90, 270, 450)),
        red_box(40, 40, (10, 20, 30, 40)),
    ]
    expected = [(0.25, 0.25, 0.5, 0.75), (0.1, 0.1, 0.9, 0.5), (0.25, 0.5, 0.75, 1.0)]
    for (found,), box in zip(detector.detect(photos), expected, strict=True):
        assert found.box == pytest.approx(box, abs=0.03)  # a pixel of the 128 px square
        assert found.label == "bag"
        assert found.confidence == pytest.approx(0.9)


def test_batches_answer_as_single_photos_do() -> None:
    photos = [red_box(100, 60 + 10 * i, (10, 10, 50 + i, 40)) for i in range(7)]
    small = UltralyticsDetector(VisionSettings(device="cpu", detector_batch=3), RedFinder())
    together = small.detect(photos)
    assert together == [small.detect([photo])[0] for photo in photos]
    assert small.detect([]) == []


def test_an_end_to_end_answer_is_read_without_its_padding() -> None:
    rows = corner_rows([0, 0, 32, 32, 0.5, 0], [32, 32, 64, 64, 0.8, 1], [0, 32, 32, 64, 0.1, 1])
    detector = UltralyticsDetector(CPU, Canned(rows, {0: "shoe", 1: "bag"}))
    (found,) = detector.detect([PHOTO])
    assert [(d.label, d.box) for d in found] == [
        ("bag", (0.5, 0.5, 1.0, 1.0)),
        ("shoe", (0.0, 0.0, 0.5, 0.5)),
    ]


def test_one_thing_is_found_once_under_its_best_label() -> None:
    overlapping = ([0, 0, 40, 40, 0.6, 0], [0, 0, 40, 40, 0.7, 1], [1, 1, 40, 40, 0.5, 1])
    end_to_end = Canned(corner_rows(*overlapping), {0: "shoe", 1: "bag"})
    (found,) = UltralyticsDetector(CPU, end_to_end).detect([PHOTO])
    assert [d.label for d in found] == ["bag"]
    raw = Canned([[20, 20, 40, 40, 0.6], [21, 21, 40, 40, 0.7], [50, 50, 20, 20, 0.5]])
    (found,) = UltralyticsDetector(CPU, raw).detect([PHOTO])
    assert [d.confidence for d in found] == pytest.approx([0.7, 0.5])


def test_small_weak_and_broken_boxes_are_dropped() -> None:
    nan = float("nan")
    rows = corner_rows(
        [0, 0, 3, 3, 0.9, 0],
        [10, 10, 10, 40, 0.9, 0],
        [nan, 0, 20, 20, 0.9, 0],
        [0, 0, 20, 20, nan, 0],
        [30, 30, 60, 60, 0.2, 0],
        [20, 20, 50, 50, 0.4, 0],
    )
    (found,) = UltralyticsDetector(CPU, Canned(rows)).detect([PHOTO])
    assert [d.confidence for d in found] == pytest.approx([0.4])


def test_at_most_so_many_products_the_best_ones() -> None:
    rows = [[8 * i, 0, 8 * i + 8, 64, 0.3 + 0.05 * i, 0] for i in range(8)]
    settings = VisionSettings(device="cpu", precision="float32", max_products=3)
    (found,) = UltralyticsDetector(settings, Canned(rows)).detect([PHOTO])
    assert [d.confidence for d in found] == pytest.approx([0.65, 0.6, 0.55])


@pytest.mark.parametrize("rows", [[[0.0] * 7], [0.0] * 6, [[[0.0] * 7]]])
def test_an_answer_of_another_shape_is_an_error(rows: list[list[float]]) -> None:
    with pytest.raises(VisionError, match="a detection model answers"):
        UltralyticsDetector(CPU, Canned(rows)).detect([PHOTO])


def test_a_model_that_fails_is_an_error_of_ours() -> None:
    with pytest.raises(VisionError, match="failed on a batch"):
        UltralyticsDetector(CPU, RedFinder()).detect([PHOTO])  # nothing red: it takes min of none


def test_the_identity_follows_weights_and_limits_only() -> None:
    def identity(module: torch.nn.Module, **settings: float) -> str:
        chosen = VisionSettings(device="cpu", **settings)  # type: ignore[arg-type]
        return UltralyticsDetector(chosen, module).identity

    first = identity(RedFinder())
    assert first.startswith("redfinder@")
    assert first == identity(RedFinder(), detector_batch=2, threads=torch.get_num_threads())
    others = {
        identity(RedFinder((0.1, 0.9))),
        identity(RedFinder(), confidence=0.3),
        identity(RedFinder(), iou=0.5),
        identity(RedFinder(), max_products=2),
        identity(RedFinder(), min_product_share=0.1),
        identity(RedFinder(), detector_image_px=64),
    }
    assert len(others) == 6
    assert first not in others


def test_no_detector_finds_no_products() -> None:
    assert WholeImageDetector().detect([PHOTO, PHOTO]) == [[], []]
