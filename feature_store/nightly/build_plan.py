"""The first step of a build: read the snapshot, cut it into segments, forecast the cost."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.format import FACETS_FILE, MEAN, SCALES, VECTORS, Part, write_synced
from feature_store.bundle.opening import registry_of
from feature_store.bundle.projection import Projection
from feature_store.bundle.stored import quantise
from feature_store.bundle.write import BundleWriter
from feature_store.errors import IndexBuildError
from feature_store.index.forecast import Size, forecast, refuse_if_too_large, time_small_graph
from feature_store.index.reduce import BLOCK_ROWS, fit_mean
from feature_store.index.settings import IndexSettings
from feature_store.nightly.build_scratch import Scratch
from feature_store.nightly.gather import Floats, Gathered, Ints, gather
from feature_store.nightly.needs import (
    NightlySettings,
    Share,
    choose_parts,
    describe_parts,
    features_hash,
    parameters_digest,
)
from feature_store.nightly.stopwatch import Progress, Step, Stopwatch, unheard
from feature_store.tables import FeatureStore, Snapshot, open_store

log = logging.getLogger(__name__)

PLAN = "plan.json"
MOST_SEGMENTS = 1000
"""Airflow maps a task no more often than 1,024 times."""


@dataclass(frozen=True)
class PlannedSegment:
    """One index that is to be built."""

    name: str
    regions: int


@dataclass(frozen=True)
class Plan:
    """A build that has begun: where its steps meet, and what is to be built."""

    folder: Path
    """The scratch folder, to be handed to the other steps."""
    bundle_id: str
    created_at: str
    snapshot_version: int
    snapshot_content_hash: str
    features_hash: str
    detector: str
    parts: tuple[Part, ...]
    parameters_digest: str
    items: int
    images: int
    regions: int
    segmented_by: str
    names: tuple[PlannedSegment, ...]
    """The segments by their number."""
    forecast: Mapping[str, Any]
    left_out: Mapping[str, Any]
    """Regions and items that one of several extractors has not described."""
    cost: Mapping[str, Any]
    """What planning took."""

    @property
    def segments(self) -> list[int]:
        """The numbers of all segments."""
        return list(range(len(self.names)))

    @property
    def dim(self) -> int:
        """Length of a region's vector: the sum of the parts'."""
        return sum(part.dim for part in self.parts)

    @property
    def extractor(self) -> str:
        """The identity of the one part, or all parts with their weights."""
        return describe_parts(self.parts)

    def segment_folder(self, number: int) -> Path:
        """Return where a segment's step keeps what it will not put into the bundle."""
        return Scratch(self.folder).segment(number)

    def summary(self) -> dict[str, Any]:
        """Return a few plain values: what is built, and what it is expected to take."""
        return {
            "bundle": self.bundle_id,
            "snapshot_version": self.snapshot_version,
            "extractor": self.extractor,
            "items": self.items,
            "regions": self.regions,
            "left_out": self.left_out["regions"],
            "segments": len(self.names),
            "forecast_seconds": round(self.forecast["seconds"]),
            "forecast_memory_mb": round(self.forecast["memory_bytes"] / 1e6),
        }


def make_plan(
    settings: NightlySettings, store: FeatureStore | None = None, progress: Progress = unheard
) -> Plan:
    """Read the current snapshot into a new scratch folder, and say what there is to build.

    Leaves nothing if it fails. Raises IndexBuildError if there is nothing to index, naming the
    item whose vector cannot be, and for a build that does not fit into memory.
    """
    snapshot = (store or open_store(settings)).snapshot()
    shares = choose_parts(snapshot, settings)
    now = dt.datetime.now(dt.UTC)
    bundle_id = f"{now:%Y%m%dT%H%M%S%f}"[:-3] + f"-{snapshot.content_hash[:6]}"
    writer = BundleWriter(registry_of(settings).folder, bundle_id)
    writer.begin()
    try:
        planner = _Planner(writer, snapshot, settings.index, Stopwatch(progress))
        plan = planner.plan(bundle_id, now, shares)
        _write(plan)
    except BaseException:
        writer.discard()
        raise
    progress(Step("plan", forecast_seconds=plan.forecast["seconds"], share=1.0))
    log.info("planned %s", plan.summary())
    return plan


def read_plan(folder: str | Path, settings: IndexSettings) -> Plan:
    """Read what `make_plan` wrote; IndexBuildError if it is gone, or made by other settings."""
    folder = Path(folder)
    try:
        raw = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IndexBuildError(f"{folder} holds no plan of a build; plan it again") from error
    raw["parts"] = tuple(Part(**part) for part in raw["parts"])
    raw["names"] = tuple(PlannedSegment(**segment) for segment in raw["names"])
    plan = Plan(folder=folder, **raw)
    if plan.parameters_digest != parameters_digest(settings):
        raise IndexBuildError(
            f"the settings of the index have changed since {plan.bundle_id} was planned; "
            "plan it again"
        )
    return plan


def _write(plan: Plan) -> None:
    raw = asdict(plan)
    del raw["folder"]
    write_synced(plan.folder / PLAN, json.dumps(raw, indent=2, sort_keys=True))


