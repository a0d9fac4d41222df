"""The nearest regions to a vector: the graph finds candidates, the stored vectors judge them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.bundle.projection import Projection

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

BLOCK_ROWS = 8192
"""Stored vectors compared at once: 40 MB at 1,280 dimensions."""
QUERY_ROWS = 256
"""Queries compared at once."""


class Nearest(NamedTuple):
    """Answers to q queries, the nearest first."""

    regions: Ints
    """(q, k) region numbers; -1 where there are fewer than k regions."""
    cosines: Floats
    """(q, k) cosines with the query; -1 beside -1."""


class NearestRegions:
    """Two ways to the nearest regions: all compared (exact), or the graph's candidates compared.

    Both answer in centred space. The graph holds each distinct vector once, as an object; regions
    that share a vector share the object. Searching never writes, so that forked processes share
    everything here.
    """

    def __init__(self, vectors: Floats, objects: Ints, projection: Projection, graph: Any) -> None:
        """Take `vectors` (n, dim), `objects` (n,) and an open ngtpy.Index, or None for no graph."""
        self.vectors = np.asarray(vectors)
        self.projection = projection
        self._graph = graph
        self._by_object = np.argsort(objects, kind="stable").astype(np.int32)
        ordered = objects[self._by_object]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
        self._first = self._by_object[self._starts[:-1]]
        if graph is not None:
            # NGT's first search sets things up and must not run beside another one.
            graph.search(projection.reduce(self.vectors[:1])[0], size=1, with_distance=False)

    @property
    def distinct(self) -> int:
        """How many distinct vectors there are."""
        return len(self._first)

    def approximate(self, centred: Floats, k: int, epsilon: float, candidates: int) -> Nearest:
        """Return the k nearest regions of each query (q, dim), as far as the graph finds them.

        `candidates` distinct vectors are compared exactly, for answers up to eleven (ten and the
        asked region itself); for more answers, more in proportion.
        """
        if self._graph is None:
            return self.exact(centred, k)
        wanted = max(candidates, candidates * (k - 1) // 10)
        answers = _unanswered(len(centred), k)
        for row, short in enumerate(self.projection.reduce(centred)):
            objects = self._graph.search(short, size=wanted, epsilon=epsilon, with_distance=False)
            objects = np.asarray(objects, np.int64)
            cosines = self.vectors[self._first[objects]] @ centred[row]
            self._fill(answers, row, objects, cosines)
        return answers

    def exact(self, centred: Floats, k: int) -> Nearest:
        """Return the k nearest regions of each query (q, dim), comparing all."""
        answers = _unanswered(len(centred), k)
        kept = min(k, len(self.vectors))
        for first in range(0, len(centred), QUERY_ROWS):
            queries = centred[first : first + QUERY_ROWS]
            regions, cosines = self._exact(queries, kept)
            answers.regions[first : first + len(queries), :kept] = regions
            answers.cosines[first : first + len(queries), :kept] = np.clip(cosines, -1, 1)
        return answers

    def cosines(self, query: Floats, regions: npt.NDArray[np.integer[Any]]) -> Floats:
        """Return the cosines of one centred query (dim,) with `regions`."""
        cosines = np.empty(len(regions), np.float32)
        for start in range(0, len(regions), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            cosines[rows] = self.vectors[regions[rows]] @ query
        return cosines

    def _exact(self, queries: Floats, kept: int) -> tuple[Ints, Floats]:
        cosines = np.empty((len(queries), 0), np.float32)
        regions = np.empty((len(queries), 0), np.int32)
        for start in range(0, len(self.vectors), BLOCK_ROWS):
            block = queries @ self.vectors[start : start + BLOCK_ROWS].T
            numbers = np.arange(start, start + block.shape[1], dtype=np.int32)
            cosines = np.hstack([cosines, block])
            regions = np.hstack([regions, np.broadcast_to(numbers, block.shape)])
            if cosines.shape[1] > kept:
                best = np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]
                cosines = np.take_along_axis(cosines, best, axis=1)
                regions = np.take_along_axis(regions, best, axis=1)
        order = np.lexsort((regions, -cosines), axis=1)
        return np.take_along_axis(regions, order, 1), np.take_along_axis(cosines, order, 1)

    def _fill(
        self, answers: Nearest, row: int, objects: npt.NDArray[np.int64], cosines: Floats
    ) -> None:
        """Write one query's answer: the objects by cosine, each opened into its regions."""
        k = answers.regions.shape[1]
        order = np.lexsort((objects, -cosines))[:k]
        counts = self._starts[objects[order] + 1] - self._starts[objects[order]]
        if counts.sum() == len(order):
            regions, near = self._first[objects[order]], cosines[order]
        else:
            spans = [self._by_object[self._starts[o] : self._starts[o + 1]] for o in objects[order]]
            regions, near = np.concatenate(spans)[:k], np.repeat(cosines[order], counts)[:k]
        answers.regions[row, : len(regions)] = regions
        answers.cosines[row, : len(regions)] = np.clip(near, -1, 1)


def _unanswered(queries: int, k: int) -> Nearest:
    return Nearest(np.full((queries, k), -1, np.int32), np.full((queries, k), -1, np.float32))
