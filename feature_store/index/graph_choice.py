"""Which graph searches a segment: the first one that reaches the target, or else the best."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from feature_store.index.build import Graph
from feature_store.index.evaluate import Tuning

log = logging.getLogger(__name__)

LOST = 0.05
"""A graph that loses so many more of its own vectors than a search may miss is in parts that no
patience brings together: to tune it would take long, and come to nothing."""


def choose_graph(
    graphs: Iterable[Graph], tune: Callable[[Graph], Tuning], target_recall: float
) -> tuple[Graph, Tuning]:
    """Return the graph that is taken, and how `tune` tuned it.

    `graphs` come in the order in which they are wanted, and are built when they are asked for.
    """
    tuned: list[tuple[Graph, Tuning]] = []
    in_parts: list[Graph] = []
    for graph in graphs:
        if graph.self_lookup < target_recall - LOST:
            log.warning("the %s finds %.3f of its own vectors", graph.kind, graph.self_lookup)
            in_parts.append(graph)
            continue
        tuned.append((graph, tune(graph)))
        if tuned[-1][1].reached:
            return tuned[-1]
        log.warning("the %s falls short of the target recall", graph.kind)
    if not tuned:
        graph = max(in_parts, key=lambda one: one.self_lookup)
        tuned.append((graph, tune(graph)))
    return max(tuned, key=lambda one: one[1].chosen.recall)
