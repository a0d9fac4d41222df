"""Find the nearest regions of many at once among the candidates of a graph over short vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from feature_store.index.finders import ExactFinder, Floats, Found, Ints

GRAPH_ROWS = 4096
"""Regions that a graph is asked for at once."""
GATHERED_FLOATS = 16_000_000
"""Numbers of candidates' vectors held at once."""


class GraphFinder:
    """Compares with what a graph over short vectors holds for near, and with no others."""

    name = "graph"

    def __init__(
        self,
        exact: ExactFinder,
        graph: OpenGraph,
        reduce: Callable[[Floats], Floats],
    ) -> None:
        """Take the finder that answers where the graph's candidates are too few, the graph, and
        what makes a centred vector short."""
        self._exact = exact
        self._graph = graph
        self._reduce = reduce
        self._spread = graph.spread(exact.among)

    def nearest(self, asked: Ints, count: int) -> Found:
        """Return the `count` nearest regions of each region of `asked`, int32 (q,)."""
        found = Found.none(len(asked), count)
        wide = self._spread.wide(count)
        for start in range(0, len(asked), GRAPH_ROWS):
            part = asked[start : start + GRAPH_ROWS]
            vectors = np.ascontiguousarray(self._exact.vectors[part])
            objects = self._graph.search(self._reduce(vectors), wide)
            self._rank(found, start, part, vectors, objects)
        short = np.flatnonzero(found.regions[:, -1] < 0)
        if short.size:
            again = self._exact.nearest(asked[short], count)
            found.regions[short], found.cosines[short] = again
        return found

    def _rank(self, found: Found, start: int, part: Ints, vectors: Floats, objects: Ints) -> None:
        rows = max(1, GATHERED_FLOATS // (objects.shape[1] * vectors.shape[1]))
        count = found.regions.shape[1]
        for first in range(0, len(part), rows):
            here = slice(first, first + rows)
            firsts = self._graph.first[objects[here]]
            cosines = np.matmul(self._exact.vectors[firsts], vectors[here, :, None])[..., 0]
            cosines[objects[here] < 0] = -np.inf
            row, region, cosine = self._spread.opened(objects[here], cosines, count)
            own = self._exact.owners
            other = own[region] != own[part[here][row]]
            row, region, cosine = row[other], region[other], cosine[other]
            order = np.lexsort((region, -cosine, row))
            row, region, cosine = row[order], region[order], cosine[order]
            place = np.arange(len(row)) - np.searchsorted(row, row)
            kept = place < count
            target = (start + first + row[kept], place[kept])
            found.regions[target] = region[kept]
            found.cosines[target] = np.clip(cosine[kept], -1, 1)


class OpenGraph:
    """A graph of a segment, asked for many vectors at once, on all cores that OpenMP may take."""

    def __init__(
        self, path: Path, rows: Ints, objects: Ints, epsilon: float, followed: int
    ) -> None:
        """Open the graph at `path`; `objects` (n,) says which object each region of `rows` is.

        A search follows so many edges of each vector; 0 for all.
        """
        import ngtpy

        self._index = ngtpy.Index(str(path), read_only=True, log_disabled=True)
        self._index.set(epsilon=epsilon, edge_size=followed)
        self._asked_once = False
        order = np.argsort(objects, kind="stable")
        self.rows, self.objects = rows[order], objects[order]
        """The regions by their object, and the object of each."""
        self.first = self.rows[np.searchsorted(self.objects, np.arange(objects.max() + 1))]
        """The first region of each object."""

    def search(self, short: Floats, wide: int) -> Ints:
        """Return the objects near each of `short` (q, reduced_dim): int32 (q, wide), -1 padded."""
        import ngtpy

        short = np.ascontiguousarray(short, np.float32)
        if not self._asked_once:  # the first search sets things up and must not run beside another
            self._index.search(short[0], size=1, with_distance=False)
            self._asked_once = True
        results = ngtpy.BatchResults()
        self._index.batch_search(short, results, size=wide, with_distance=False)
        ends = np.asarray(results.get_index(), np.int64)
        ids = np.asarray(results.get_indexed_ids(), np.int32)
        counts = np.diff(ends)
        found = np.full((len(short), wide), -1, np.int32)
        row = np.repeat(np.arange(len(short)), counts)
        found[row, np.arange(len(ids)) - np.repeat(ends[:-1], counts)] = ids
        return found

    def spread(self, among: Ints) -> Spread:
        """Say which of `among` each object stands for."""
        allowed = np.isin(self.rows, among)
        return Spread(self.rows[allowed], self.objects[allowed], len(self.first))

    def close(self) -> None:
        """Give the graph's memory back."""
        self._index.close()


class Spread:
    """Which regions that may be found each object of a graph stands for."""

    def __init__(self, regions: Ints, objects: Ints, count: int) -> None:
        """Take `regions` ordered by their `objects`, of which there are `count`."""
        self._regions = regions
        self._starts = np.searchsorted(objects, np.arange(count))
        self._counts = np.searchsorted(objects, np.arange(count), side="right") - self._starts

    def wide(self, count: int) -> int:
        """Return how many objects to ask for, so that `count` regions are likely among them."""
        useful = max(1, int((self._counts > 0).sum()))
        return min(len(self._counts), int(1.2 * count * len(self._counts) / useful) + 16)

    def opened(
        self, objects: Ints, cosines: Floats, count: int
    ) -> tuple[npt.NDArray[np.intp], Ints, Floats]:
        """Return row, region and cosine of all that objects (q, wide) stand for, flat.

        Of a photo that thousands of items share no more than could be asked for are opened.
        """
        counts = np.where(objects >= 0, np.minimum(self._counts[objects], count + 64), 0).ravel()
        row = np.repeat(np.arange(objects.size) // objects.shape[1], counts)
        offset = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        region = self._regions[np.repeat(self._starts[objects.ravel()], counts) + offset]
        return row, region, np.repeat(cosines.ravel(), counts)
