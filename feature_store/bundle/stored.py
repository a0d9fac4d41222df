"""The stored vectors: kept as float32, float16 or int8, and given back as float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.bundle.format import STORED

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.integer[Any]]

BLOCK_ROWS = 8192
"""Vectors compared at once: 40 MB of float32 at 1,280 dimensions."""


def quantise(vectors: Floats, stored: str) -> tuple[npt.NDArray[Any], Floats | None]:
    """Return unit vectors (n, dim) as they are stored, and for int8 their scales, float32 (n,).

    int8 is symmetric: the largest number of a vector becomes 127. Its scale is the one that makes
    the stored vector a unit vector again, so that no vector is nearer to it than itself. ValueError
    for another kind than STORED.
    """
    if stored not in STORED:
        raise ValueError(f"vectors are stored as one of {', '.join(STORED)}, not {stored!r}")
    if stored != "int8":
        return np.asarray(vectors, np.dtype(stored)), None
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    values = np.rint(vectors * (127 / largest)).astype(np.int8)
    lengths = np.linalg.norm(values.astype(np.float32), axis=1)
    return values, np.asarray(1 / lengths, np.float32)


class StoredVectors:
    """The centred unit vectors of all regions; whatever is taken out of it is float32.

    Nothing is held in memory: rows are converted when they are asked for, whole scans in blocks.
    """

    def __init__(self, values: npt.NDArray[Any], scales: Floats | None = None) -> None:
        """Take the array of `vectors.npy`, (n, dim), and that of `scales.npy`, (n,), for int8."""
        self.values = values
        self.scales = scales
        self.shape = values.shape

    def __len__(self) -> int:
        """Number of regions."""
        return len(self.values)

    def __getitem__(self, rows: int | slice | Numbers) -> Floats:
        """Return one vector, float32 (dim,), or several, (rows, dim); not to be written to."""
        found = np.asarray(self.values[rows], np.float32)
        return found if self.scales is None else found * self.scales[rows, ..., None]

    def cosines(self, query: Floats, rows: Numbers) -> Floats:
        """Return the cosines, float32 (rows,), of one centred query (dim,) with some vectors."""
        cosines = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = rows[start : start + BLOCK_ROWS]
            self.compare(query, block, cosines[start : start + BLOCK_ROWS])
        return cosines

    def compare(self, query: Floats, rows: Numbers, cosines: Floats) -> None:
        """Write the cosines of one centred query (dim,) with a few vectors into `cosines`."""
        found = np.asarray(self.values.take(rows, axis=0), np.float32)
        np.dot(found, query, out=cosines)
        if self.scales is not None:
            cosines *= self.scales[rows]
