"""Build the ONNG graph over short vectors with NGT, and prove that it holds what it was given."""

from __future__ import annotations

import logging
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

log = logging.getLogger(__name__)

PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
"""Paths that survive NGT's optimiser, which hands them to a shell without quotes."""


@dataclass(frozen=True)
class GraphBuild:
    """How a graph came to be: what it holds and how long both steps took."""

    vectors: int
    anng_seconds: float
    onng_seconds: float
    self_lookup: float
    """Share (0..1) of sampled vectors that the finished graph finds as their own nearest."""


def build_graph(
    vectors: npt.NDArray[np.float32], folder: Path, settings: IndexSettings
) -> GraphBuild:
    """Build an ONNG over `vectors`, float32 (n, reduced_dim), all different, into `folder`.

    Object number i of the graph is row i. `folder` must not exist yet; its parent must. Raises
    IndexBuildError if the graph does not hold exactly these vectors or does not find them.
    """
    if folder.exists():
        raise IndexBuildError(f"{folder} exists already; remove it before building there")
    vectors = np.ascontiguousarray(vectors, np.float32)
    if not np.isfinite(vectors).all():
        raise IndexBuildError("reduced vectors are not finite; check the features they come from")
    with _plain_folder() as scratch:
        anng, onng = scratch / "anng", scratch / "onng"
        started = time.perf_counter()
        _build_anng(vectors, anng, settings)
        between = time.perf_counter()
        _optimise(anng, onng, settings)
        ended = time.perf_counter()
        self_lookup = _prove(vectors, onng, settings)
        shutil.move(onng, folder)
    log.info(
        "graph of %d vectors: %.1f s + %.1f s", len(vectors), between - started, ended - between
    )
    return GraphBuild(len(vectors), between - started, ended - between, self_lookup)


@contextmanager
def _plain_folder() -> Iterator[Path]:
    """Yield a new folder whose path holds no character that a shell would read as its own."""
    for base in (tempfile.gettempdir(), "/var/tmp", "/tmp"):  # noqa: S108 - mkdtemp makes it private
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


def _build_anng(vectors: npt.NDArray[np.float32], path: Path, settings: IndexSettings) -> None:
    import ngtpy

    # Plain L2 over vectors that we normalised ourselves: NGT's own normalised distances drop zero
    # vectors without a word.
    ngtpy.create(
        str(path),
        dimension=vectors.shape[1],
        edge_size_for_creation=settings.edges,
        edge_size_for_search=0,
        distance_type="L2",
        object_type="Float",
    )
    index = ngtpy.Index(str(path), log_disabled=True)
    try:
        index.batch_insert(vectors, num_threads=settings.threads)
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


def _prove(vectors: npt.NDArray[np.float32], path: Path, settings: IndexSettings) -> float:
    """Check the count and sampled contents of the graph; return the share that finds itself."""
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
        found = sum(_holds(index, vectors[row], int(row)) for row in sample)
    finally:
        index.close()
    share = float(found / len(sample))
    if share < 0.95:
        raise IndexBuildError(
            f"only {share:.1%} of sampled vectors find themselves in the graph; raise index.edges"
        )
    return share


def _holds(index: Any, vector: npt.NDArray[np.float32], number: int) -> bool:
    """Whether a search for `vector` ends at `number`; IndexBuildError if another one is there."""
    stored = np.asarray(index.get_object(number), np.float32)
    if not np.array_equal(stored, vector):
        raise IndexBuildError(f"the graph holds another vector under number {number}")
    hits = index.search(vector, size=1, epsilon=0.2, with_distance=True)
    return bool(hits) and (hits[0][0] == number or hits[0][1] <= 1e-6)
