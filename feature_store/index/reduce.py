"""Learn from a catalogue's own vectors how to centre them and how to make them short."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from feature_store.errors import IndexBuildError

Floats = npt.NDArray[np.float32]

BLOCK_ROWS = 8192
"""Rows handled at once, so that memory does not grow with the catalogue."""


def check_vectors(vectors: Floats, names: list[str]) -> None:
    """Raise IndexBuildError for the first row that is zero or not finite, by its name.

    `vectors`: (n, dim); `names[i]` says whose row i is. NGT drops a zero vector in silence and
    every later number shifts by one; a NaN answers every query with nothing.
    """
    norms = np.linalg.norm(vectors, axis=1)
    bad = np.flatnonzero(~np.isfinite(norms) | (norms < 1e-6))
    if bad.size:
        row = int(bad[0])
        what = "is zero" if np.isfinite(norms[row]) else "is not finite"
        raise IndexBuildError(
            f"the vector of {names[row]} {what} ({bad.size} such); extract its features again"
        )


def fit_mean(vectors: Floats, prior: float) -> Floats:
    """Return the shrunken mean, float32 (dim,), of unit vectors (n, dim).

    The mean is multiplied by n / (n + prior). A mean of unit vectors is at most 1 long, its
    shrunken form is shorter than 1, so that no unit vector can equal it: centring never gives a
    zero vector, not even in a catalogue of one item or of copies of one photo.
    """
    total = np.zeros(vectors.shape[1], np.float64)
    for start in range(0, len(vectors), BLOCK_ROWS):
        total += vectors[start : start + BLOCK_ROWS].sum(axis=0, dtype=np.float64)
    return np.asarray(total / (len(vectors) + prior), np.float32)


def fit_components(vectors: Floats, reduced_dim: int) -> Floats:
    """Return the projection, float32 (dim, r), that keeps most of the dot products.

    `vectors`: centred unit vectors (n, dim). The columns are the first r eigenvectors of their
    second moments (PCA without a second centring, which would distort the cosines), with
    r = min(reduced_dim, dim, n - 1), but at least 1.
    """
    n, dim = vectors.shape
    moments = np.zeros((dim, dim), np.float64)
    for start in range(0, n, BLOCK_ROWS):
        block = np.asarray(vectors[start : start + BLOCK_ROWS], np.float32)
        moments += block.T @ block
    _, eigenvectors = np.linalg.eigh(moments / n)
    kept = max(1, min(reduced_dim, dim, n - 1))
    return np.ascontiguousarray(eigenvectors[:, ::-1][:, :kept], np.float32)


def number_distinct(vectors: Floats) -> npt.NDArray[np.int32]:
    """Number the distinct rows of (n, dim) by first appearance: int32 (n,), equal for equal rows.

    A photo used for many items gives many equal vectors. In a graph they would be each other's
    only neighbours, an island that no search leaves; so the graph holds each of them once.
    """
    numbers = np.empty(len(vectors), np.int32)
    seen: dict[bytes, int] = {}
    for row, vector in enumerate(vectors):
        numbers[row] = seen.setdefault(_digest(vector), len(seen))
    return numbers


def _digest(vector: Floats) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(vector).data, digest_size=16).digest()
