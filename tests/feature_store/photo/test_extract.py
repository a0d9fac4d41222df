"""Rows have a norm of one, and what cannot be normalised is NaN."""

from __future__ import annotations

import numpy as np

from feature_store.photo.extract import normalise_rows


def test_rows_are_scaled_to_one_each() -> None:
    rows = normalise_rows(np.array([[3, 4], [0, -2], [1e-20, 0]], np.float32) * np.float32(1e10))
    np.testing.assert_allclose(rows[:2], [[0.6, 0.8], [0, -1]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_huge_numbers_do_not_overflow() -> None:
    rows = normalise_rows(np.array([[3e38, 3e38]], np.float32))
    np.testing.assert_allclose(rows, [[0.5**0.5] * 2], rtol=1e-6)


def test_zero_and_broken_rows_are_nan_and_the_others_stay() -> None:
    rows = normalise_rows(np.array([[0, 0], [np.nan, 1], [np.inf, 1], [1, 0]], np.float32))
    assert np.isnan(rows[:3]).all()
    np.testing.assert_array_equal(rows[3], [1, 0])
    assert normalise_rows(np.empty((0, 5), np.float32)).shape == (0, 5)
