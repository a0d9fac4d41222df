from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.bundle import Searcher, open_bundle
from feature_store.bundle.format import Part
from feature_store.bundle.projection import Projection
from tests.feature_store.bundle.made_bundle import Made, make_bundle, raw_vectors

TWO = (Part("shape@1", 24, 0.7), Part("colour@2", 8, 0.3))


def projection(parts: tuple[Part, ...], seed: int = 0, reduced_dim: int = 4) -> Projection:
    random = np.random.default_rng(seed)
    dim = sum(part.dim for part in parts)
    mean = (0.3 * random.normal(size=dim) / dim**0.5).astype(np.float32)
    components = np.linalg.qr(random.normal(size=(dim, reduced_dim)))[0]
    return Projection(mean, np.ascontiguousarray(components, np.float32), parts)


def centred_by_hand(vector: np.ndarray, mean: np.ndarray) -> np.ndarray:
    centred = vector / np.linalg.norm(vector) - mean
    return np.asarray(centred / np.linalg.norm(centred))


@given(
    dims=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_a_product_of_joined_vectors_is_the_weighted_mean_of_the_parts_cosines(
    dims: list[int], seed: int, data: st.DataObject
) -> None:
    shares = data.draw(
        st.lists(st.floats(0.01, 1), min_size=len(dims), max_size=len(dims)), "shares"
    )
    parts = tuple(
        Part(f"e{n}@0", dim, share / sum(shares))
        for n, (dim, share) in enumerate(zip(dims, shares, strict=True))
    )
    learned = projection(parts, seed, 1)
    random = np.random.default_rng(seed)
    # Each part on a scale of its own: that must not matter.
    scales = np.repeat(10.0 ** random.integers(-3, 4, len(dims)), dims)
    vectors = (random.normal(size=(2, sum(dims))) * scales).astype(np.float32)
    joined = learned.centre(vectors)
    expected, start = 0.0, 0
    for part in parts:
        columns = slice(start, start + part.dim)
        a, b = (centred_by_hand(v[columns].astype(float), learned.mean[columns]) for v in vectors)
        expected, start = expected + part.weight * float(a @ b), start + part.dim
    assert float(joined[0] @ joined[1]) == pytest.approx(expected, abs=2e-4)
    assert np.linalg.norm(joined, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_one_part_is_what_no_parts_are() -> None:
    alone = projection((Part("shape@1", 24, 1.0),))
    vectors = np.random.default_rng(1).normal(size=(5, 24)).astype(np.float32)
    assert np.array_equal(
        alone.centre(vectors), Projection(alone.mean, alone.components).centre(vectors)
    )


def test_centred_vectors_are_unit_vectors_in_one_piece() -> None:
    vectors = np.random.default_rng(1).normal(size=(32, 10)).T[::2]  # float64, with strides
    centred = projection(TWO).centre(vectors)
    assert centred.dtype == np.float32
    assert centred.flags.c_contiguous
    assert np.allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, 1e30])
def test_a_part_that_cannot_be_compared_is_named(bad: float) -> None:
    vectors = np.ones((3, 32), np.float32)
    vectors[1, 24:] = bad
    with pytest.raises(ValueError, match="part of colour@2 must be finite and not zero"):
        projection(TWO).centre(vectors)


@pytest.mark.parametrize("shape", [(32,), (1, 31), (1, 33), (2, 1, 32)])
def test_a_vector_of_another_length_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="have 32 numbers"):
        projection(TWO).centre(np.ones(shape, np.float32))


def test_short_vectors_are_unit_vectors_and_none_is_zero() -> None:
    learned = projection(TWO)
    centred = learned.centre(np.random.default_rng(2).normal(size=(6, 32)))
    across = centred[2] - learned.components @ (learned.components.T @ centred[2])
    centred[2] = across / np.linalg.norm(across)
    exactly = Projection(learned.mean, np.eye(32, 4, dtype=np.float32), TWO)
    for short in (learned.reduce(centred), exactly.reduce(np.eye(32, dtype=np.float32))):
        assert (short.dtype, short.flags.c_contiguous) == (np.dtype(np.float32), True)
        assert np.allclose(np.linalg.norm(short, axis=1), 1, atol=1e-5)
    lost = exactly.reduce(np.eye(32, dtype=np.float32)[7:9])
    assert lost.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0]]


def test_short_vectors_keep_their_lengths_in_format_1() -> None:
    learned = projection(TWO)
    centred = learned.centre(np.random.default_rng(2).normal(size=(6, 32)))
    old = Projection(learned.mean, learned.components, unit=False).reduce(centred)
    assert np.allclose(old, centred @ learned.components, atol=1e-6)
    assert (np.linalg.norm(old, axis=1) < 0.9).any()


def test_a_bundle_of_two_extractors_is_searched_by_both(tmp_path: Path) -> None:
    made = Made(parts=TWO)
    folder, raw = make_bundle(tmp_path, "one", made)
    searcher = Searcher(open_bundle(folder))
    queries = raw_vectors(made, 60, 5)
    mean = searcher.bundle.projection.mean
    cosines = np.zeros((60, len(raw)))
    for part, columns in zip(TWO, (slice(0, 24), slice(24, 32)), strict=True):
        asked = np.array([centred_by_hand(v[columns], mean[columns]) for v in queries])
        held = np.array([centred_by_hand(v[columns], mean[columns]) for v in raw])
        cosines += part.weight * asked @ held.T
    found = searcher.nearest(queries, 10)
    true = np.take_along_axis(cosines, found.regions, 1)
    assert np.abs(true - found.cosines).max() < 1e-5
    assert (true >= np.sort(cosines, axis=1)[:, -10:-9] - 1e-5).mean() >= 0.99
    with pytest.raises(ValueError, match="part of colour@2"):
        searcher.by_vector(np.r_[raw[0, :24], np.zeros(8)])
