"""Say what a build will take, before it begins: memory and time, from sizes and a small graph."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.errors import IndexBuildError
from feature_store.index.build import build_graphs, plain_folder
from feature_store.index.settings import IndexSettings
from feature_store.memory import free_bytes

Floats = npt.NDArray[np.float32]

SAMPLE_VECTORS = 4000
"""Vectors of the small graph that is timed."""
SAMPLED_FROM = 20_000
"""A smaller segment is built in less time than timing would take."""
USUAL_DIM = 96
"""Dimensions of the graph's vectors, as long as they are not chosen."""
USUAL_SECONDS, USUAL_EDGES = 0.0003, 40
"""Seconds that a vector of a small graph of so many edges takes, where none is timed."""
GROWTH = 1.13
"""Time to build grows as the number of vectors to this power: measured from 4,000 to 60,000."""

TUNING_SECONDS = 10.0
"""To choose dimensions and to tune the search of a graph: a sample is asked, whatever the size."""
COMPARED = 7e10
"""Products of numbers a second, where all regions are compared with all: once to find out what a
photo shows, once for the stored neighbours. Measured on two cores."""

BASE_BYTES = 500_000_000
"""What a process holds besides: libraries, tiles of cosines, blocks of vectors."""
VECTOR_COPIES = 3
"""As the store has them, centred, and as the bundle stores them; all are mapped from disk."""
ROW_BYTES = 700
"""What a region's row, with its share of its item's, takes in memory while tables are made."""
EDGE_BYTES = 8
"""An edge: a number and a distance."""
GRAPH_COPIES = 1.6
"""How much more than the first graph the optimiser holds at its peak."""


@dataclass(frozen=True)
class Size:
    """How large a segment is."""

    regions: int
    vectors: int
    """Distinct ones, or as many as there are regions if that is not known."""
    dim: int


@dataclass(frozen=True)
class Forecast:
    """What a build is expected to take."""

    memory_bytes: int
    """The most that a process holds, with what it has mapped from disk."""
    needed_bytes: int
    """What of it must be free: maps can be given back."""
    seconds: float
    """Of all segments one after the other."""
    calibrated: bool
    """Whether a small graph was timed for it."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def forecast(segments: Sequence[Size], seconds_each: float, settings: IndexSettings) -> Forecast:
    """Return what building `segments` takes if a vector of a small graph takes `seconds_each`.

    `seconds_each` of 0 stands for a usual machine's.
    """
    each = seconds_each or USUAL_SECONDS * settings.edges / USUAL_EDGES
    total = sum(size.regions for size in segments)
    vectors = 4 * sum(size.regions * size.dim for size in segments)
    planning = ROW_BYTES * total
    building = max((_graph_bytes(size, settings) for size in segments), default=0)
    short = max((4 * size.vectors * _short(size, settings) for size in segments), default=0)
    needed = BASE_BYTES + max(planning, building)
    return Forecast(
        memory_bytes=int(max(BASE_BYTES + planning, needed + short) + VECTOR_COPIES * vectors),
        needed_bytes=int(needed),
        seconds=round(sum(_seconds(size, each, settings) for size in segments), 1),
        calibrated=seconds_each > 0,
    )


def _short(size: Size, settings: IndexSettings) -> int:
    return min(settings.reduced_dim or USUAL_DIM, size.dim)


def _graph_bytes(size: Size, settings: IndexSettings) -> float:
    if size.vectors < settings.min_graph_vectors:
        return 0.0
    edges = 2 * settings.edges * EDGE_BYTES  # both ways
    return size.vectors * (GRAPH_COPIES * edges + 4 * _short(size, settings))


def _seconds(size: Size, each: float, settings: IndexSettings) -> float:
    compared = size.regions * min(size.regions, 100_000) * size.dim / COMPARED
    if size.vectors < settings.min_graph_vectors:
        return compared
    growth = (size.vectors / SAMPLE_VECTORS) ** (GROWTH - 1)
    return float(TUNING_SECONDS + compared + each * size.vectors * growth)


def time_small_graph(vectors: Floats, settings: IndexSettings) -> float:
    """Build a graph over a sample of centred `vectors` (n, dim); return seconds for each vector.

    0 where there are too few for it to be worth it.
    """
    if len(vectors) < SAMPLED_FROM:
        return 0.0
    random = np.random.default_rng(settings.seed)
    rows = np.sort(random.choice(len(vectors), SAMPLE_VECTORS, replace=False))
    sample = np.unique(np.asarray(vectors[rows], np.float32), axis=0)
    dim = min(settings.reduced_dim or USUAL_DIM, sample.shape[1])
    directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))[1][:, ::-1][:, :dim]
    short = np.ascontiguousarray(sample @ directions, np.float32)
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    started = time.perf_counter()
    with plain_folder() as scratch:
        next(build_graphs(short, scratch, settings))
    return (time.perf_counter() - started) / len(short)


def refuse_if_too_large(expected: Forecast, settings: IndexSettings) -> None:
    """Raise IndexBuildError if a build needs more memory than it may take, or than is free."""
    given = settings.memory_budget_mb * 1_000_000
    free = given or free_bytes()
    if expected.needed_bytes > free:
        whose = "NITAMONO_INDEX_MEMORY_BUDGET_MB allows" if given else "is free"
        raise IndexBuildError(
            f"this build is forecast to need {expected.needed_bytes / 1e6:,.0f} MB of memory, more "
            f"than the {free / 1e6:,.0f} MB that {whose}; cut the catalogue into segments "
            "(NITAMONO_INDEX_SEGMENT_BY), lower NITAMONO_INDEX_EDGES, or give it more memory"
        )
