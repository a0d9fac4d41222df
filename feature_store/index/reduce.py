"""Learn from a catalogue's own vectors how to centre them and how to make them short."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from feature_store.errors import IndexBuildError

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

BLOCK_ROWS = 8192
"""Rows handled at once, so that memory does not grow with the catalogue."""

FITTED_ROWS = 200_000
"""As many rows say where the main directions are; more move them no further."""


def check_vectors(vectors: Floats, name_of: Callable[[int], str]) -> None:
    """Raise IndexBuildError for the first row that is zero or not finite, by its name.

    `vectors`: (n, dim); `name_of` says whose a row is. NGT drops a zero vector in silence and
    every later number shifts by one; a NaN answers every query with nothing.
    """
    with np.errstate(over="ignore"):  # a number whose square is none cannot be compared
        norms = np.linalg.norm(vectors, axis=1)
    bad = np.flatnonzero(~np.isfinite(norms) | (norms < 1e-6))
    if bad.size:
        row = int(bad[0])
        what = "is zero" if np.isfinite(norms[row]) else "is not finite"
        raise IndexBuildError(
            f"the vector of {name_of(row)} {what} ({bad.size} such); extract its features again"
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


def fit_components(vectors: Floats, rows: Ints, reduced_dim: int, seed: int = 0) -> Floats:
    """Return the projection, float32 (dim, r), that keeps most of the dot products.

    `vectors`: centred unit vectors (n, dim), of which `rows`, int32 (m,), count, or FITTED_ROWS of
    them drawn at random. The columns are the first r eigenvectors of their second moments (PCA
    without a second centring, which would distort the cosines), with r = min(reduced_dim, dim,
    m - 1), but at least 1.
    """
    kept = max(1, min(reduced_dim, vectors.shape[1], len(rows) - 1))
    if len(rows) > FITTED_ROWS:
        drawn = np.random.default_rng(seed).choice(len(rows), FITTED_ROWS, replace=False)
        rows = rows[np.sort(drawn)]
    moments = np.zeros((vectors.shape[1], vectors.shape[1]), np.float64)
    for block in blocks_of(vectors, rows):
        moments += block.T @ block
    _, eigenvectors = np.linalg.eigh(moments / len(rows))
    return np.ascontiguousarray(eigenvectors[:, ::-1][:, :kept], np.float32)


def blocks_of(vectors: Floats, rows: Ints, size: int = BLOCK_ROWS) -> Iterator[Floats]:
    """Yield `vectors[rows]`, float32, in blocks of `size`; views where nothing is left out."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        whole = part[-1] - part[0] == len(part) - 1
        yield vectors[part[0] : part[-1] + 1] if whole else vectors[part]


def number_distinct(vectors: Floats, rows: Ints) -> Ints:
    """Number the distinct ones of `vectors[rows]` by first appearance: int32 (r,), from 0.

    A photo used for many items gives many equal vectors. In a graph they would be each other's
    only neighbours, an island that no search leaves; so the graph holds each of them once.
    """
    digests = np.empty((len(rows), 2), np.uint64)
    done = 0
    for block in blocks_of(vectors, rows):
        joined = b"".join(_digest(vector) for vector in block)
        digests[done : done + len(block)] = np.frombuffer(joined, np.uint64).reshape(-1, 2)
        done += len(block)
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    new = np.r_[True, (ordered[1:] != ordered[:-1]).any(axis=1)]
    first = np.minimum.reduceat(order, np.flatnonzero(new))  # a group's first appearance
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    numbers = np.empty(len(rows), np.int32)
    numbers[order] = rank[np.cumsum(new) - 1]
    return numbers


def _digest(vector: Floats) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(vector).data, digest_size=16).digest()
