"""List a segment's neighbours: which region of each photo may be a hit, and who is near to whom."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.bundle.mapped import map_array
from feature_store.bundle.write import appending, write_array
from feature_store.index.attribute import Mask, Photos, attribute_regions
from feature_store.index.finders import ExactFinder, Finder, GpuFinder, gpu_device
from feature_store.index.graph_finder import GraphFinder, OpenGraph
from feature_store.index.neighbours import all_neighbours, find_neighbours
from feature_store.index.settings import IndexSettings
from feature_store.nightly.build_scratch import NEIGHBOURS, SCORES, SUBJECT
from feature_store.nightly.gather import Floats, Ints
from feature_store.nightly.stopwatch import Stopwatch

log = logging.getLogger(__name__)

EXACT_PRODUCTS = 5e12
"""Up to so many multiplications all are compared: a minute or two on two cores, hardly more than
asking a graph takes, and exact."""
CHECKED = 200
"""Regions whose list by a graph is held against the exact one."""

GPU_PRODUCTS = 1e11
"""Less is not worth the way to a GPU."""


@dataclass(frozen=True)
class TunedGraph:
    """A graph and how it is searched."""

    path: Path
    epsilon: float
    followed: int
    """Edges of each vector that a search follows; 0 for all."""
    reduce: Callable[[Floats], Floats]
    """Makes centred vectors short for it."""

    def open(self, rows: Ints, objects: Ints) -> OpenGraph:
        """Open it for the regions `rows`, whose numbers in it are `objects`."""
        return OpenGraph(self.path, rows, objects, self.epsilon, self.followed)


@dataclass(frozen=True)
class Listing:
    """The regions of a segment whose neighbours are to be listed, and what is known of them."""

    vectors: Floats
    """float32 (n, dim): the centred vectors of all regions."""
    photos: Photos
    rows: Ints
    """int32 (r,): the segment's regions."""
    objects: Ints
    """int32 (r,): the graph's number of each."""
    graph: TunedGraph | None
    settings: IndexSettings

    def write(self, folder: Path, watch: Stopwatch) -> dict[str, Any]:
        """Write neighbours, scores and subject into `folder`; return how they were found."""
        opened = self.graph.open(self.rows, self.objects) if self.graph else None
        try:
            with watch("attribute"):
                subject = attribute_regions(
                    self.photos,
                    self.rows,
                    lambda among: self._finder(among, opened),
                    self.settings.attribution_voters,
                )
                write_array(folder / SUBJECT, subject.shape, [subject])
            with watch("neighbours") as tell:
                finder = self._finder(self.rows[subject], opened)
                self._write_lists(finder, folder, tell)
                recall = 1.0 if finder.name != "graph" else self._recall(folder, subject)
        finally:
            if opened is not None:
                opened.close()
        log.info("neighbours by %s, recall %.4f", finder.name, recall)
        return {"method": finder.name, "recall": recall, "listed": self.settings.neighbours}

    def _finder(self, among: Ints, opened: OpenGraph | None) -> Finder:
        """Choose how the nearest of `among` are found for all rows."""
        exact = ExactFinder(self.vectors, self.photos.owner, among)
        dim = self.vectors.shape[1]
        products = float(len(self.rows)) * len(among) * dim
        device = gpu_device(len(among), dim) if products > GPU_PRODUCTS else ""
        if device:
            return GpuFinder(self.vectors, self.photos.owner, among, device)
        if opened is None or self.graph is None or products <= EXACT_PRODUCTS:
            return exact
        return GraphFinder(exact, opened, self.graph.reduce)

    def _write_lists(self, finder: Finder, folder: Path, tell: Callable[[float], None]) -> None:
        count, done = self.settings.neighbours, 0
        shape = (len(self.rows), count)
        with (
            appending(folder / NEIGHBOURS, shape) as add_regions,
            appending(folder / SCORES, shape) as add_scores,
        ):
            for block in find_neighbours(finder, self.rows, self.photos.owner, count):
                add_regions(block.regions)
                add_scores(block.scores)
                done += len(block.regions)
                tell(done / len(self.rows))

    def _recall(self, folder: Path, subject: Mask) -> float:
        """Return which share of the exact lists of a few regions is in those in `folder`."""
        owners = self.photos.owner
        places = np.linspace(0, len(self.rows) - 1, CHECKED).astype(np.intp)
        listed = map_array(folder / NEIGHBOURS)[places]
        exact = ExactFinder(self.vectors, owners, self.rows[subject])
        truth = all_neighbours(exact, self.rows[places], owners, listed.shape[1]).regions
        shares = []
        for found, regions in zip(listed, truth, strict=True):
            expected = set(owners[regions[regions >= 0]].tolist())
            given = set(owners[found[found >= 0]].tolist())
            shares.append(len(expected & given) / max(1, len(expected)))
        return float(np.mean(shares))
