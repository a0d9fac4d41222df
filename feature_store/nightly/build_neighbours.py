"""List a segment's neighbours: which region of each photo may be a hit, and who is near to whom."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.index.attribute import Mask, Photos, attribute_regions
from feature_store.index.finders import (
    ExactFinder,
    Finder,
    GpuFinder,
    GraphFinder,
    OpenGraph,
    gpu_device,
)
from feature_store.index.neighbours import find_neighbours
from feature_store.index.settings import IndexSettings
from feature_store.nightly.gather import Floats, Ints
from feature_store.nightly.stopwatch import Stopwatch

log = logging.getLogger(__name__)

EXACT_PRODUCTS = 5e12
"""Up to so many multiplications all are compared: a minute or two on two cores, hardly more than
asking a graph takes, and exact."""
CHECKED = 200
"""Regions whose list by a graph is held against the exact one."""

Graph = tuple[Path, float, Callable[[Floats], Floats]]
"""A graph, the epsilon that its search was tuned to, and what makes vectors short for it."""


@dataclass(frozen=True)
class Neighbourhood:
    """What is known of a segment's regions, in their order."""

    subject: Mask
    """bool (r,): whether a region shows the item that its photo sells."""
    regions: Ints
    """int32 (r, K): the nearest items' regions, -1 padded."""
    scores: Floats
    """float32 (r, K): their cosines."""
    measured: dict[str, Any]
    """How they were found, and which share of the exact lists."""


def list_neighbours(
    vectors: Floats,
    photos: Photos,
    rows: Ints,
    objects: Ints,
    graph: Graph | None,
    how: tuple[IndexSettings, Stopwatch],
) -> Neighbourhood:
    """Return the neighbours of `rows`, int32 (r,), among themselves.

    `vectors`: centred float32 of all regions; `objects`: int32 (r,), the graph's number of each.
    """
    settings, watch = how
    opened = _opened(graph, rows, objects)

    def finder_of(among: Ints, asked: int) -> Finder:
        exact = ExactFinder(vectors, photos.owner, among)
        products = float(asked) * len(among) * vectors.shape[1]
        device = gpu_device(len(among), vectors.shape[1]) if products > GPU_PRODUCTS else ""
        if device:
            return GpuFinder(vectors, photos.owner, among, device)
        if opened is None or graph is None or products <= EXACT_PRODUCTS:
            return exact
        return GraphFinder(exact, opened, graph[2])

    try:
        with watch("attribute"):
            subject = attribute_regions(
                photos, rows, lambda among: finder_of(among, len(rows)), settings.attribution_voters
            )
        with watch("neighbours") as tell:
            among = rows[subject]
            finder = finder_of(among, len(rows))
            found = find_neighbours(finder, rows, photos.owner, settings.neighbours, tell)
            exact = ExactFinder(vectors, photos.owner, among)
            recall = 1.0 if finder.name != "graph" else _recall(found.regions, exact, rows, photos)
    finally:
        if opened is not None:
            opened.close()
    measured = {"method": finder.name, "recall": recall, "listed": settings.neighbours}
    log.info("neighbours by %s, recall %.4f", finder.name, recall)
    return Neighbourhood(subject, found.regions, found.scores, measured)


GPU_PRODUCTS = 1e11
"""Less is not worth the way to a GPU."""


def _opened(graph: Graph | None, rows: Ints, objects: Ints) -> OpenGraph | None:
    return OpenGraph(graph[0], rows, objects, graph[1]) if graph else None


def _recall(listed: Ints, exact: ExactFinder, rows: Ints, photos: Photos) -> float:
    """Return which share of the exact lists of a few regions is in theirs."""
    places = np.linspace(0, len(rows) - 1, CHECKED).astype(np.intp)
    truth = find_neighbours(exact, rows[places], photos.owner, listed.shape[1]).regions
    owners = photos.owner
    shares = []
    for place, regions in zip(places, truth, strict=True):
        expected = set(owners[regions[regions >= 0]].tolist())
        found = listed[place]
        shares.append(len(expected & set(owners[found[found >= 0]].tolist())) / len(expected))
    return float(np.mean(shares))
