from __future__ import annotations

import numpy as np
import pytest

from feature_store.bundle.projection import Projection
from feature_store.errors import IndexBuildError
from feature_store.index import reduce
from feature_store.index.reduce import check_vectors, fit_components, fit_mean, number_distinct
from tests.feature_store.nightly.fake_shop import clustered


def every(vectors: np.ndarray) -> np.ndarray:
    return np.arange(len(vectors), dtype=np.int32)


def centred(vectors: np.ndarray, prior: float = 10.0) -> np.ndarray:
    mean = fit_mean(vectors, prior)
    return Projection(mean, np.empty((len(mean), 0), np.float32)).centre(vectors)


def test_the_first_directions_keep_the_cosines_of_neighbours() -> None:
    vectors = centred(clustered(2000, 64))
    short = vectors @ fit_components(vectors, every(vectors), 32)
    exact = np.argsort(-(vectors[:50] @ vectors.T), axis=1)[:, :10]
    found = np.argsort(-(short[:50] @ short.T), axis=1)[:, :30]
    kept = [len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]
    assert sum(kept) / 500 > 0.95


def test_the_directions_are_orthonormal_and_the_largest() -> None:
    vectors = centred(clustered(500, 16))
    components = fit_components(vectors, every(vectors), 5)
    assert np.allclose(components.T @ components, np.eye(5), atol=1e-5)
    largest = np.linalg.svd(vectors, compute_uv=False)[:5] ** 2
    assert np.allclose(((vectors @ components) ** 2).sum(axis=0), largest, rtol=1e-3)


@pytest.mark.parametrize(("n", "dim", "kept"), [(1, 8, 1), (2, 8, 1), (5, 8, 4), (100, 8, 8)])
def test_a_small_catalogue_has_fewer_directions(n: int, dim: int, kept: int) -> None:
    vectors = centred(clustered(n, dim))
    assert fit_components(vectors, every(vectors), 128).shape == (dim, kept)


def test_only_the_rows_of_a_segment_say_where_its_directions_are() -> None:
    vectors = centred(clustered(300, 16))
    rows = np.arange(5, 300, 3, dtype=np.int32)
    own = fit_components(vectors, rows, 4)
    alone = fit_components(np.ascontiguousarray(vectors[rows]), every(rows), 4)
    assert np.allclose(np.abs((own * alone).sum(axis=0)), 1, atol=1e-4)
    assert not np.allclose(own, fit_components(vectors, every(vectors), 4), atol=1e-2)


def test_a_sample_of_many_rows_gives_much_the_same_directions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = centred(clustered(4000, 16))
    whole = fit_components(vectors, every(vectors), 3)
    monkeypatch.setattr(reduce, "FITTED_ROWS", 1000)
    sampled = fit_components(vectors, every(vectors), 3)
    assert not np.array_equal(whole, sampled)
    assert np.linalg.svd(whole.T @ sampled, compute_uv=False).min() > 0.95


@pytest.mark.parametrize("n", [1, 2, 54, 5000])
def test_centring_never_gives_a_zero_vector_even_of_copies_of_one_photo(n: int) -> None:
    copies = np.repeat(clustered(1, 32), n, axis=0)
    assert np.allclose(np.linalg.norm(centred(copies), axis=1), 1, atol=1e-5)


def test_two_items_stay_alike_although_the_mean_is_between_them() -> None:
    pair = clustered(2, 32)
    assert pair[0] @ pair[1] > 0.1
    assert centred(pair)[0] @ centred(pair)[1] > 0


@pytest.mark.parametrize(
    ("value", "what"), [(0.0, "is zero"), (np.nan, "is not finite"), (1e30, "is not finite")]
)
def test_an_unusable_vector_is_refused_by_its_name(value: float, what: str) -> None:
    vectors = clustered(3, 8)
    vectors[1] = value
    with pytest.raises(IndexBuildError, match=f"item 'b' {what}"):
        check_vectors(vectors, ["item 'a'", "item 'b'", "item 'c'"].__getitem__)


def test_equal_vectors_share_a_number() -> None:
    vectors = clustered(4, 8)[[3, 1, 3, 2, 1, 3]]
    assert number_distinct(vectors, every(vectors)).tolist() == [0, 1, 0, 2, 1, 0]
    assert number_distinct(vectors, np.array([1, 2, 4], np.int32)).tolist() == [0, 1, 0]


def test_numbers_go_by_first_appearance() -> None:
    random = np.random.default_rng(0)
    drawn = random.integers(0, 2000, reduce.BLOCK_ROWS + 500)
    seen: dict[int, int] = {}
    expected = [seen.setdefault(int(number), len(seen)) for number in drawn]
    vectors = clustered(2000, 8)[drawn]
    assert number_distinct(vectors, every(vectors)).tolist() == expected