class _Planner:
    """Writes what the segments' steps start from."""

    def __init__(
        self, writer: BundleWriter, snapshot: Snapshot, settings: IndexSettings, watch: Stopwatch
    ) -> None:
        self.writer = writer
        self.snapshot = snapshot
        self.settings = settings
        self.watch = watch

    def plan(self, bundle_id: str, now: dt.datetime, shares: Sequence[Share]) -> Plan:
        """Read the snapshot, cut it and write it; return what there is to build."""
        snapshot, extractors = self.snapshot, [share.extractor for share in shares]
        with self.watch("gather"):
            gathered = gather(snapshot, extractors, self.writer.scratch)
            digest = features_hash(snapshot, extractors)
        parts = tuple(
            Part(share.extractor, dim, share.weight)
            for share, dim in zip(shares, gathered.dims, strict=True)
        )
        segments = self._cut(gathered)
        expected = self._write(gathered, parts, segments)
        return Plan(
            folder=self.writer.scratch,
            bundle_id=bundle_id,
            created_at=now.isoformat(timespec="milliseconds"),
            snapshot_version=snapshot.version,
            snapshot_content_hash=snapshot.content_hash,
            features_hash=digest,
            detector=gathered.detector,
            parts=parts,
            parameters_digest=parameters_digest(self.settings),
            items=len(gathered.items),
            images=int(gathered.photos.image[-1]) + 1,
            regions=len(gathered.regions),
            segmented_by=self.settings.segment_by,
            names=tuple(PlannedSegment(name, len(rows)) for name, rows in segments),
            forecast=expected,
            left_out=gathered.left_out.to_dict(),
            cost=self.watch.cost(),
        )

    def _cut(self, gathered: Gathered) -> list[tuple[str, Ints]]:
        """Return the segments: their names, and their regions, ascending."""
        found = cut_segments(gathered.facets, gathered.owners, self.settings.segment_by)
        scratch = Scratch(self.writer.scratch)
        for number, (_, rows) in enumerate(found):
            scratch.write_rows(number, rows)
        return found

    def _write(
        self, gathered: Gathered, parts: Sequence[Part], segments: list[tuple[str, Ints]]
    ) -> dict[str, Any]:
        """Write tables and vectors; return the forecast."""
        Scratch(self.writer.scratch).write_gathered(gathered)
        self.writer.table(FACETS_FILE, gathered.facets)
        sizes = [Size(len(rows), len(rows), sum(gathered.dims)) for _, rows in segments]
        # Once before the vectors are written: what cannot fit need not be tried.
        refuse_if_too_large(forecast(sizes, 0.0, self.settings), self.settings)
        with self.watch("centre"):
            centred = self._centre(gathered.vectors, parts)
        with self.watch("forecast"):
            expected = forecast(sizes, time_small_graph(centred, self.settings), self.settings)
        return expected.to_dict()

    def _centre(self, raw: Floats, parts: Sequence[Part]) -> Floats:
        """Write the mean and the vectors; return them centred, float32, mapped from disk."""
        stored = self.settings.stored
        mean = fit_mean(raw, self.settings.centring_prior)
        self.writer.array(MEAN, mean)
        centring = Projection(mean, np.empty((len(mean), 0), np.float32), tuple(parts))

        def blocks() -> Iterator[Floats]:
            for start in range(0, len(raw), BLOCK_ROWS):
                yield centring.centre(raw[start : start + BLOCK_ROWS])

        if stored == "float32":
            return self.writer.blocks(VECTORS, raw.shape, blocks())
        centred = Scratch(self.writer.scratch).write_centred(raw.shape, blocks())
        pieces = (
            quantise(centred[start : start + BLOCK_ROWS], stored)
            for start in range(0, len(raw), BLOCK_ROWS)
        )
        scales: list[Floats] = []

        def values() -> Iterator[npt.NDArray[Any]]:
            for piece, scale in pieces:
                if scale is not None:
                    scales.append(scale)
                yield piece

        self.writer.blocks(VECTORS, raw.shape, values())
        if scales:
            self.writer.array(SCALES, np.concatenate(scales))
        return centred


def cut_segments(facets: pa.Table, owners: Ints, by: str) -> list[tuple[str, Ints]]:
    """Return the regions of each value of an attribute, by its name; of all items if `by` is empty.

    Items without a value make up the segment "". IndexBuildError for an attribute that no item
    has, that is a number, or that has more values than MOST_SEGMENTS.
    """
    if not by:
        return [("", np.arange(len(owners), dtype=np.int32))]
    if by not in facets.column_names:
        raise IndexBuildError(
            f"NITAMONO_INDEX_SEGMENT_BY is {by!r}, an attribute that no item has; there are: "
            f"{', '.join(facets.column_names)}"
        )
    column = facets[by].combine_chunks()
    if pa.types.is_floating(column.type):
        raise IndexBuildError(f"{by} is a number: an index cannot be cut into segments by it")
    encoded = pc.fill_null(column.cast(pa.string()), "").dictionary_encode()
    names = encoded.dictionary.to_pylist()
    if len(names) > MOST_SEGMENTS:
        raise IndexBuildError(
            f"{by} has {len(names):,} values, more than the {MOST_SEGMENTS:,} segments that an "
            "index can be cut into; choose another NITAMONO_INDEX_SEGMENT_BY"
        )
    of_region = encoded.indices.to_numpy()[owners]
    order = np.argsort(of_region, kind="stable").astype(np.int32)
    starts = np.searchsorted(of_region[order], np.arange(1, len(names)))
    return sorted(zip(names, np.split(order, starts), strict=True), key=lambda one: str(one[0]))


def snapshot_of(plan: Plan, store: FeatureStore) -> Snapshot:
    """Return the snapshot that was planned."""
    return store.snapshot(plan.snapshot_version)
