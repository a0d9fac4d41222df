"""The engine that compares a question with every vector of a bundle, on this machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle import Bundle
from feature_store.engines.neighbours import ALL, Floats, Only, answers, check_question
from feature_store.engines.regions import BLOCK_ROWS, BundleRegions

QUERY_ROWS = 256
"""Questions that are compared at once."""


class ExactEngine:
    """An `Engine` over the vectors that a bundle stores; it reads all of them for each question."""

    def __init__(self, bundle: Bundle) -> None:
        """Take an open bundle."""
        self._regions = BundleRegions(bundle)

    def count(self) -> int:
        """Return how many distinct regions the bundle holds."""
        return len(self._regions)

    def nearest(self, vectors: Floats, k: int, only: Only = ALL) -> pa.Table:
        """Return the k nearest regions (NEIGHBOURS) of centred unit vectors; see `Engine`."""
        vectors = check_question(vectors, k, self._regions.dim)
        allowed = self._regions.allowed(only)
        cosines = np.full((len(vectors), 0), -np.inf, np.float32)
        places = np.empty((len(vectors), 0), np.int64)
        for start in range(0, len(self._regions), BLOCK_ROWS):
            rows = np.flatnonzero(allowed[start : start + BLOCK_ROWS]) + start
            if not len(rows):
                continue
            stored = self._regions.vectors(start, min(start + BLOCK_ROWS, len(allowed)))
            near = _products(vectors, stored[rows - start])
            cosines = np.hstack([cosines, near])
            places = np.hstack([places, np.broadcast_to(rows, near.shape)])
            if cosines.shape[1] > k:
                best = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
                cosines = np.take_along_axis(cosines, best, axis=1)
                places = np.take_along_axis(places, best, axis=1)
        return self._named(places, cosines)

    def _named(self, places: npt.NDArray[np.int64], cosines: Floats) -> pa.Table:
        items, regions = self._regions.names(0, len(self._regions))
        flat = pa.array(places.ravel())
        query = np.repeat(np.arange(len(places)), places.shape[1])
        return answers(query, items.take(flat), regions.take(flat), cosines.ravel())


def _products(vectors: Floats, stored: Floats) -> Floats:
    """Return the cosines (q, n) of the questions with some stored vectors, a few at a time."""
    pieces = [vectors[i : i + QUERY_ROWS] @ stored.T for i in range(0, len(vectors), QUERY_ROWS)]
    return np.vstack(pieces) if pieces else np.empty((0, len(stored)), np.float32)
