"""Whatever changed since the bundle was built, answers are those of comparing what is for sale."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_store.bundle import Hit, Searcher, open_bundle
from feature_store.bundle.tiers import TierShelf
from feature_store.errors import UnknownItemError
from feature_store.nightly import build_candidate
from tests.feature_store.fresh.shops import Edits, Home, Truth, edit, item_id, passing, rules_of
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeSnapshot, FakeStore

FILTERS: tuple[tuple[str, ...], ...] = (
    (),
    ("in_stock:true",),
    ("category:bags,hats",),
    ("price:10..60", "colour:red"),
    ("material:silk",),
)

ROWS = st.dictionaries(
    st.sampled_from(["price", "in_stock", "category", "title", "attributes"]), st.none(), min_size=1
).flatmap(
    lambda names: st.fixed_dictionaries(
        {
            name: {
                "price": st.sampled_from([None, 5.0, 42.0, 1000.0]),
                "in_stock": st.sampled_from([None, True, False]),
                "category": st.sampled_from([None, "bags", "hats"]),
                "title": st.sampled_from(["new", "<i>newer</i>"]),
                "attributes": st.sampled_from(['{"material": "silk"}', "{}"]),
            }[name]
            for name in names
        }
    )
)


def edits(count: int) -> st.SearchStrategy[Edits]:
    numbers = st.integers(0, count - 1)
    return st.builds(
        Edits,
        gone=st.sets(numbers, max_size=count),
        new=st.integers(0, 6),
        rephotographed=st.sets(numbers, max_size=5),
        rows=st.dictionaries(numbers, ROWS, max_size=8),
        seed=st.integers(1, 3),
    )


def check(searcher: Searcher, hits: list[Hit], expected: dict[str, float], limit: int) -> None:
    """The best of what is expected, each with its own score, each item once."""
    best = sorted(expected.values(), reverse=True)[:limit]
    assert [hit.score for hit in hits] == pytest.approx(best, abs=0.02)
    found = [row["item_id"] for row in searcher.view.item_rows([hit.item for hit in hits])]
    assert len(set(found)) == len(found)
    for name, hit in zip(found, hits, strict=True):
        assert hit.score == pytest.approx(expected[name], abs=0.02)
        region = searcher.view.region_rows([hit.region])[0]
        assert region["item"] == hit.item


def answers_of(home: Home, snapshot: FakeSnapshot) -> Searcher:
    home.refresh(snapshot)
    bundle = open_bundle(home.settings.home / "bundles" / home.bundle_id)
    return Searcher(bundle, TierShelf(home.settings.home / "bundles").open(bundle))


VERSIONS = iter(range(2, 10**6))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=edits(30), filters=st.sampled_from(FILTERS), limit=st.sampled_from([1, 5, 12, 60]))
def test_answers_are_those_of_comparing_all_that_is_for_sale(
    small: Home, edits: Edits, filters: tuple[str, ...], limit: int
) -> None:
    snapshot = edit(small.shop, edits, version=next(VERSIONS))
    searcher = answers_of(small, snapshot)
    live = set(snapshot.table["item_id"].to_pylist())
    assert searcher.view.item_count == len(live)
    if "material:silk" in filters and not passing(snapshot, filters):
        filters = ()
    truth, passed = Truth(searcher, snapshot), passing(snapshot, filters)
    for number in range(0, 36, 3):
        name = item_id(number)
        if name not in live:
            with pytest.raises(UnknownItemError):
                searcher.similar(name)
            continue
        expected = truth.scores(truth.query(name), passed - {name})
        answer = searcher.similar(name, rules_of(limit, filters))
        check(searcher, answer.hits, expected, limit)
        [row] = searcher.view.item_rows([answer.item])
        [current] = [r for r in snapshot.table.to_pylist() if r["item_id"] == name]
        assert {key: row[key] for key in ("title", "price", "in_stock", "category")} == {
            key: current[key] for key in ("title", "price", "in_stock", "category")
        }


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=edits(400), filters=st.sampled_from(FILTERS[:4]), seed=st.integers(0, 5))
def test_beside_a_graph_too(graph: Home, edits: Edits, filters: tuple[str, ...], seed: int) -> None:
    snapshot = edit(graph.shop, edits, version=next(VERSIONS))
    searcher = answers_of(graph, snapshot)
    truth, passed = Truth(searcher, snapshot), passing(snapshot, filters)
    for place in range(seed, len(truth.ids), 50):
        name = truth.ids[place]
        answer = searcher.similar(name, rules_of(8, filters))
        region = searcher.view.primary_region(answer.item)
        if not searcher.view.is_fresh(region):
            check(searcher, answer.hits, truth.scores(truth.query(name), passed - {name}), 8)
        raw = truth.raw[place]
        expected = truth.scores(searcher.bundle.projection.centre(raw[None])[0], passed)
        hits = searcher.by_vector(raw, rules_of(8, filters)).hits
        best = sorted(expected.values(), reverse=True)[:8]
        # The graph may miss one now and then; what it finds is right, and as many as there are.
        assert len(hits) == len(best)
        found = [row["item_id"] for row in searcher.view.item_rows([hit.item for hit in hits])]
        for one, hit in zip(found, hits, strict=True):
            assert hit.score == pytest.approx(expected[one], abs=0.02)
        assert sum(hit.score >= best[-1] - 0.02 for hit in hits) >= len(hits) - 1


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=edits(30))
def test_a_full_rebuild_answers_the_same(
    small: Home, tmp_path_factory: pytest.TempPathFactory, edits: Edits
) -> None:
    edits = replace(edits, gone=[number for number in edits.gone if number % 3])
    snapshot = edit(small.shop, edits, version=next(VERSIONS))
    searcher = answers_of(small, snapshot)
    elsewhere = FakeSettings(tmp_path_factory.mktemp("rebuilt"), index=small.settings.index)
    candidate = build_candidate(elsewhere, FakeStore(snapshot))  # type: ignore[arg-type]
    rebuilt = Searcher(open_bundle(candidate.path, proven=False))
    for name in snapshot.table["item_id"].to_pylist():
        for filters in FILTERS[:4]:
            here = searcher.similar(name, rules_of(20, filters))
            there = rebuilt.similar(name, rules_of(20, filters))
            assert here.region_id == there.region_id
            assert [hit.score for hit in here.hits] == pytest.approx(
                [hit.score for hit in there.hits], abs=0.02
            )
            assert named(searcher, here.hits) == named(rebuilt, there.hits)


def named(searcher: Searcher, hits: list[Hit]) -> dict[str, tuple[str, object]]:
    """What is said of each hit: its region and its row."""
    rows = searcher.view.item_rows([hit.item for hit in hits])
    regions = searcher.view.region_rows([hit.region for hit in hits])
    return {
        row["item_id"]: (region["region_id"], [row[key] for key in ("title", "price", "images")])
        for row, region in zip(rows, regions, strict=True)
    }
