from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.bundle import Bundle, Filter, Rules, Searcher, open_bundle, parse_filter
from feature_store.bundle.nearest import Nearest, merge
from feature_store.errors import FilterError
from tests.feature_store.bundle.by_hand import background, score
from tests.feature_store.bundle.made_bundle import (
    Made,
    make_bundle,
    raw_vectors,
)

NAMES = ("ladies", "men", "")
MADE = Made(items=1800, reduced_dim=24, segments=NAMES, copies=30)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("segments"), "one", MADE)[0]


@pytest.fixture(scope="module")
def searcher(made: Path) -> Searcher:
    return Searcher(open_bundle(made))


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


class Asked:
    """A graph that notes how often it is asked."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.times = graph, 0

    def search(self, *query: Any, **how: Any) -> Any:
        self.times += 1
        return self.graph.search(*query, **how)


def spied(folder: Path) -> tuple[Searcher, list[Asked]]:
    bundle, asked = open_bundle(folder), []
    for segment in bundle.segments:
        asked.append(Asked(segment.nearest._graph))
        segment.nearest._graph = asked[-1]
    return Searcher(bundle), asked


def best(bundle: Bundle, query: np.ndarray, keep: Callable[[int], bool]) -> list[float]:
    """The scores of all kept items, compared one by one, the best first."""
    cosines = bundle.vectors[:] @ query
    found: dict[int, float] = {}
    for region in np.flatnonzero(bundle.subject):
        item = int(bundle.owners[region])
        found[item] = max(found.get(item, 0.0), float(cosines[region]))
    zero = background(bundle, query)
    return sorted((score(c, zero) for i, c in found.items() if keep(i)), reverse=True)


def test_each_region_is_of_its_items_segment(searcher: Searcher) -> None:
    bundle = searcher.bundle
    assert [segment.name for segment in bundle.segments] == list(NAMES)
    assert (bundle.segment_of == bundle.owners % 3).all()
    assert [segment.items for segment in bundle.segments] == [600, 600, 600]


def test_all_segments_are_merged_as_if_they_were_one(searcher: Searcher) -> None:
    queries = raw_vectors(MADE, 80, 7)
    centred = searcher.bundle.projection.centre(queries)
    cosines = centred @ searcher.bundle.vectors[:].T
    expected = np.sort(cosines, axis=1)[:, ::-1][:, :15]
    exact, near = searcher.exact(queries, 15), searcher.nearest(queries, 15)
    assert np.allclose(exact.cosines, expected, atol=1e-5)
    for found in (exact, near):
        assert np.allclose(np.take_along_axis(cosines, found.regions, 1), found.cosines, atol=1e-5)
        assert all(len(set(row)) == 15 for row in found.regions.tolist())
    assert (near.cosines >= expected[:, -1:] - 1e-5).mean() >= 0.99


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_segment_answers_alone(searcher: Searcher, number: int) -> None:
    queries = raw_vectors(MADE, 40, 8)
    rows = searcher.bundle.segments[number].rows
    cosines = searcher.bundle.projection.centre(queries) @ searcher.bundle.vectors[rows].T
    expected = np.sort(cosines, axis=1)[:, ::-1][:, :10]
    exact = searcher.exact(queries, 10, segment=number)
    near = searcher.nearest(queries, 10, segment=number)
    assert np.allclose(exact.cosines, expected, atol=1e-5)
    assert (near.cosines >= expected[:, -1:] - 1e-5).mean() >= 0.99
    assert set(searcher.bundle.segment_of[near.regions].ravel().tolist()) == {number}


def test_more_than_a_segment_holds_is_minus_one_at_the_end(searcher: Searcher) -> None:
    held = len(searcher.bundle.segments[1].rows)
    query = raw_vectors(MADE, 1, 9)
    for found in (searcher.exact(query, held + 4, segment=1), searcher.nearest(query, 3700)):
        there = found.regions[0] >= 0
        assert (np.diff(there.astype(int)) <= 0).all()
        assert (found.cosines[0][~there] == -1).all()
    assert (searcher.exact(query, held + 4, segment=1).regions >= 0).sum() == held


@pytest.mark.parametrize("limit", [5, 60])
@pytest.mark.parametrize("item_id", ["item-00003", "item-00004", "item-00005", "item-01799"])
def test_what_is_similar_is_of_the_items_own_segment(
    searcher: Searcher, item_id: str, limit: int
) -> None:
    bundle, number = searcher.bundle, int(item_id[-5:])
    answer = searcher.similar(item_id, Rules(limit=limit))
    assert answer.method == ("scan" if limit > MADE.neighbours else "neighbours")
    query = bundle.vectors[int(bundle.primary_region[number])]
    wanted = best(bundle, query, lambda item: item % 3 == number % 3 and item != number)
    assert {hit.item % 3 for hit in answer.hits} == {number % 3}
    assert [hit.score for hit in answer.hits] == pytest.approx(wanted[:limit], abs=0.011)


def test_a_list_that_names_the_whole_segment_is_complete(tmp_path: Path) -> None:
    made = replace(MADE, items=30, copies=0, graph=False)
    searcher = Searcher(open_bundle(make_bundle(tmp_path, "one", made)[0]))
    answer = searcher.similar("item-00004", Rules(limit=50))
    assert (len(answer.hits), answer.method) == (9, "neighbours")


@pytest.mark.parametrize(
    ("texts", "asked"),
    [
        (["segment:men"], [1]),
        (["segment:MEN,ladies"], [0, 1]),
        (["colour:red"], [0, 1, 2]),
        (["segment:ladies", "colour:green"], [0]),
        (["segment:children"], []),
        ([], [0, 1, 2]),
    ],
)
def test_a_filter_on_the_segmenting_attribute_asks_only_those_segments(
    made: Path, texts: list[str], asked: list[int]
) -> None:
    searcher, graphs = spied(made)
    filters: tuple[Filter, ...] = tuple(parse_filter(text) for text in texts)
    query = raw_vectors(MADE, 1, 10)[0]
    hits = searcher.by_vector(query, Rules(limit=1, filters=filters)).hits
    assert [n for n, graph in enumerate(graphs) if graph.times] == asked
    bundle = searcher.bundle
    allowed = bundle.facets.allowed(filters, np.arange(1800))
    centred = bundle.projection.centre(query[None])[0]
    wanted = best(bundle, centred, lambda item: bool(allowed[item]))[:1]
    assert [hit.score for hit in hits] == pytest.approx(wanted, abs=0.011)


def test_an_unknown_attribute_is_refused_here_too(searcher: Searcher) -> None:
    with pytest.raises(FilterError, match="'size'"):
        searcher.by_vector(raw_vectors(MADE, 1, 10)[0], Rules(filters=(parse_filter("size:3"),)))


def test_a_segment_of_one_item_beside_a_large_one(tmp_path: Path) -> None:
    made = Made(items=2, segments=("ladies", "men"), graph=False)
    searcher = Searcher(open_bundle(make_bundle(tmp_path, "one", made)[0]))
    assert searcher.similar("item-00000").hits == []
    assert searcher.similar("item-00000").method == "neighbours"
    query = raw_vectors(made, 1, 3)
    assert len(searcher.by_vector(query[0]).hits) == 2
    men = searcher.by_vector(query[0], Rules(filters=(parse_filter("segment:men"),))).hits
    assert [hit.item for hit in men] == [1]
    assert (searcher.nearest(query, 5, segment=0).regions[0] == [0, -1, -1, -1, -1]).all()


def test_searching_changes_no_file(copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    searcher = Searcher(open_bundle(copy))
    searcher.nearest(raw_vectors(MADE, 20, 3), 30)
    searcher.similar("item-00001", Rules(limit=100))
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before
    assert open_bundle(copy).bundle_id == "one"


def test_filters_that_leave_next_to_nothing_ask_no_graph(made: Path) -> None:
    searcher, graphs = spied(made)
    hits = searcher.by_vector(
        raw_vectors(MADE, 1, 10)[0], Rules(filters=(parse_filter("price:5..6"),))
    ).hits
    assert {hit.item for hit in hits} == {5, 6}
    assert [graph.times for graph in graphs] == [0, 0, 0]


def test_a_graph_that_finds_too_few_is_not_believed_to_have_found_all(made: Path) -> None:
    searcher, graphs = spied(made)
    for asked in graphs:
        asked.graph = FakeGraph()
    vector = raw_vectors(MADE, 1, 10)[0]
    by_hand = searcher.bundle.projection.centre(vector[None])[0]
    expected = best(searcher.bundle, by_hand, lambda _: True)[:12]
    hits = searcher.by_vector(vector, Rules(threshold=0.5)).hits
    assert [hit.score for hit in hits] == pytest.approx(expected, abs=0.011)
    assert all(asked.times for asked in graphs)


def test_what_is_not_there_comes_after_what_is_least_alike() -> None:
    def answer(regions: list[int], cosines: list[float]) -> Nearest:
        return Nearest(np.array([regions], np.int32), np.array([cosines], np.float32))

    merged = merge([answer([4, -1], [0.5, -1]), answer([7, 8], [0.2, -1])])
    assert merged.regions.tolist() == [[4, 7]]
    merged = merge([answer([-1, -1, -1], [-1, -1, -1]), answer([7, 8, -1], [0.2, -1, -1])])
    assert merged.regions.tolist() == [[7, 8, -1]]


class FakeGraph:
    """A graph that insists on what NGT needs and would not complain about."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def search(self, query: Any, *, size: int, **_: Any) -> Any:
        assert query.dtype == np.float32
        assert query.flags.c_contiguous
        assert query.ndim == 1
        assert np.isfinite(query).all()
        self.sizes.append(size)
        return np.arange(min(size, 3), dtype=np.int32)


