"""What `make bench-index` compares: Nitamono's two-stage search, hnswlib and faiss.

Each builds an index over the same full vectors into a folder, opens it, and answers queries at
settings that go from quick to thorough.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from feature_store.bundle.mapped import map_array
from feature_store.bundle.nearest import NearestRegions
from feature_store.bundle.projection import Projection
from feature_store.bundle.segment import open_graph
from feature_store.bundle.stored import StoredVectors
from feature_store.bundle.write import write_array
from feature_store.index.build import Graph, build_graphs, plain_folder
from feature_store.index.dimension import DIMENSIONS, choose_dimension
from feature_store.index.evaluate import (
    Search,
    Truth,
    Tuning,
    find_truth,
    tune_graph,
    with_points_between,
)
from feature_store.index.finders import ExactFinder
from feature_store.index.graph_choice import choose_graph
from feature_store.index.reduce import blocks_of, fit_components, number_distinct
from feature_store.index.settings import IndexSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Ask = Callable[[Floats], npt.NDArray[np.integer[Any]]]
"""Queries (q, dim) → the numbers of the ten nearest vectors of each, (q, 10)."""

_T = TypeVar("_T")

K = 10
LINKS, BREADTH = 16, 500
"""HNSW's M and efConstruction."""
THREADS = 2
EFFORTS = (10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 57, 68, 80, 113, 160, 226, 320, 453, 640, 1280)
"""HNSW's ef."""


class Setting(NamedTuple):
    """One way to search: how it is called, and who answers."""

    label: str
    ask: Ask


class Engine(Protocol):
    """Builds and searches one kind of index."""

    name: str

    def build(self, vectors: Floats, folder: Path, target: float) -> dict[str, Any]:
        """Write an index over unit `vectors` (n, dim) to `folder`; tell what took how long."""

    def settings(self, vectors: Floats, folder: Path) -> Iterator[Setting]:
        """Open it, and yield ways to search it, from quick to thorough; one thread."""


class Hnswlib:
    """hnswlib's own HNSW."""

    name = "hnswlib"

    def build(self, vectors: Floats, folder: Path, target: float) -> dict[str, Any]:
        import hnswlib

        index = hnswlib.Index("l2", vectors.shape[1])
        index.init_index(len(vectors), M=LINKS, ef_construction=BREADTH, random_seed=20)
        index.set_num_threads(THREADS)
        index.add_items(vectors)
        index.save_index(str(folder / "index"))
        return {}

    def settings(self, vectors: Floats, folder: Path) -> Iterator[Setting]:
        import hnswlib

        index = hnswlib.Index("l2", vectors.shape[1])
        index.load_index(str(folder / "index"), max_elements=len(vectors))
        index.set_num_threads(1)

        def asking(effort: int) -> Ask:
            def ask(queries: Floats) -> npt.NDArray[np.integer[Any]]:
                index.set_ef(effort)
                return np.asarray(index.knn_query(queries, K)[0])

            return ask

        for effort in EFFORTS:
            yield Setting(f"ef {effort}", asking(effort))


class Faiss:
    """faiss-cpu's HNSW over plain vectors."""

    name = "faiss"

    def build(self, vectors: Floats, folder: Path, target: float) -> dict[str, Any]:
        import faiss

        faiss.omp_set_num_threads(THREADS)
        index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS)
        index.hnsw.efConstruction = BREADTH
        index.add(np.ascontiguousarray(vectors))
        faiss.write_index(index, str(folder / "index"))
        return {}

    def settings(self, vectors: Floats, folder: Path) -> Iterator[Setting]:
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.read_index(str(folder / "index"))

        def asking(effort: int) -> Ask:
            def ask(queries: Floats) -> npt.NDArray[np.integer[Any]]:
                index.hnsw.efSearch = effort
                return np.asarray(index.search(queries, K)[1])

            return ask

        for effort in EFFORTS:
            yield Setting(f"efSearch {effort}", asking(effort))


