"""The nearest regions to a vector: the graph finds candidates, the stored vectors judge them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.bundle.projection import Projection
from feature_store.bundle.stored import BLOCK_ROWS, StoredVectors

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

QUERY_ROWS = 256
"""Queries compared at once."""


class Nearest(NamedTuple):
    """Answers to q queries, the nearest first."""

    regions: Ints
    """(q, k) region numbers; -1 where there are fewer than k regions."""
    cosines: Floats
    """(q, k) cosines with the query; -1 beside -1."""


def merge(answers: Sequence[Nearest]) -> Nearest:
    """Return the k best of several answers (q, k) to the same queries, which share no region."""
    if len(answers) == 1:
        return answers[0]
    regions = np.hstack([answer.regions for answer in answers])
    cosines = np.hstack([answer.cosines for answer in answers])
    # What is not there comes after whatever is, however unlike that may be.
    key = np.where(regions < 0, np.float32(np.inf), -cosines)
    order = np.argsort(key, axis=1, kind="stable")[:, : answers[0].regions.shape[1]]
    return Nearest(np.take_along_axis(regions, order, 1), np.take_along_axis(cosines, order, 1))


class NearestRegions:
    """Two ways to a segment's nearest regions: all compared, or the graph's candidates compared.

    Both answer in centred space, in region numbers of the whole bundle. The graph holds each
    distinct vector once, as an object; regions that share a vector share the object. Searching
    never writes, so that forked processes share everything here.
    """

    def __init__(
        self,
        vectors: StoredVectors,
        rows: Ints,
        objects: Ints,
        projection: Projection,
        graph: Any,
    ) -> None:
        """Take the bundle's vectors, the segment's regions and their objects, and its graph.

        `rows`: int32 (n,), ascending; `objects`: int32 (n,), numbered from 0 without a gap;
        `graph`: an open ngtpy.Index, or None for no graph.
        """
        self.vectors = vectors
        self.rows = rows
        self.projection = projection
        self._graph = graph
        order = np.argsort(objects, kind="stable")
        ordered = objects[order]
        self._by_object = rows[order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
        self._first = self._by_object[self._starts[:-1]]
        self._counts = np.diff(self._starts)
        self._copies = self.distinct < len(rows)
        if graph is not None:
            # NGT's first search sets things up and must not run beside another one.
            graph.search(projection.reduce(vectors[rows[:1]])[0], size=1, with_distance=False)

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
        wanted = min(max(candidates, candidates * (k - 1) // 10), self.distinct)
        answers = _unanswered(len(centred), k)
        for row, short in enumerate(self.projection.reduce(centred)):
            found = self._graph.search(short, size=wanted, epsilon=epsilon, with_distance=False)
            regions = self._first[found]
            cosines = self.vectors.compare(centred[row], regions)
            best = cosines.argsort()[: -k - 1 : -1]
            if self._copies:
                regions, cosines = self._with_copies(found[best], cosines[best])
            else:
                regions, cosines = regions[best], cosines[best]
            answers.regions[row, : len(regions)] = regions[:k]
            answers.cosines[row, : len(regions)] = cosines[:k]
        return _clipped(answers)

    def exact(self, centred: Floats, k: int) -> Nearest:
        """Return the k nearest regions of each query (q, dim), comparing all."""
        answers = _unanswered(len(centred), k)
        kept = min(k, len(self.rows))
        for first in range(0, len(centred), QUERY_ROWS):
            queries = centred[first : first + QUERY_ROWS]
            regions, cosines = self._exact(queries, kept)
            answers.regions[first : first + len(queries), :kept] = regions
            answers.cosines[first : first + len(queries), :kept] = cosines
        return _clipped(answers)

    def _exact(self, queries: Floats, kept: int) -> tuple[Ints, Floats]:
        cosines = np.empty((len(queries), 0), np.float32)
        regions = np.empty((len(queries), 0), np.int32)
        for start in range(0, len(self.rows), BLOCK_ROWS):
            numbers = self.rows[start : start + BLOCK_ROWS]
            block = queries @ self.vectors.block(numbers).T
            cosines = np.hstack([cosines, block])
            regions = np.hstack([regions, np.broadcast_to(numbers, block.shape)])
            if cosines.shape[1] > kept:
                best = np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]
                cosines = np.take_along_axis(cosines, best, axis=1)
                regions = np.take_along_axis(regions, best, axis=1)
        order = np.lexsort((regions, -cosines), axis=1)
        return np.take_along_axis(regions, order, 1), np.take_along_axis(cosines, order, 1)

    def _with_copies(self, objects: Ints, cosines: Floats) -> tuple[Ints, Floats]:
        """Return all regions that share these objects, with their cosines."""
        counts = self._counts[objects]
        if counts.sum() == len(objects):
            return self._first[objects], cosines
        spans = [self._by_object[self._starts[o] : self._starts[o + 1]] for o in objects]
        return np.concatenate(spans), np.repeat(cosines, counts)


def _unanswered(queries: int, k: int) -> Nearest:
    return Nearest(np.full((queries, k), -1, np.int32), np.full((queries, k), -1, np.float32))


def _clipped(answers: Nearest) -> Nearest:
    """Return answers whose cosines are none beyond 1 by rounding."""
    np.maximum(np.minimum(answers.cosines, 1, out=answers.cosines), -1, out=answers.cosines)
    return answers
