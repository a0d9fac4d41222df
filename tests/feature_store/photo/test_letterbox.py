"""Photos keep their shape in the square, and boxes find their way back."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.photo.letterbox import GREY, Placement, box_in_photo, letterbox


def test_photos_of_any_shape_make_one_batch() -> None:
    shapes = [(200, 100), (100, 200), (1, 1), (1, 3000), (3000, 1), (64, 64)]
    images = [np.full((*shape, 3), 200, np.uint8) for shape in shapes]
    batch, placements = letterbox(images, 64)
    assert batch.shape == (6, 64, 64, 3)
    assert placements[0] == Placement(16, 0, 32, 64)
    assert placements[3] == Placement(0, 31, 64, 1)
    for square, (left, top, width, height) in zip(batch, placements, strict=True):
        assert (square == 200).all(axis=2).sum() == width * height
        assert (square[top : top + height, left : left + width] == 200).all()
        assert set(np.unique(square)) <= {GREY, 200}


def test_no_photos_make_an_empty_batch() -> None:
    batch, placements = letterbox([], 32)
    assert batch.shape == (0, 32, 32, 3)
    assert placements == []


def test_a_box_is_carried_back_and_clipped() -> None:
    placement = Placement(16, 0, 32, 64)
    inside = box_in_photo(np.array([24, 16, 40, 48], np.float32), placement)
    assert inside == (0.25, 0.25, 0.75, 0.75)
    over = box_in_photo(np.array([0, -5, 99, 70], np.float32), placement)
    assert over == (0, 0, 1, 1)


@pytest.mark.parametrize(
    "corners",
    [
        [20, 20, 20, 40],
        [20, 40, 40, 20],
        [0, 0, 10, 64],
        [np.nan, 0, 30, 30],
        [0, 0, np.inf, 30],
        [20, 20, 20.0001, 40],
    ],
)
def test_nothing_left_of_a_box_is_no_box(corners: list[float]) -> None:
    assert box_in_photo(np.array(corners, np.float32), Placement(16, 0, 32, 64)) is None