class Nitamono:
    """The project's own search, built and tuned by the steps with which it builds a segment."""

    name = "nitamono"

    def build(self, vectors: Floats, folder: Path, target: float) -> dict[str, Any]:
        settings = IndexSettings(target_recall=target, threads=THREADS)
        clock = _Clock()
        rows = np.arange(len(vectors), dtype=np.int32)
        with clock("reduce"):
            objects = number_distinct(vectors, rows)
            first = np.unique(objects, return_index=True)[1].astype(np.int32)
            components = fit_components(vectors, rows, max(DIMENSIONS), settings.seed)
        with clock("tune"):
            truth = self._truth(vectors, rows, settings)
            choice = choose_dimension(vectors, first, truth, components, settings)
        components = np.ascontiguousarray(components[:, : choice.reduced_dim])
        projection = _centred(components)
        stored = StoredVectors(vectors)
        with plain_folder() as scratch:
            with clock("reduce"):
                shape = (len(first), choice.reduced_dim)
                blocks = (projection.reduce(block) for block in blocks_of(vectors, first))
                write_array(scratch / "short.npy", shape, blocks)
            short = map_array(scratch / "short.npy")
            graphs = clock.each("graph", build_graphs(short, scratch, settings))

            def tuned(graph: Graph) -> Tuning:
                opened = open_graph(graph.path, len(first), graph.followed)
                nearest = NearestRegions(stored, rows, objects, projection, opened)

                def search_by(edges: int) -> Search:
                    opened.set(edge_size=edges)
                    return lambda queries, k, epsilon, candidates: (
                        nearest.approximate(queries, k, epsilon, candidates).regions
                    )

                with clock("tune"):
                    return tune_graph(search_by, graph.followed, vectors, truth, settings)

            graph, tuning = choose_graph(graphs, tuned, target)
            shutil.move(graph.path, folder / "graph")
        for name, values in {"objects": objects, "components": components}.items():
            write_array(folder / f"{name}.npy", values.shape, [values])
        chosen = tuning.chosen._asdict()
        (folder / "tuned.json").write_text(json.dumps(chosen))
        return {
            **clock.taken,
            "method": graph.kind,
            "dimensions": choice.reduced_dim,
            "tuned": {name: round(float(value), 4) for name, value in chosen.items()},
            "target_reached": tuning.reached,
        }

    def _truth(self, vectors: Floats, rows: Ints, settings: IndexSettings) -> Truth:
        """Draw queries of the catalogue's own, and find their exact answers."""
        random = np.random.default_rng(settings.seed)
        sample = np.sort(random.permutation(rows)[: settings.sample_size])
        near = ExactFinder(vectors, rows, rows).nearest(sample, K).regions
        asked = with_points_between(vectors, sample, near, random)
        return find_truth(vectors, asked, np.asarray, rows)

    def settings(self, vectors: Floats, folder: Path) -> Iterator[Setting]:
        tuned = json.loads((folder / "tuned.json").read_text())
        held = int(np.load(folder / "objects.npy").max()) + 1
        graph = open_graph(folder / "graph", held, tuned["edges"])
        projection = _centred(np.asarray(map_array(folder / "components.npy")))
        rows = np.arange(len(vectors), dtype=np.int32)
        objects = np.asarray(map_array(folder / "objects.npy"))
        nearest = NearestRegions(StoredVectors(vectors), rows, objects, projection, graph)

        def asking(epsilon: float) -> Ask:
            return lambda queries: (
                nearest.approximate(queries, K, epsilon, tuned["candidates"]).regions
            )

        for epsilon in sorted({*IndexSettings().epsilons, tuned["epsilon"]}):
            yield Setting(f"{tuned['candidates']} candidates, epsilon {epsilon:g}", asking(epsilon))


def _centred(components: Floats) -> Projection:
    """The projection of vectors that are centred already."""
    return Projection(np.zeros(len(components), np.float32), components)


class _Clock:
    """Seconds, and processor seconds, of named steps."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        started, busy = time.perf_counter(), time.process_time()
        yield
        for name, seconds in (
            (f"{step}_seconds", time.perf_counter() - started),
            (f"{step}_processor_seconds", time.process_time() - busy),
        ):
            self.taken[name] = self.taken.get(name, 0.0) + seconds

    def each(self, step: str, made: Iterator[_T]) -> Iterator[_T]:
        """Time the making of each thing, but not what is done with it."""
        while True:
            with self(step):
                thing = next(made, None)
            if thing is None:
                return
            yield thing


ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Nitamono(), Hnswlib(), Faiss())}
