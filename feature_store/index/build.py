"""Build the ONNG graph over short vectors with NGT, and prove that it holds what it was given."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.errors import IndexBuildError
from feature_store.index.settings import IndexSettings

SAME = 1e-3
"""A vector this near to another one is the same: the root of float32 rounding."""

BLOCK_ROWS = 65_536
"""Vectors handed to NGT at once."""

PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
"""Paths that survive NGT's optimiser, which hands them to a shell without quotes."""

FOLLOWED = 25
"""Edges of each vector of an ONNG that tuning begins with, the shortest. Among 60,000 vectors of 64
numbers a search is as right as with all, a few steps of epsilon later, in a fifth less time."""

ALL = 0
"""Edges of each vector that are followed while the ANNG is made. Where vectors lie in groups the
longest edges lead from one to another: made by the shortest 25, an ANNG of 50,000 vectors in 50
groups lost one in ten for good, and took twice as long."""


@dataclass(frozen=True)
class Graph:
    """A finished graph on disk, of which object number i is row i of the vectors."""

    kind: str
    """`onng` or `anng`."""
    path: Path
    seconds: float
    self_lookup: float
    """Share (0..1) of sampled vectors that a search with much patience finds as nearest."""
    followed: int
    """Edges of each vector that tuning begins with, the shortest first; 0 for all, which stays."""


def build_graphs(
    vectors: npt.NDArray[np.float32], scratch: Path, settings: IndexSettings
) -> Iterator[Graph]:
    """Yield an ONNG over `vectors`, float32 (n, reduced_dim), and for whom it fails, the ANNG.

    `vectors` may be mapped from disk: they are read in blocks.

    The ONNG is faster. But where a catalogue falls into groups that have little in common, the
    edges that it drops can be the only ones between them, and what a search does not start in it
    never finds; the ANNG, from which it is made, keeps them. `scratch` is a `plain_folder`.
    Raises IndexBuildError if a graph does not hold exactly these vectors.
    """
    check_short(vectors)
    if not PLAIN_PATH.fullmatch(str(scratch)):
        raise IndexBuildError(f"{scratch} is no folder for NGT: a shell would read its name")
    anng, onng = scratch / "anng", scratch / "onng"
    started = time.perf_counter()
    with _refusing(scratch):
        _build_anng(vectors, anng, settings)
        built = time.perf_counter()
        _optimise(anng, onng, settings)
        optimised = time.perf_counter()
        onng_lookup = prove_graph(vectors, onng, settings)
    yield Graph("onng", onng, optimised - started, onng_lookup, FOLLOWED)
    # All edges of the ANNG: the longest may be the only ones between two groups.
    yield Graph("anng", anng, built - started, prove_graph(vectors, anng, settings), ALL)


def check_short(vectors: npt.NDArray[np.float32]) -> None:
    """Raise IndexBuildError for a vector of the graph that is not finite, or not of length 1."""
    for start in range(0, len(vectors), BLOCK_ROWS):
        lengths = np.linalg.norm(vectors[start : start + BLOCK_ROWS], axis=1)
        bad = np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))  # nor is it true of NaN
        if bad.size:
            raise IndexBuildError(
                f"reduced vector {start + int(bad[0])} is {lengths[bad[0]]:g} long instead of 1 "
                f"({bad.size} such in its block); check the features they come from"
            )


@contextmanager
def plain_folder(beside: Path | None = None) -> Iterator[Path]:
    """Yield a new temporary folder whose path holds no character that a shell would read.

    In the folder `beside` if that is such a path: then what is made can be moved by a rename.
    """
    wanted = [str(beside)] if beside else []
    usual = (tempfile.gettempdir(), "/var/tmp", "/tmp")  # noqa: S108 - mkdtemp makes it private
    for base in (*wanted, *usual):
        real = os.path.realpath(base)
        if PLAIN_PATH.fullmatch(real) and os.access(real, os.W_OK):
            made = Path(tempfile.mkdtemp(prefix="nitamono-graph-", dir=real))
            break
    else:
        raise IndexBuildError("no temporary folder with a plain path; set TMPDIR to one")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _refusing(scratch: Path) -> Iterator[None]:
    """Turn NGT's errors into IndexBuildError: it does not say when the disk is full.

    What it has written of a graph then can read as one of a size beyond all memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        free_bytes = shutil.disk_usage(scratch).free
        raise IndexBuildError(
            f"NGT cannot make the graph in {scratch}, where {free_bytes:,} bytes are free; make "
            f"room there, or set TMPDIR to a folder with more ({error})"
        ) from error


def _build_anng(vectors: npt.NDArray[np.float32], path: Path, settings: IndexSettings) -> None:
    import ngtpy

    # A plain product is nearly twice as quick as a distance in the wheel, which has no AVX code.
    # Of zero vectors, which this kind drops without a word, check_short has left none.
    ngtpy.create(
        str(path),
        dimension=vectors.shape[1],
        edge_size_for_creation=settings.edges,
        edge_size_for_search=ALL,
        distance_type="Normalized L2",
        object_type="Float",
    )
    index = ngtpy.Index(str(path), log_disabled=True)
    try:
        for start in range(0, len(vectors), BLOCK_ROWS):
            # NGT reads memory in a row, whatever the strides say.
            block = np.ascontiguousarray(vectors[start : start + BLOCK_ROWS], np.float32)
            index.batch_insert(block, num_threads=settings.threads, build=False)
        index.build_index(num_threads=settings.threads)
        index.save()
    finally:
        index.close()


def _optimise(anng: Path, onng: Path, settings: IndexSettings) -> None:
    import ngtpy

    optimizer = ngtpy.Optimizer(
        num_of_outgoings=settings.outgoing_edges,
        num_of_incomings=settings.incoming_edges,
        log_disabled=True,
    )
    # The optimiser's own search for parameters can take a hundred times longer than the graph
    # (275 s against 2.8 s for 5,000 clustered vectors), and Nitamono tunes the search itself.
    optimizer.set_processing_modes(
        shortcut_reduction=True,
        search_parameter_optimization=False,
        prefetch_parameter_optimization=False,
        accuracy_table_generation=False,
    )
    optimizer.execute(str(anng), str(onng))


def prove_graph(vectors: npt.NDArray[np.float32], path: Path, settings: IndexSettings) -> float:
    """Check how many vectors a graph holds and, sampled, which; return who finds itself (0..1).

    Raises IndexBuildError if it holds others than `vectors`.
    """
    import ngtpy

    index = ngtpy.Index(str(path), read_only=True, log_disabled=True)
    try:
        held = index.get_num_of_objects()
        if held != len(vectors):
            raise IndexBuildError(f"the graph holds {held} vectors instead of {len(vectors)}")
        random = np.random.default_rng(settings.seed)
        drawn = random.choice(len(vectors), min(len(vectors), settings.sample_size), replace=False)
        # The last one too: it is the one that a shift by one would move first.
        sample = np.append(drawn, len(vectors) - 1)
        found = sum(_finds(index, vectors[row], int(row)) for row in sample)
    finally:
        index.close()
    return float(found / len(sample))


def _finds(index: Any, vector: npt.NDArray[np.float32], number: int) -> bool:
    """Whether a search for `vector` ends at `number`; IndexBuildError if another one is there."""
    stored = np.asarray(index.get_object(number), np.float32)
    if not np.allclose(stored, vector, atol=1e-5):  # NGT makes it a unit vector once more
        raise IndexBuildError(f"the graph holds another vector under number {number}")
    hits = index.search(vector, size=10, epsilon=0.2, with_distance=True)
    return bool(hits) and (hits[0][0] == number or hits[0][1] <= SAME)
