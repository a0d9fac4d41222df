"""The last step of a build: put the segments together, measure the bundle, put it in its place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import (
    BACKGROUND,
    ITEMS_FILE,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    REGION_ORDER,
    REGIONS_FILE,
    REPORT,
    SCALES,
    VECTORS,
    Counts,
    Manifest,
    SearchParameters,
    Segment,
    read_manifest,
)
from feature_store.bundle.ids import order_of
from feature_store.bundle.lease import lease_file
from feature_store.bundle.mapped import map_array
from feature_store.bundle.open import open_bundle
from feature_store.bundle.scores import Background, draw_sample
from feature_store.bundle.search import Searcher
from feature_store.bundle.stored import BLOCK_ROWS, StoredVectors
from feature_store.bundle.write import BundleWriter
from feature_store.errors import IndexBuildError
from feature_store.index.curve import Line, draw_curve, draw_curves
from feature_store.index.evaluate import CurvePoint
from feature_store.nightly.build_plan import Plan, read_plan, snapshot_of
from feature_store.nightly.build_scratch import Scratch, SegmentResult
from feature_store.nightly.measure import measure
from feature_store.nightly.needs import NightlySettings
from feature_store.nightly.photo_models import carry_models
from feature_store.nightly.pictures import contact_sheet
from feature_store.nightly.stopwatch import Progress, Stopwatch, joined_cost, unheard
from feature_store.tables import FeatureStore, open_store

log = logging.getLogger(__name__)

Mask = npt.NDArray[np.bool_]

BLOCK_REGIONS = 65_536
"""Regions whose neighbours are written at once."""


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
        segments = found["segments"].values()
        return {
            "bundle": str(self.path),
            "snapshot_version": self.manifest.snapshot_version,
            "items": counts.items,
            "regions": counts.regions,
            "segments": len(self.manifest.segments),
            "recall_at_10": round(min(one["recall_at_10"] for one in segments), 5),
            "seconds": round(sum(found["seconds"].values()), 1),
            "peak_memory_mb": round(found["peak_memory_bytes"] / 1e6),
        }


def make_candidate(
    folder: str | Path,
    settings: NightlySettings,
    store: FeatureStore | None = None,
    progress: Progress = unheard,
) -> Candidate:
    """Put a planned bundle together whose segments are built; done before, return what was made.

    Raises IndexBuildError naming a segment that has not been built.
    """
    writer = BundleWriter.resume(Path(folder))
    if not writer.final.is_dir():
        plan = read_plan(folder, settings.index)
        with writer.alone("assemble"):
            if not writer.final.is_dir():
                return _make(writer, plan, settings, store, progress)
    lease_file(writer.final).touch()
    writer.discard()
    return Candidate(writer.final, read_manifest(writer.final))


def _make(
    writer: BundleWriter,
    plan: Plan,
    settings: NightlySettings,
    store: FeatureStore | None,
    progress: Progress,
) -> Candidate:
    watch = Stopwatch(progress)
    results = _results(plan)
    with watch("assemble"):
        manifest = _Assembly(writer, plan, results).write()
    with watch("models"):
        photo = carry_models(writer.folder, plan.parts, settings)
    writer.draft(manifest)
    searcher = Searcher(open_bundle(writer.folder, proven=False))
    with watch("measure"):
        snapshot = snapshot_of(plan, store or open_store(settings))
        measured = measure(searcher, snapshot, settings, plan.folder)
    with watch("pictures"):
        sheet = writer.folder / REPORT / "neighbours.jpg"
        contact_sheet(searcher, settings.home / "thumbnails", sheet, settings.index.seed)
    cost = joined_cost([plan.cost, *(result.about["cost"] for result in results), watch.cost()])
    found = {**manifest.measurements, **measured, **cost, "forecast": _held(plan, cost)}
    found["photo"] = photo
    manifest = replace(manifest, measurements=found)
    candidate = Candidate(writer.finish(manifest), manifest)
    writer.discard()
    log.info("built %s", candidate.summary())
    return candidate


def _results(plan: Plan) -> list[SegmentResult]:
    scratch = Scratch(plan.folder)
    results = [scratch.result(number) for number in plan.segments]
    done = [result for result in results if result is not None]
    if len(done) < len(results):
        number = results.index(None)
        raise IndexBuildError(
            f"segment {number} ({plan.names[number].name!r}) of {plan.bundle_id} has not been "
            "built; run its task again"
        )
    return done


def _held(plan: Plan, cost: Mapping[str, Any]) -> dict[str, Any]:
    """Hold what was forecast against what it took."""
    seconds = sum(cost["seconds"].get(name, 0.0) for name in FORECAST_STEPS)
    return {
        "seconds": round(seconds, 1),
        "seconds_ratio": round(seconds / max(plan.forecast["seconds"], 0.1), 2),
        "memory_ratio": round(cost["peak_memory_bytes"] / plan.forecast["memory_bytes"], 2),
    }


FORECAST_STEPS = ("reduce", "graph", "tune", "attribute", "neighbours")
"""The steps of the segments, whose time was forecast."""


class _Assembly:
    """Writes what all segments have in common."""

    def __init__(self, writer: BundleWriter, plan: Plan, results: list[SegmentResult]) -> None:
        self.writer = writer
        self.plan = plan
        self.results = results
        self.scratch = Scratch(plan.folder)
        self.rows = [self.scratch.rows(number) for number in plan.segments]

    def write(self) -> Manifest:
        """Write tables, neighbours and pictures; return the manifest with what was found."""
        self._backgrounds(self._tables())
        count = self.results[0].neighbours.shape[1]
        shape = (self.plan.regions, count)
        self.writer.blocks(NEIGHBOURS, shape, self._blocks([r.neighbours for r in self.results]))
        self.writer.blocks(NEIGHBOUR_SCORES, shape, self._blocks([r.scores for r in self.results]))
        self._pictures()
        return self._manifest()

    def _tables(self) -> Mask:
        """Write the tables of items and regions; return which regions are their photo's subject."""
        subject = np.zeros(self.plan.regions, np.bool_)
        for rows, result in zip(self.rows, self.results, strict=True):
            subject[rows] = result.subject
        shown = np.flatnonzero(subject).astype(np.int32)
        _, first = np.unique(self.scratch.photos.owner[shown], return_index=True)
        items = self.scratch.items.append_column("primary_region", pa.array(shown[first]))
        self.writer.table(ITEMS_FILE, items)
        regions = self.scratch.regions.append_column("subject", pa.array(subject))
        self.writer.table(REGIONS_FILE, regions)
        self.writer.array(REGION_ORDER, order_of(regions["region_id"].combine_chunks()))
        return subject

    def _backgrounds(self, subject: Mask) -> None:
        """Write what each region has in common with the catalogue by chance."""
        folder = self.writer.folder
        scales = map_array(folder / SCALES) if (folder / SCALES).is_file() else None
        vectors = StoredVectors(map_array(folder / VECTORS), scales)
        background = Background(draw_sample(vectors, subject))
        blocks = (
            background.of(vectors[start : start + BLOCK_ROWS])
            for start in range(0, len(vectors), BLOCK_ROWS)
        )
        self.writer.blocks(BACKGROUND, (len(vectors),), blocks)

    def _blocks(self, parts: list[npt.NDArray[Any]]) -> Iterator[npt.NDArray[Any]]:
        """Yield the rows of all segments' arrays in the order of the bundle's regions."""
        for start in range(0, self.plan.regions, BLOCK_REGIONS):
            stop = min(start + BLOCK_REGIONS, self.plan.regions)
            block = np.empty((stop - start, parts[0].shape[1]), parts[0].dtype)
            for rows, part in zip(self.rows, parts, strict=True):
                low, high = np.searchsorted(rows, [start, stop])
                block[rows[low:high] - start] = part[low:high]
            yield block

    def _pictures(self) -> None:
        """Draw what was tried: for one segment by candidates, of several the best of each."""
        lines = []
        for result in self.results:
            found = result.about["measured"]
            curve = [CurvePoint(**point) for point in found["curve"]]
            search = result.about["search"]
            key = (search["epsilon"], search["candidates"], search["edges"])
            chosen = next(p for p in curve if (p.epsilon, p.candidates, p.edges) == key)
            lines.append(Line(result.about["name"], curve, chosen))
        target = self.results[0].about["measured"]["target_recall"]
        if len(lines) == 1:
            drawn = draw_curve(lines[0].curve, lines[0].chosen, target)
        else:
            drawn = draw_curves(lines, target)
        self.writer.text(f"{REPORT}/recall.svg", drawn)

    def _manifest(self) -> Manifest:
        plan = self.plan
        abouts = [result.about for result in self.results]
        segments = tuple(_segment(number, about) for number, about in enumerate(abouts))
        measured = {about["name"]: about["measured"] for about in abouts}
        return Manifest(
            bundle_id=plan.bundle_id,
            created_at=plan.created_at,
            snapshot_version=plan.snapshot_version,
            snapshot_content_hash=plan.snapshot_content_hash,
            features_hash=plan.features_hash,
            detector=plan.detector,
            extractor=plan.extractor,
            parameters_digest=plan.parameters_digest,
            dim=plan.dim,
            parts=plan.parts,
            segmented_by=plan.segmented_by,
            segments=segments,
            stored=str(map_array(self.writer.folder / VECTORS).dtype),
            counts=Counts(
                plan.items, plan.images, plan.regions, sum(about["vectors"] for about in abouts)
            ),
            measurements={
                "segments": measured,
                "target_recall": abouts[0]["measured"]["target_recall"],
                "target_reached": all(found["target_reached"] for found in measured.values()),
                "left_out": dict(plan.left_out),
            },
            forecast=dict(plan.forecast),
        )


def _segment(number: int, about: dict[str, Any]) -> Segment:
    return Segment(
        name=about["name"],
        folder=f"segments/{number:03d}",
        regions=about["regions"],
        vectors=about["vectors"],
        reduced_dim=about["reduced_dim"],
        search=SearchParameters(**about["search"]),
    )
