"""Range queries: everything within a score, against comparing all of it one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_store.bundle import Bundle, Hit, Searcher, open_bundle, parse_filter
from feature_store.errors import FilterError
from tests.feature_store.bundle.by_hand import background, score
from tests.feature_store.bundle.made_bundle import Made, make_bundle, raw_vectors

SMALL = Made(items=60, graph=False, copies=5, seed=1)
LARGE = Made(items=2500, segments=("ladies", "men"), copies=40, seed=2)

FILTERS = ((), ("colour:red",), ("price:..40", "colour:red,blue"), ("price:9999..",))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return Searcher(open_bundle(make_bundle(tmp_path_factory.mktemp("small"), "one", SMALL)[0]))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return Searcher(open_bundle(make_bundle(tmp_path_factory.mktemp("large"), "one", LARGE)[0]))


def everything(bundle: Bundle, vector: np.ndarray, filters: tuple[str, ...]) -> dict[int, float]:
    """The score of every allowed item: its best subject's."""
    query = bundle.projection.centre(vector[None])[0]
    cosines, zero = bundle.vectors[:] @ query, background(bundle, query)
    parsed = [parse_filter(text) for text in filters]
    allowed = bundle.facets.allowed(parsed, np.arange(len(bundle.items)))
    best: dict[int, float] = {}
    for region in np.flatnonzero(bundle.subject):
        item = int(bundle.owners[region])
        if allowed[item]:
            best[item] = max(best.get(item, 0.0), score(cosines[region], zero))
    return best


def assert_all_within(
    hits: list[Hit], best: dict[int, float], score: float, limit: int | None
) -> None:
    """All that is surely within is there, in order; at the very edge rounding may decide."""
    assert all(hit.score == pytest.approx(best[hit.item], abs=0.011) for hit in hits)
    assert all(hit.score >= score for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.item for hit in hits}) == len(hits)
    wanted = sorted((found for found in best.values() if found >= score), reverse=True)[:limit]
    edge = sum(abs(found - score) < 0.011 for found in best.values())
    assert abs(len(hits) - len(wanted)) <= edge
    for hit, found in zip(hits, wanted, strict=False):
        assert hit.score == pytest.approx(found, abs=0.011)


@given(
    seed=st.integers(2, 10_000),
    score=st.one_of(st.floats(0, 100), st.sampled_from([0.0, 100.0])),
    limit=st.one_of(st.none(), st.integers(0, 70)),
    filters=st.sampled_from(FILTERS),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_all_items_within_a_score_come_back(
    small: Searcher, seed: int, score: float, limit: int | None, filters: tuple[str, ...]
) -> None:
    vector = raw_vectors(SMALL, 1, seed)[0]
    parsed = [parse_filter(text) for text in filters]
    hits = small.within(vector, score, limit=limit, filters=parsed)
    assert_all_within(hits, everything(small.bundle, vector, filters), score, limit)


@given(
    seed=st.integers(2, 10_000),
    score=st.floats(0, 99),
    limit=st.one_of(st.none(), st.integers(1, 400)),
    filters=st.sampled_from(FILTERS),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_graph_finds_them_too(
    large: Searcher, seed: int, score: float, limit: int | None, filters: tuple[str, ...]
) -> None:
    vector = raw_vectors(LARGE, 1, seed)[0]
    parsed = [parse_filter(text) for text in filters]
    hits = large.within(vector, score, limit=limit, filters=parsed)
    best = everything(large.bundle, vector, filters)
    wanted = sorted((found for found in best.values() if found >= score), reverse=True)[:limit]
    assert all(hit.score == pytest.approx(best[hit.item], abs=0.011) for hit in hits)
    missed = len(wanted) - len(hits)
    assert missed <= max(1, 0.02 * len(wanted))
    if hits:
        assert hits[0].score == pytest.approx(wanted[0], abs=0.011)


def test_a_narrow_range_is_answered_by_the_graphs_alone(
    large: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("everything was compared")

    vector = raw_vectors(LARGE, 1, 3)[0]
    monkeypatch.setattr("feature_store.bundle.ways.scan", refuse)
    best = everything(large.bundle, vector, ())
    narrow = sorted(best.values(), reverse=True)[20]
    hits = large.within(vector, narrow)
    assert len(hits) >= 20
    with pytest.raises(AssertionError, match="compared"):
        large.within(vector, 0.5)


@pytest.mark.parametrize("score", [-0.1, 100.1, float("nan")])
def test_a_score_out_of_range_is_refused(small: Searcher, score: float) -> None:
    with pytest.raises(ValueError, match="runs from 0 to 100"):
        small.within(raw_vectors(SMALL, 1, 3)[0], score)


def test_what_cannot_be_compared_is_refused(small: Searcher) -> None:
    with pytest.raises(ValueError, match="not zero"):
        small.within(np.zeros(32, np.float32), 50)
    with pytest.raises(FilterError, match="size"):
        small.within(raw_vectors(SMALL, 1, 3)[0], 50, filters=[parse_filter("size:1")])


def test_a_score_of_nothing_is_everything(small: Searcher, tmp_path: Path) -> None:
    vector = raw_vectors(SMALL, 1, 4)[0]
    assert len(small.within(vector, 0)) == 60
    alone = Searcher(open_bundle(make_bundle(tmp_path, "one", Made(items=1, graph=False))[0]))
    assert [hit.item for hit in alone.within(raw_vectors(SMALL, 1, 4)[0], 0)] == [0]
