"""What a build will take is said before it begins, and what is free is read from the system."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.errors import IndexBuildError
from feature_store.index import forecast as module
from feature_store.index.forecast import (
    Forecast,
    Size,
    forecast,
    refuse_if_too_large,
    time_small_graph,
)
from feature_store.index.settings import IndexSettings
from tests.feature_store.nightly.fake_shop import clustered

SETTINGS = IndexSettings()


def expected(regions: int, dim: int = 128, **changed: object) -> Forecast:
    settings = IndexSettings(**changed)  # type: ignore[arg-type]
    return forecast([Size(regions, regions, dim)], 0.0, settings)


def test_more_vectors_and_more_edges_take_more() -> None:
    small, large = expected(10_000), expected(100_000)
    assert large.memory_bytes > large.needed_bytes > small.needed_bytes
    assert large.seconds > 5 * small.seconds  # tuning takes the same
    assert expected(100_000, edges=200).needed_bytes > large.needed_bytes
    assert expected(100_000, edges=200).seconds > large.seconds


def test_segments_are_built_one_after_the_other_but_not_held_together() -> None:
    size = Size(100_000, 100_000, 1280)
    one, two = forecast([size], 0.0, SETTINGS), forecast([size, size], 0.0, SETTINGS)
    assert two.seconds == pytest.approx(2 * one.seconds, rel=0.01)
    assert two.needed_bytes < 2 * one.needed_bytes


def test_a_million_short_vectors_fit_into_four_gigabytes() -> None:
    assert expected(1_000_000).memory_bytes < 4e9


def test_a_slow_machine_is_forecast_to_take_longer() -> None:
    sizes = [Size(50_000, 50_000, 128)]
    quick, slow = forecast(sizes, 0.001, SETTINGS), forecast(sizes, 0.004, SETTINGS)
    assert slow.seconds > 2 * quick.seconds
    assert slow.calibrated
    assert not forecast(sizes, 0.0, SETTINGS).calibrated


def test_a_small_graph_is_timed_only_where_it_is_worth_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = clustered(700, 32)
    assert time_small_graph(vectors, SETTINGS) == 0.0
    monkeypatch.setattr(module, "SAMPLED_FROM", 500)
    monkeypatch.setattr(module, "SAMPLE_VECTORS", 300)
    assert 0 < time_small_graph(vectors, SETTINGS) < 1
    copies = np.repeat(vectors[:10], 70, axis=0)
    assert time_small_graph(copies, SETTINGS) >= 0


def test_a_build_that_does_not_fit_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = expected(1_000_000)
    refuse_if_too_large(build, IndexSettings(memory_budget_mb=4000))
    with pytest.raises(IndexBuildError, match=r"more than the 1,000 MB that NITAMONO_INDEX_MEMORY"):
        refuse_if_too_large(build, IndexSettings(memory_budget_mb=1000))
    monkeypatch.setattr(module, "free_bytes", lambda: 500_000_000)
    with pytest.raises(IndexBuildError, match=r"than the 500 MB that is free; cut the catalogue"):
        refuse_if_too_large(build, SETTINGS)


def test_a_small_build_is_never_refused() -> None:
    refuse_if_too_large(expected(100), SETTINGS)