def test_a_graph_is_warmed_up_and_asked_in_the_way_it_needs(searcher: Searcher) -> None:
    old, graph = searcher.bundle.segments[0].nearest, FakeGraph()
    objects = np.unique(old._by_object, return_inverse=True)[1].astype(np.int32)
    fresh = type(old)(old.vectors, old.rows, objects, old.projection, graph)
    assert graph.sizes == [1]  # the first search must not run beside another one
    queries = np.asfortranarray(searcher.bundle.vectors[:7].astype(np.float64))
    found = fresh.approximate(queries, 5, 0.1, 30)  # type: ignore[arg-type]
    assert graph.sizes[1:] == [30] * 7
    assert (found.regions[:, 3:] == -1).all()  # a graph may find fewer than it is asked for
    assert fresh.approximate(queries[:1], 10_000, 0.1, 30).regions.shape == (1, 10_000)  # type: ignore[arg-type]
    assert graph.sizes[-1] == len(objects)


def test_what_ngt_has_no_answer_for_never_reaches_it(made: Path) -> None:
    searcher, graphs = spied(made)
    for vector in (np.full(32, np.nan), np.zeros(32), np.full(32, np.inf)):
        for ask in (searcher.nearest, searcher.exact):
            with pytest.raises(ValueError, match="must be finite and not zero"):
                ask(vector[None].astype(np.float32), 5)
    assert [graph.times for graph in graphs] == [0, 0, 0]
