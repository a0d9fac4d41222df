"""A crop holds what its box touches, is never empty, and is squashed without speckle."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feature_store.photo.crops import crop, squash
from feature_store.schemas import WHOLE, Box

fractions = st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: pair[0] < pair[1])


@given(fractions, fractions, st.integers(1, 50), st.integers(1, 50))
def test_no_crop_is_empty(
    across: tuple[float, float], down: tuple[float, float], width: int, height: int
) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    cut = crop(pixels, Box(across[0], down[0], across[1], down[1]))
    assert cut.shape[0] >= 1
    assert cut.shape[1] >= 1


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 100), st.integers(1, 100))
def test_a_box_on_pixel_borders_gives_these_pixels(
    x0: int, y0: int, width: int, height: int
) -> None:
    pixels = np.arange(100 * 100 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 100, 3)
    x1, y1 = min(100, x0 + width), min(100, y0 + height)
    stored = np.array([x0 / 100, y0 / 100, x1 / 100, y1 / 100], np.float32)  # as in the store
    cut = crop(pixels, Box(*(float(value) for value in stored)))
    np.testing.assert_array_equal(cut, pixels[y0:y1, x0:x1])


def test_the_whole_box_is_the_photo_itself() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 11, 3)).astype(np.uint8)
    assert np.shares_memory(crop(pixels, WHOLE), pixels)
    np.testing.assert_array_equal(crop(pixels, WHOLE), pixels)


def test_squashing_takes_any_shape_and_any_stride() -> None:
    pixels = np.full((40, 3000, 3), 77, np.uint8)
    for shape in [(1, 1), (1, 3000), (40, 1), (40, 3000)]:
        cut = pixels[: shape[0], ::2][:, : shape[1]]
        squashed = squash(cut, 32)
        assert squashed.shape == (32, 32, 3)
        assert (squashed == 77).all()


def test_fine_stripes_shrink_to_grey_not_to_stripes() -> None:
    pixels = np.zeros((512, 512, 3), np.uint8)
    pixels[:, ::2] = 255
    squashed = squash(pixels, 32)
    assert abs(int(squashed.min()) - 127) <= 5
    assert abs(int(squashed.max()) - 127) <= 5
