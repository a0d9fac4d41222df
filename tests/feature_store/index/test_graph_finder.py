"""What a graph finds of many at once is nearly all that comparing all by hand finds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from feature_store.index.build import build_graphs, plain_folder
from feature_store.index.finders import ExactFinder
from feature_store.index.graph_finder import GraphFinder, OpenGraph
from feature_store.index.settings import IndexSettings
from tests.feature_store.index.test_finders import (
    AMONG,
    COPIES,
    OWNERS,
    ROWS,
    VECTORS,
    N,
    by_hand,
)


@pytest.fixture(scope="module")
def graph() -> Iterator[OpenGraph]:
    settings = IndexSettings(sample_size=50)
    with plain_folder() as scratch:
        built = next(build_graphs(VECTORS[: N - 30], scratch, settings))
        opened = OpenGraph(built.path, ROWS, COPIES.astype(np.int32), 0.1, 0)
        yield opened
        opened.close()


def test_a_graph_finds_nearly_all_of_them(graph: OpenGraph) -> None:
    finder = GraphFinder(ExactFinder(VECTORS, OWNERS, AMONG), graph, lambda vectors: vectors)
    found = finder.nearest(ROWS, 20)
    truth = by_hand(ROWS, 20)
    assert (found.regions >= 0).all()
    assert np.isin(found.regions, AMONG).all()
    assert (OWNERS[found.regions] != OWNERS[:, None]).all()
    assert (found.cosines >= truth[:, -1:] - 1e-5).mean() > 0.99
    assert (np.diff(found.cosines, axis=1) <= 1e-6).all()


def test_a_graph_gives_all_that_show_a_shared_photo(graph: OpenGraph) -> None:
    finder = GraphFinder(ExactFinder(VECTORS, OWNERS, ROWS), graph, lambda vectors: vectors)
    found = finder.nearest(ROWS[7:8], 30)
    assert set(range(N - 30, N)) <= set(found.regions[0].tolist())
    assert np.allclose(found.cosines[0], 1, atol=1e-5)


def test_where_a_graph_finds_too_few_all_are_compared(graph: OpenGraph) -> None:
    few = ROWS[[3, 400, 800]]
    finder = GraphFinder(ExactFinder(VECTORS, OWNERS, few), graph, lambda vectors: vectors)
    found = finder.nearest(ROWS[100:160], 3)
    assert np.array_equal(np.sort(found.regions, axis=1), np.tile(few, (60, 1)))
