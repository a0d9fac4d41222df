"""The second step of a build, once for each segment: make it short, build its graph, tune it."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.bundle.format import (
    COMPONENTS,
    GRAPH,
    MEAN,
    OBJECTS,
    ROWS,
    SCALES,
    VECTORS,
    SearchParameters,
)
from feature_store.bundle.mapped import map_array
from feature_store.bundle.nearest import NearestRegions
from feature_store.bundle.projection import Projection
from feature_store.bundle.segment import open_graph
from feature_store.bundle.stored import StoredVectors
from feature_store.bundle.write import BundleWriter, write_array
from feature_store.errors import IndexBuildError
from feature_store.index.build import Graph, build_graphs, plain_folder
from feature_store.index.dimension import DIMENSIONS, Choice, choose_dimension
from feature_store.index.evaluate import (
    RECALL_AT,
    Search,
    Truth,
    Tuning,
    find_truth,
    tune,
    tune_graph,
    with_points_between,
)
from feature_store.index.finders import ExactFinder
from feature_store.index.forecast import Size, forecast, refuse_if_too_large
from feature_store.index.graph_choice import choose_graph
from feature_store.index.reduce import blocks_of, fit_components, number_distinct
from feature_store.index.settings import IndexSettings
from feature_store.nightly.build_neighbours import Listing, TunedGraph
from feature_store.nightly.build_plan import Plan
from feature_store.nightly.build_scratch import ABOUT, Scratch
from feature_store.nightly.gather import Floats, Ints
from feature_store.nightly.stopwatch import Progress, Stopwatch, unheard

log = logging.getLogger(__name__)


def make_segment(
    plan: Plan, number: int, settings: IndexSettings, progress: Progress = unheard
) -> dict[str, Any]:
    """Build one segment of a plan, unless that has been done; return what it is, as plain values.

    Raises IndexBuildError, naming the segment, if it cannot be built.
    """
    scratch = Scratch(plan.folder)
    if not 0 <= number < len(plan.names):
        raise IndexBuildError(f"{plan.bundle_id} has no segment {number}; it has {len(plan.names)}")
    name = plan.names[number].name
    with BundleWriter.resume(plan.folder).alone(f"segment-{number}"):
        done = scratch.result(number)
        if done is not None:
            return done.about
        watch = Stopwatch(progress, name if plan.segmented_by else None)
        try:
            return _Building(plan, number, settings, watch).run()
        except IndexBuildError as error:
            if not plan.segmented_by:
                raise
            raise IndexBuildError(f"segment {name!r} of {plan.segmented_by}: {error}") from error


@dataclass(frozen=True)
class _Searched:
    """How a segment is searched, and what came of trying."""

    method: str
    tuning: Tuning
    self_lookup: float | None
    graph: Path | None


class _Building:
    """One segment while it is built."""

    def __init__(self, plan: Plan, number: int, settings: IndexSettings, watch: Stopwatch) -> None:
        self.plan = plan
        self.number = number
        self.settings = settings
        self.watch = watch
        self.writer = BundleWriter.resume(plan.folder)
        self.scratch = Scratch(plan.folder)
        self.rows: Ints = np.asarray(self.scratch.rows(number))
        self.centred = self.scratch.centred
        values = map_array(self.writer.folder / VECTORS)
        scales = self.writer.folder / SCALES
        self.stored = StoredVectors(values, map_array(scales) if scales.is_file() else None)
        self.objects = np.empty(0, np.int32)
        self.first = np.empty(0, np.int32)

    def run(self) -> dict[str, Any]:
        """Build everything and put it in its place."""
        with self.watch("reduce"):
            self.objects = number_distinct(self.scratch.raw, self.rows)
            self.first = self.rows[np.unique(self.objects, return_index=True)[1]]
            self._refuse_if_too_large()
            projection, truth, choice = self._reduce()
        with (
            self.writer.placing(self.scratch.result_folder(self.number)) as result,
            plain_folder(self.plan.folder) as folder,
        ):
            searched = self._search(projection, truth, choice, folder)
            listing = self._listing(projection, searched)
            listed = listing.write(result, self.watch)
            self._place(projection, searched)
            about = self._about(projection, searched, choice, listed)
            (result / ABOUT).write_text(json.dumps(about, sort_keys=True), encoding="utf-8")
        return about

    def _refuse_if_too_large(self) -> None:
        size = Size(len(self.rows), len(self.first), self.plan.dim)
        refuse_if_too_large(forecast([size], 0.0, self.settings), self.settings)

    def _reduce(self) -> tuple[Projection, Truth, Choice]:
        """Choose the short vectors' dimensions by how many candidates they would need."""
        settings = self.settings
        longest = settings.reduced_dim or max(DIMENSIONS)
        components = fit_components(self.centred, self.rows, longest, settings.seed)
        mean = map_array(self.writer.folder / MEAN)
        projection = Projection(mean, components, self.plan.parts)
        truth = self._truth(projection)
        choice = choose_dimension(
            self.centred, self.first, truth, components, settings, self._most_dimensions()
        )
        kept = np.ascontiguousarray(components[:, : choice.reduced_dim])
        return replace(projection, components=kept), truth, choice

    def _most_dimensions(self) -> int:
        """Return how many dimensions fit into the memory that serving may take."""
        if not self.settings.serving_memory_mb:
            return max(DIMENSIONS)
        total = self.plan.regions
        share = self.settings.serving_memory_mb * 1e6 / total - self._served_bytes_each()
        if share < 4:
            least = (self._served_bytes_each() + 4) * total / 1e6
            raise IndexBuildError(
                f"NITAMONO_INDEX_SERVING_MEMORY_MB allows {self.settings.serving_memory_mb} MB; "
                f"{total:,} regions take {least:,.0f} MB at the least as {self.settings.stored}; "
                "store them smaller (NITAMONO_INDEX_STORED) or allow more"
            )
        return int(share // 4)

    def _served_bytes_each(self) -> float:
        """What a region takes besides its short vector: its stored one, and its edges."""
        edges = self.settings.outgoing_edges * SERVED_EDGES
        return self.plan.dim * self.stored.values.dtype.itemsize + edges

    def _truth(self, projection: Projection) -> Truth:
        """Draw queries, and find their exact answers among the segment's regions."""
        random = np.random.default_rng(self.settings.seed)
        drawn = random.permutation(len(self.rows))[: self.settings.sample_size]
        sample = np.sort(self.rows[drawn])
        finder = ExactFinder(self.centred, self.scratch.photos.owner, self.rows)
        near = finder.nearest(sample, RECALL_AT).regions
        queries = with_points_between(self.scratch.raw, sample, near, random)
        return find_truth(self.centred, queries, projection.centre, self.rows)

    def _search(
        self, projection: Projection, truth: Truth, choice: Choice, folder: Path
    ) -> _Searched:
        """Build and tune a graph, or, for few vectors, measure comparing all."""
        settings = self.settings
        if len(self.first) < settings.min_graph_vectors:
            once = replace(settings, epsilons=(0.0,), candidates=(10,), latency_budget_ms=0.0)
            with self.watch("tune"):
                tuning = tune(self._ask(projection, None), self.centred, truth, once)
            return _Searched("exact", tuning, None, None)
        short = self._short(projection, folder)
        settings = replace(settings, candidates=_useful(choice, settings))

        def tuned(graph: Graph) -> Tuning:
            opened = open_graph(graph.path, len(self.first), graph.followed)
            search = self._ask(projection, opened)

            def search_by(edges: int) -> Search:
                opened.set(edge_size=edges)
                return search

            with self.watch("tune"):
                return tune_graph(search_by, graph.followed, self.centred, truth, settings)

        built = self.watch.steps("graph", build_graphs(short, folder, settings))
        graph, tuning = choose_graph(built, tuned, settings.target_recall)
        return _Searched(graph.kind, tuning, graph.self_lookup, graph.path)

    def _short(self, projection: Projection, folder: Path) -> Floats:
        """Write the graph's vectors, one for each distinct one; return them mapped from disk."""
        shape = (len(self.first), projection.components.shape[1])
        blocks = (projection.reduce(block) for block in blocks_of(self.centred, self.first))
        write_array(folder / "short.npy", shape, blocks)
        return map_array(folder / "short.npy")

    def _ask(self, projection: Projection, graph: Any) -> Search:
        """The two-stage search of this segment in the form in which it is tuned."""
        nearest = NearestRegions(self.stored, self.rows, self.objects, projection, graph)

        def search(queries: Floats, k: int, epsilon: float, candidates: int) -> Ints:
            return nearest.approximate(queries, k, epsilon, candidates).regions

        return search

    def _listing(self, projection: Projection, searched: _Searched) -> Listing:
        graph = None
        if searched.graph is not None:
            chosen = searched.tuning.chosen
            graph = TunedGraph(searched.graph, chosen.epsilon, chosen.edges, projection.reduce)
        return Listing(
            vectors=self.centred,
            photos=self.scratch.photos,
            rows=self.rows,
            objects=self.objects,
            graph=graph,
            settings=self.settings,
        )

    def _about(
        self,
        projection: Projection,
        searched: _Searched,
        choice: Choice,
        listed: dict[str, Any],
    ) -> dict[str, Any]:
        best, tuning = searched.tuning.chosen, searched.tuning
        search = SearchParameters(searched.method, best.epsilon, best.candidates, best.edges)
        return {
            "name": self.plan.names[self.number].name,
            "regions": len(self.rows),
            "vectors": len(self.first),
            "reduced_dim": projection.components.shape[1],
            "search": vars(search),
            "measured": {
                "recall_at_10": best.recall,
                "queries_per_second": best.queries_per_second,
                "target_recall": self.settings.target_recall,
                "target_reached": tuning.reached,
                "self_lookup": searched.self_lookup,
                "curve": [point._asdict() for point in tuning.curve],
                "candidates": list(self.settings.candidates),
                "ceilings": [ceiling._asdict() for ceiling in choice.ceilings],
                "neighbours": listed,
            },
            "cost": self.watch.cost(),
        }

    def _place(self, projection: Projection, searched: _Searched) -> None:
        """Put the segment into the bundle. It is done only when its result is in place, too."""
        place = self.writer.folder / "segments" / f"{self.number:03d}"
        with self.writer.placing(place) as making:
            arrays = {ROWS: self.rows, OBJECTS: self.objects, COMPONENTS: projection.components}
            for name, values in arrays.items():
                write_array(making / name, values.shape, [values])
            if searched.graph is not None:
                shutil.move(searched.graph, making / GRAPH)


SERVED_EDGES = 26
"""Bytes of a served graph for each outgoing edge: measured, the incoming ones included."""


def _useful(choice: Choice, settings: IndexSettings) -> tuple[int, ...]:
    """Leave out the numbers of candidates among which even a perfect search finds too little."""
    goal = min(settings.target_recall + settings.tuning_margin, 1.0)
    if settings.latency_budget_ms or not choice.recalls:
        return settings.candidates
    ceilings = list(zip(settings.candidates, choice.recalls, strict=True))
    for least in (goal + (1 - goal) / 2, goal):  # the graph will lose some
        enough = tuple(number for number, recall in ceilings if recall >= least)
        if enough:
            return enough
    return settings.candidates[-1:]
