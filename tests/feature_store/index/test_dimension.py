"""How short the graph's vectors may be is known before there is a graph."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.index.dimension import choose_dimension
from feature_store.index.evaluate import QuerySample, find_truth
from feature_store.index.reduce import fit_components
from feature_store.index.settings import IndexSettings
from tests.feature_store.nightly.fake_shop import clustered

N, DIM = 1500, 96
VECTORS = clustered(N, DIM)
ROWS = np.arange(N, dtype=np.int32)
COMPONENTS = fit_components(VECTORS, ROWS, DIM)
TRUTH = find_truth(VECTORS, QuerySample(VECTORS[:120], ROWS[:120]), lambda vectors: vectors)


def by_hand(dim: int, candidates: int) -> float:
    """The share of the true ten among the nearest by the first numbers of the short vectors."""
    short = VECTORS @ COMPONENTS[:, :dim]
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    nearest = np.argsort(-(short[:120] @ short.T), axis=1)[:, :candidates]
    exact = VECTORS[:120] @ VECTORS.T
    exact[np.arange(120), np.arange(120)] = -np.inf
    truth = np.argsort(-exact, axis=1)[:, :10]
    return float(
        np.mean([len({*a} & {*b}) / 10 for a, b in zip(nearest.tolist(), truth, strict=True)])
    )


def test_the_ceilings_are_what_short_vectors_can_find() -> None:
    settings = IndexSettings(candidates=(15, 40, 100))
    choice = choose_dimension(VECTORS, ROWS, TRUTH, COMPONENTS, settings)
    assert [ceiling.reduced_dim for ceiling in choice.ceilings] == [16, 32, 48, 64, 96]
    for ceiling in choice.ceilings:
        expected = [by_hand(ceiling.reduced_dim, c) for c in settings.candidates]
        assert np.allclose(ceiling.recalls, expected, atol=0.002)


def test_the_fewest_that_are_about_as_fast_as_the_fastest_are_chosen() -> None:
    settings = IndexSettings(target_recall=0.95)
    choice = choose_dimension(VECTORS, ROWS, TRUTH, COMPONENTS, settings)
    chosen = next(c for c in choice.ceilings if c.reduced_dim == choice.reduced_dim)
    assert chosen.candidates is not None
    assert chosen.estimated_ms is not None
    times = [c.estimated_ms for c in choice.ceilings if c.estimated_ms is not None]
    assert chosen.estimated_ms <= 1.1 * min(times)
    assert choice.recalls == chosen.recalls
    hard = choose_dimension(VECTORS, ROWS, TRUTH, COMPONENTS, IndexSettings(target_recall=0.9999))
    assert hard.reduced_dim > choice.reduced_dim


def test_a_number_in_the_settings_and_a_limit_are_kept() -> None:
    given = IndexSettings(reduced_dim=24)
    assert choose_dimension(VECTORS, ROWS, TRUTH, COMPONENTS, given).reduced_dim == 24
    limited = choose_dimension(VECTORS, ROWS, TRUTH, COMPONENTS, IndexSettings(), most=20)
    assert max(ceiling.reduced_dim for ceiling in limited.ceilings) == 20


def test_where_none_is_enough_the_most_are_taken() -> None:
    settings = IndexSettings(candidates=(10,), target_recall=1.0)
    choice = choose_dimension(VECTORS, ROWS, TRUTH, COMPONENTS[:, :12], settings)
    assert choice.reduced_dim == 12
    assert choice.ceilings[0].candidates is None


@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_tiny_segment_has_dimensions_too(count: int) -> None:
    rows = ROWS[:count]
    truth = find_truth(VECTORS, QuerySample(VECTORS[:count], rows), lambda v: v, rows)
    components = fit_components(VECTORS, rows, 64)
    choice = choose_dimension(VECTORS, rows, truth, components, IndexSettings())
    assert choice.reduced_dim == components.shape[1]
