"""From a snapshot to a candidate bundle: gather, index, tune, measure, and write it all down."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import (
    COMPONENTS,
    FACETS_FILE,
    GRAPH,
    ITEMS_FILE,
    MEAN,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    OBJECTS,
    REGIONS_FILE,
    REPORT,
    ROWS,
    VECTORS,
    Counts,
    Manifest,
    Part,
    SearchParameters,
    Segment,
)
from feature_store.bundle.nearest import NearestRegions
from feature_store.bundle.open import open_bundle
from feature_store.bundle.projection import Projection
from feature_store.bundle.search import Searcher
from feature_store.bundle.segment import open_graph
from feature_store.bundle.stored import StoredVectors
from feature_store.bundle.write import BundleWriter
from feature_store.index.attribute import Mask, attribute_regions
from feature_store.index.build import Graph, build_graphs, plain_folder
from feature_store.index.curve import draw_curve
from feature_store.index.evaluate import Search, Tuning, find_truth, sample_queries, tune
from feature_store.index.neighbours import find_neighbours
from feature_store.index.reduce import BLOCK_ROWS, fit_components, fit_mean, number_distinct
from feature_store.index.settings import IndexSettings
from feature_store.nightly.gather import Floats, Gathered, Ints, gather
from feature_store.nightly.measure import Stopwatch, measure
from feature_store.nightly.needs import (
    NightlySettings,
    choose_extractor,
    parameters_digest,
    registry_of,
)
from feature_store.nightly.pictures import contact_sheet
from feature_store.nightly.record import noting_failure
from feature_store.tables import FeatureStore, Snapshot, open_store

log = logging.getLogger(__name__)

SEGMENT = "segments/000"


@dataclass(frozen=True)
class Candidate:
    """A bundle that is written but not yet judged."""

    path: Path
    manifest: Manifest

    @property
    def measurements(self) -> dict[str, Any]:
        """What the index gate will judge, and what it cost, as plain values."""
        return dict(self.manifest.measurements)

    def summary(self) -> dict[str, Any]:
        """Return a few plain values: where the bundle is, how much it holds, how good it is."""
        counts, found = self.manifest.counts, self.measurements
        return {
            "bundle": str(self.path),
            "snapshot_version": self.manifest.snapshot_version,
            "items": counts.items,
            "regions": counts.regions,
            "recall_at_10": round(found["gate"]["recall_at_10"], 5),
            "seconds": round(sum(found["seconds"].values()), 1),
            "peak_memory_mb": round(found["peak_memory_bytes"] / 1e6),
        }


def build_candidate(settings: NightlySettings, store: FeatureStore | None = None) -> Candidate:
    """Build a bundle from the store's current snapshot and measure it; nothing goes live.

    Raises IndexBuildError if there is nothing to index, or naming the item whose vector cannot be.
    """
    with noting_failure(settings.home):
        return _build((store or open_store(settings)).snapshot(), settings)


def _build(snapshot: Snapshot, settings: NightlySettings) -> Candidate:
    extractor = choose_extractor(snapshot, settings)
    now = dt.datetime.now(dt.UTC)
    bundle_id = f"{now:%Y%m%dT%H%M%S%f}"[:-3] + f"-{snapshot.content_hash[:6]}"
    watch = Stopwatch()
    with BundleWriter(registry_of(settings).folder, bundle_id) as writer:
        with watch("gather"):
            gathered = gather(snapshot, extractor, writer.scratch)
        dim = gathered.vectors.shape[1]
        manifest = Manifest(
            bundle_id=bundle_id,
            created_at=now.isoformat(timespec="milliseconds"),
            snapshot_version=snapshot.version,
            snapshot_content_hash=snapshot.content_hash,
            features_hash="",
            detector=gathered.detector,
            extractor=extractor,
            parameters_digest=parameters_digest(settings.index),
            dim=dim,
            parts=(Part(extractor, dim, 1.0),),
            segmented_by="",
            segments=(),
            stored="float32",
            counts=Counts(
                len(gathered.items), int(gathered.photos.image[-1]) + 1, len(gathered.regions), 0
            ),
            measurements={},
        )
        manifest = _Assembly(writer, gathered, settings.index, watch).write(manifest)
        writer.draft(manifest)
        manifest = _measured(writer, manifest, gathered, snapshot, settings, watch)
        candidate = Candidate(writer.finish(manifest), manifest)
    log.info("built %s", candidate.summary())
    return candidate


class _Assembly:
    """Writes a bundle's tables, vectors, graph and neighbours."""

    def __init__(
        self, writer: BundleWriter, gathered: Gathered, settings: IndexSettings, watch: Stopwatch
    ) -> None:
        self.writer = writer
        self.gathered = gathered
        self.settings = settings
        self.watch = watch

    def write(self, manifest: Manifest) -> Manifest:
        """Write everything that is searched; return the manifest with what was learned."""
        self.writer.table(FACETS_FILE, self.gathered.facets)
        with self.watch("reduce"):
            vectors, objects, projection = self._reduce()
        with self.watch("neighbours"):
            subject = self._attribute(vectors)
            found = find_neighbours(
                vectors, self.gathered.owners, subject, self.settings.neighbours
            )
        self.writer.array(NEIGHBOURS, found.regions)
        self.writer.array(NEIGHBOUR_SCORES, found.scores)
        method, tuning, self_lookup = self._search(vectors, objects, projection, found.regions)
        best = tuning.chosen
        distinct = int(objects.max()) + 1
        segment = Segment(
            name="",
            folder=SEGMENT,
            regions=len(objects),
            vectors=distinct,
            reduced_dim=projection.components.shape[1],
            search=SearchParameters(method, best.epsilon, best.candidates),
        )
        curve = draw_curve(tuning.curve, best, self.settings.target_recall)
        self.writer.text(f"{REPORT}/recall.svg", curve)
        return replace(
            manifest,
            segments=(segment,),
            counts=replace(manifest.counts, vectors=distinct),
            measurements={
                "curve": [point._asdict() for point in tuning.curve],
                "target_recall": self.settings.target_recall,
                "target_reached": tuning.reached,
                "self_lookup": self_lookup,
            },
        )

    def _attribute(self, vectors: Floats) -> Mask:
        """Write the tables of items and regions, now that each photo's subject is known."""
        gathered = self.gathered
        subject = attribute_regions(vectors, gathered.photos, self.settings.attribution_voters)
        regions = np.flatnonzero(subject).astype(np.int32)
        _, first = np.unique(gathered.owners[regions], return_index=True)
        primary = pa.array(regions[first])
        self.writer.table(ITEMS_FILE, gathered.items.append_column("primary_region", primary))
        self.writer.table(REGIONS_FILE, gathered.regions.append_column("subject", [subject]))
        return subject

    def _reduce(self) -> tuple[Floats, Ints, Projection]:
        raw, settings = self.gathered.vectors, self.settings
        mean = fit_mean(raw, settings.centring_prior)
        centring = Projection(mean, np.empty((len(mean), 0), np.float32))
        blocks = (
            centring.centre(raw[start : start + BLOCK_ROWS])
            for start in range(0, len(raw), BLOCK_ROWS)
        )
        vectors = self.writer.blocks(VECTORS, raw.shape, blocks)
        projection = Projection(mean, fit_components(vectors, settings.reduced_dim))
        objects = number_distinct(raw)
        self.writer.array(MEAN, projection.mean)
        (self.writer.folder / SEGMENT).mkdir(parents=True)
        self.writer.array(f"{SEGMENT}/{COMPONENTS}", projection.components)
        self.writer.array(f"{SEGMENT}/{OBJECTS}", objects)
        self.writer.array(f"{SEGMENT}/{ROWS}", np.arange(len(raw), dtype=np.int32))
        return np.asarray(vectors), objects, projection

    def _search(
        self, vectors: Floats, objects: Ints, projection: Projection, neighbours: Ints
    ) -> tuple[str, Tuning, float | None]:
        """Build, tune and keep a graph; return its kind, its tuning, and who finds itself in it."""
        raw, settings, folder = self.gathered.vectors, self.settings, self.writer.folder
        sample = sample_queries(raw, neighbours, settings.sample_size, settings.seed)
        truth = find_truth(vectors, sample, projection.centre)
        first: npt.NDArray[np.intp] = np.unique(objects, return_index=True)[1]
        rows = np.arange(len(vectors), dtype=np.int32)

        def opened(graph: Any) -> NearestRegions:
            return NearestRegions(StoredVectors(vectors), rows, objects, projection, graph)

        if len(first) < settings.min_graph_vectors:
            settings = replace(settings, epsilons=(0.0,), candidates=(10,))
            exact = _ask(opened(None))
            return "exact", tune(exact, vectors, truth, settings), None
        short = np.empty((len(first), projection.components.shape[1]), np.float32)
        for start in range(0, len(first), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            short[block] = projection.reduce(vectors[first[block]])
        tried: list[tuple[Graph, Tuning]] = []
        with plain_folder() as scratch:
            for graph in self.watch.steps("graph", build_graphs(short, scratch, settings)):
                with self.watch("tune"):
                    search = _ask(opened(open_graph(graph.path, len(first))))
                    tried.append((graph, tune(search, vectors, truth, settings)))
                if tried[-1][1].reached:
                    break
                log.warning("the %s falls short of the target recall", graph.kind)
            kept, tuning = max(tried, key=lambda one: (one[1].reached, one[1].chosen.recall))
            shutil.move(kept.path, folder / SEGMENT / GRAPH)
        return kept.kind, tuning, kept.self_lookup


def _ask(nearest: NearestRegions) -> Search:
    """The two-stage search in the form in which it is tuned."""

    def search(queries: Floats, k: int, epsilon: float, candidates: int) -> Ints:
        return nearest.approximate(queries, k, epsilon, candidates).regions

    return search


def _measured(
    writer: BundleWriter,
    manifest: Manifest,
    gathered: Gathered,
    snapshot: Snapshot,
    settings: NightlySettings,
    watch: Stopwatch,
) -> Manifest:
    """Open the unfinished bundle with the code that will serve it, and measure it."""
    searcher = Searcher(open_bundle(writer.folder, proven=False))
    with watch("measure"):
        measured = measure(searcher, gathered, snapshot, settings.index)
    with watch("pictures"):
        sheet = writer.folder / REPORT / "neighbours.jpg"
        contact_sheet(searcher, settings.home / "thumbnails", sheet, settings.index.seed)
    measurements = {**manifest.measurements, **measured, **watch.cost()}
    return replace(manifest, measurements=measurements)
