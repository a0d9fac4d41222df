"""The first graph that reaches the target is taken; one that fell into parts is not even tuned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from feature_store.index.build import Graph
from feature_store.index.evaluate import CurvePoint, Tuning
from feature_store.index.graph_choice import choose_graph

TARGET = 0.99


class Builds:
    """Two graphs of given self look-up and recall; notes which were built, and which tuned."""

    def __init__(self, *kinds: tuple[str, float, float]) -> None:
        self.recalls = {kind: recall for kind, _, recall in kinds}
        self.lookups = {kind: lookup for kind, lookup, _ in kinds}
        self.built: list[str] = []
        self.tuned: list[str] = []

    def graphs(self) -> Iterator[Graph]:
        for kind, lookup in self.lookups.items():
            self.built.append(kind)
            yield Graph(kind, Path(kind), 1.0, lookup, 25)

    def tune(self, graph: Graph) -> Tuning:
        self.tuned.append(graph.kind)
        recall = self.recalls[graph.kind]
        chosen = CurvePoint(epsilon=0.1, candidates=50, recall=recall, **MEASURED)
        return Tuning(chosen, recall >= TARGET, [chosen])

    def chosen(self) -> str:
        return choose_graph(self.graphs(), self.tune, TARGET)[0].kind


MEASURED = {"self_retrieval": 1.0, "queries_per_second": 1000.0, "edges": 25}


def test_the_first_that_reaches_the_target_is_taken_and_no_other_built() -> None:
    builds = Builds(("onng", 1.0, 0.995), ("anng", 1.0, 1.0))
    assert builds.chosen() == "onng"
    assert builds.built == ["onng"]


def test_where_the_first_falls_short_the_next_is_tried_and_the_better_taken() -> None:
    assert Builds(("onng", 1.0, 0.97), ("anng", 1.0, 0.99)).chosen() == "anng"
    assert Builds(("onng", 1.0, 0.97), ("anng", 1.0, 0.96)).chosen() == "onng"


def test_a_graph_in_parts_is_not_tuned() -> None:
    builds = Builds(("onng", 0.9, 0.8), ("anng", 0.999, 1.0))
    assert builds.chosen() == "anng"
    assert builds.tuned == ["anng"]


def test_where_all_are_in_parts_the_one_that_finds_most_is_tuned() -> None:
    builds = Builds(("onng", 0.8, 0.7), ("anng", 0.9, 0.85))
    assert builds.chosen() == "anng"
    assert builds.tuned == ["anng"]
