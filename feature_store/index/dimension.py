"""Choose how short the vectors in the graph are, before any graph is built.

For a sample of queries whose exact answers are known it is counted how many candidates would have
to be compared exactly, so that the answers are among them, for each number of dimensions. Those
dimensions are taken that promise the fastest search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.index.evaluate import Truth
from feature_store.index.reduce import blocks_of
from feature_store.index.settings import IndexSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

DIMENSIONS = (16, 32, 48, 64, 96, 128, 192, 256)
"""What is tried."""
QUERIES = 300
"""Queries that are counted for."""

SETUP_MS, CANDIDATE_MS, LENGTH_FREE, LENGTH_MEASURED = 0.12, 0.0009, 117, 64
"""A cost model fitted to measurements (60,000 vectors, one thread, the wheel of NGT 2.8): comparing
64, 96 and 128 numbers takes 34, 40 and 46 ns. At 64 dimensions 70 candidates take 0.18 ms where the
recall is reached; more candidates cost little, since fewer of them need less wandering."""

SLACK = 1.1
"""Fewer dimensions are taken where they cost at most so much more time: they save memory."""


class Ceiling(NamedTuple):
    """What a perfect search among short vectors would find."""

    reduced_dim: int
    recalls: tuple[float, ...]
    """Share of the exact answers among the nearest short vectors, for each number of candidates
    of the settings."""
    candidates: int | None
    """The first number of candidates that reaches the goal; None: none does."""
    estimated_ms: float | None
    """What the cost model says of it."""


class Choice(NamedTuple):
    """The dimensions chosen, and what they were chosen from."""

    reduced_dim: int
    ceilings: list[Ceiling]

    @property
    def recalls(self) -> tuple[float, ...]:
        """The ceilings of the chosen dimensions, for each number of candidates."""
        found = (c.recalls for c in self.ceilings if c.reduced_dim == self.reduced_dim)
        return next(found, ())


def choose_dimension(
    vectors: Floats,
    first: Ints,
    truth: Truth,
    components: Floats,
    settings: IndexSettings,
    most: int = max(DIMENSIONS),
) -> Choice:
    """Return how many of the `components`, float32 (dim, r), the graph's vectors keep.

    `vectors`: centred (n, dim); `first`: one region of each distinct vector; `truth`: queries with
    exact answers; `most`: no more than these. With `settings.reduced_dim` given it is that one.
    """
    longest = min(components.shape[1], most)
    wanted = (settings.reduced_dim,) if settings.reduced_dim else DIMENSIONS
    dims = sorted({min(dim, longest) for dim in wanted})
    goal = min(settings.target_recall + settings.tuning_margin, 1.0)
    goal += (1 - goal) / 2  # the graph will lose some
    shares = _shares(vectors, first, truth, components[:, : dims[-1]], dims, settings.candidates)
    ceilings = []
    for dim, recalls in zip(dims, shares, strict=True):
        enough = next(
            (c for c, r in zip(settings.candidates, recalls, strict=True) if r >= goal), None
        )
        ceilings.append(Ceiling(dim, recalls, enough, _estimate(dim, enough)))
    return Choice(_cheapest(ceilings), ceilings)


def _estimate(dim: int, candidates: int | None) -> float | None:
    if candidates is None:
        return None
    length = (LENGTH_FREE + dim) / (LENGTH_FREE + LENGTH_MEASURED)
    return (SETUP_MS + CANDIDATE_MS * candidates) * length


def _cheapest(ceilings: list[Ceiling]) -> int:
    """Return the fewest dimensions that are about as fast as the fastest; the most if none will."""
    fit = [(c.estimated_ms, c.reduced_dim) for c in ceilings if c.estimated_ms is not None]
    if not fit:
        return ceilings[-1].reduced_dim
    fastest = min(fit)[0]
    return min(dim for estimated, dim in fit if estimated <= SLACK * fastest)


def _shares(
    vectors: Floats,
    first: Ints,
    truth: Truth,
    components: Floats,
    dims: Sequence[int],
    candidates: Sequence[int],
) -> list[tuple[float, ...]]:
    """Return for each of `dims` the share of exact answers among the nearest short vectors.

    Short vectors of fewer dimensions are the beginnings of longer ones, so that one pass over the
    vectors adds up the products of all. A query's own vector takes one candidate's place.
    """
    chosen = np.arange(len(truth.queries))[:: max(1, len(truth.queries) // QUERIES)]
    queries, answers = truth.queries[chosen] @ components, truth.answers[chosen]
    kept = min(max(candidates), len(first))
    nearest = [np.full((len(chosen), kept), -np.inf, np.float32) for _ in dims]
    for block in blocks_of(vectors, first):
        short = np.asarray(block, np.float32) @ components
        for place, cosines in enumerate(_cosines(queries, short, dims)):
            both = np.hstack([nearest[place], cosines])
            nearest[place] = np.partition(both, -kept, axis=1)[:, -kept:]
    shares = []
    theirs = np.asarray(vectors[answers.ravel()], np.float32) @ components
    theirs = theirs.reshape(*answers.shape, -1)
    for place, dim in enumerate(dims):
        edges = -np.sort(-nearest[place], axis=1)[:, [min(c, kept) - 1 for c in candidates]]
        products = (theirs[..., :dim] * queries[:, None, :dim]).sum(axis=2)
        cosines = products / (_lengths(theirs, dim) * _lengths(queries, dim)[:, None])
        counted = (answers >= 0)[:, :, None]
        inside = (cosines[:, :, None] >= edges[:, None, :] - 1e-5) & counted
        shares.append(inside.sum(axis=(0, 1)) / max(1, int(counted.sum())))
    return [tuple(float(share) for share in line) for line in shares]


def _cosines(queries: Floats, short: Floats, dims: Sequence[int]) -> Iterator[Floats]:
    """Yield the cosines (q, n) of two sets of vectors by their first `dims` numbers."""
    products = np.zeros((len(queries), len(short)), np.float32)
    start = 0
    for dim in dims:
        products += queries[:, start:dim] @ short[:, start:dim].T
        yield products / _lengths(queries, dim)[:, None] / _lengths(short, dim)[None, :]
        start = dim


def _lengths(vectors: Floats, dim: int) -> Floats:
    lengths: Floats = np.linalg.norm(vectors[..., :dim], axis=-1)
    return np.maximum(lengths, np.float32(1e-12))
