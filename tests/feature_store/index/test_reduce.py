from __future__ import annotations

import numpy as np
import pytest

from feature_store.bundle.projection import Projection
from feature_store.errors import IndexBuildError
from feature_store.index.reduce import check_vectors, fit_components, fit_mean, number_distinct
from tests.feature_store.nightly.fake_shop import clustered


def centred(vectors: np.ndarray, prior: float = 10.0) -> np.ndarray:
    mean = fit_mean(vectors, prior)
    return Projection(mean, np.empty((len(mean), 0), np.float32)).centre(vectors)


def test_the_first_directions_keep_the_cosines_of_neighbours() -> None:
    vectors = centred(clustered(2000, 64))
    short = vectors @ fit_components(vectors, 32)
    exact = np.argsort(-(vectors[:50] @ vectors.T), axis=1)[:, :10]
    found = np.argsort(-(short[:50] @ short.T), axis=1)[:, :30]
    kept = [len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]
    assert sum(kept) / 500 > 0.95


def test_the_directions_are_orthonormal_and_the_largest() -> None:
    vectors = centred(clustered(500, 16))
    components = fit_components(vectors, 5)
    assert np.allclose(components.T @ components, np.eye(5), atol=1e-5)
    largest = np.linalg.svd(vectors, compute_uv=False)[:5] ** 2
    assert np.allclose(((vectors @ components) ** 2).sum(axis=0), largest, rtol=1e-3)


@pytest.mark.parametrize(("n", "dim", "kept"), [(1, 8, 1), (2, 8, 1), (5, 8, 4), (100, 8, 8)])
def test_a_small_catalogue_has_fewer_directions(n: int, dim: int, kept: int) -> None:
    assert fit_components(centred(clustered(n, dim)), 128).shape == (dim, kept)


@pytest.mark.parametrize("n", [1, 2, 54, 5000])
def test_centring_never_gives_a_zero_vector_even_of_copies_of_one_photo(n: int) -> None:
    copies = np.repeat(clustered(1, 32), n, axis=0)
    assert np.allclose(np.linalg.norm(centred(copies), axis=1), 1, atol=1e-5)


def test_two_items_stay_alike_although_the_mean_is_between_them() -> None:
    pair = clustered(2, 32)
    assert pair[0] @ pair[1] > 0.1
    assert centred(pair)[0] @ centred(pair)[1] > 0


@pytest.mark.parametrize(("value", "what"), [(0.0, "is zero"), (np.nan, "is not finite")])
def test_an_unusable_vector_is_refused_by_its_name(value: float, what: str) -> None:
    vectors = clustered(3, 8)
    vectors[1] = value
    with pytest.raises(IndexBuildError, match=f"item 'b' {what}"):
        check_vectors(vectors, ["item 'a'", "item 'b'", "item 'c'"])


def test_equal_vectors_share_a_number() -> None:
    vectors = clustered(4, 8)[[0, 1, 0, 2, 1, 0]]
    assert number_distinct(vectors).tolist() == [0, 1, 0, 2, 1, 0]
