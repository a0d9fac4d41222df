from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_store.bundle.fresh_vectors import FEW, FreshVectors
from tests.feature_store.nightly.fake_shop import clustered


@given(
    seed=st.integers(0, 10_000),
    count=st.sampled_from([0, 1, FEW, FEW + 1, 900]),
    dim=st.sampled_from([3, 24, 100]),
    lowest=st.sampled_from([-np.inf, -1.0, -0.2, 0.0, 0.3, 0.7, 0.99, 1.0, np.inf]),
    right=st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_that_is_near_is_found_whatever_the_base(
    seed: int, count: int, dim: int, lowest: float, right: bool
) -> None:
    vectors = clustered(count + 200, dim, seed)
    query, vectors = vectors[-1], vectors[:count]
    base = np.random.default_rng(seed).normal(size=(dim, min(dim, 60)))
    if right:
        base = np.linalg.svd(clustered(200, dim, seed), full_matrices=False)[2].T[:, :60]
    places, cosines = FreshVectors(vectors, base.astype(np.float32)).near(query, lowest)
    every = np.clip(vectors @ query, -1, 1)
    sure, never = every >= lowest + 1e-6, every < lowest - 1e-6
    assert set(np.flatnonzero(sure).tolist()) <= set(places.tolist())
    assert not set(np.flatnonzero(never).tolist()) & set(places.tolist())
    assert cosines.tolist() == pytest.approx(every[places].tolist(), abs=1e-6)


def test_most_are_passed_over_by_their_bound() -> None:
    vectors = clustered(4000, 256)
    base = np.linalg.svd(vectors[:1000], full_matrices=False)[2].T.astype(np.float32)
    fresh = FreshVectors(vectors, base)
    compared = []

    class Counting(np.ndarray):
        def __getitem__(self, key: object) -> object:
            compared.append(len(key))  # type: ignore[arg-type]
            return np.asarray(super().__getitem__(key))  # type: ignore[index]

    fresh._vectors = vectors.view(Counting)
    found, _ = fresh.near(vectors[7], 0.9)
    assert 7 in found
    assert compared[0] < 0.1 * len(vectors)
