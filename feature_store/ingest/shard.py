"""The second step of a day, once for each shard: its images, their regions and features."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.ingest.describe import ImageDescriber, Known, Models
from feature_store.ingest.outcomes import occurrences
from feature_store.ingest.staging import read_json, read_table, write_json, write_table
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables import open_store

if TYPE_CHECKING:
    from feature_store.settings import Settings
    from feature_store.vision.detect import Detector
    from feature_store.vision.extract import Extractor

log = logging.getLogger(__name__)

PASSING = ("unreachable", "timed_out")
"""Reasons that another try may find gone: a shard that has them is not done for good."""


@dataclass(frozen=True)
class ShardSummary:
    """Counts of one shard.

    `images` and `failed` count the ledger's rows, `reused` images whose features were known,
    `detected` images that went through the detector, `embedded` regions that went through the
    extractor; `seconds` is how long that took.
    """

    images: int
    reused: int
    detected: int
    embedded: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard under the models named by `key`, whose vectors are `dim` long."""

    key: str
    dim: int
    passing: int
    ledger: str
    features: str
    summary: ShardSummary

    @classmethod
    def of(cls, path: Path) -> ShardResult | None:
        """Read the result of the shard at `path`; None if there is none, or its files are gone."""
        values = read_json(path.with_suffix(".json"))
        if values is None:
            return None
        result = cls(**{**values, "summary": ShardSummary(**values["summary"])})
        names = (result.ledger, result.features)
        return result if all((path.parent / name).is_file() for name in names) else None

    def tables(self, folder: Path) -> tuple[pa.Table, pa.Table]:
        """Read the shard's ledger and features, each in the canonical order."""
        return (
            read_table(folder / self.ledger, LEDGER),
            read_table(folder / self.features, FEATURES),
        )


def process_shard(
    path: str,
    settings: Settings,
    detector: Detector | None = None,
    extractor: Extractor | None = None,
) -> ShardSummary:
    """Describe the images of the shard at `path` and write its ledger and features beside it.

    A shard that these models have described already is left alone, but for images whose host did
    not answer: those are asked for again. One bad image never costs the shard. Raises StoreError
    if the shard is missing, VisionError if a model cannot be loaded.
    """
    started = time.monotonic()
    shard = Path(path)
    items = read_table(shard, ITEMS)
    models = _models(settings, detector, extractor)
    key = models.key(settings)
    earlier = ShardResult.of(shard)
    if earlier is not None and earlier.key != key:
        earlier = None
    if earlier is not None and not earlier.passing:
        return earlier.summary
    describer = ImageDescriber(models, _known(models, settings, shard, earlier), settings)
    listed = occurrences(items)
    outcomes = describer.describe(list(dict.fromkeys(occurrence.uri for occurrence in listed)))
    ds = items["ds"][0].as_py()
    ledger, features = outcomes.ledger(ds, listed), outcomes.features(ds, listed)
    summary = ShardSummary(
        images=ledger.num_rows,
        reused=describer.reused,
        detected=describer.detected,
        embedded=describer.embedded,
        failed=_count(pc.equal(ledger["status"], "failed")),
        seconds=round(time.monotonic() - started, 3),
    )
    _write(
        shard,
        ShardResult(
            key=key,
            dim=models.extractor.dim,
            passing=_count(pc.is_in(ledger["reason"], value_set=pa.array(PASSING))),
            ledger=f"{shard.stem}.{key}.ledger.parquet",
            features=f"{shard.stem}.{key}.features.parquet",
            summary=summary,
        ),
        ledger,
        features,
    )
    log.info("%s %s: %s", ds, shard.stem, summary)
    return summary


def _models(settings: Settings, detector: Detector | None, extractor: Extractor | None) -> Models:
    from feature_store.vision.models import load_detector, load_extractor

    return Models(
        detector if detector is not None else load_detector(settings.vision),
        extractor if extractor is not None else load_extractor(settings.vision),
    )


def _known(models: Models, settings: Settings, shard: Path, earlier: ShardResult | None) -> Known:
    """Ask an earlier try of the shard first, then the store."""
    store = open_store(settings)
    tried = earlier.tables(shard.parent)[1] if earlier else FEATURES.empty_table()

    def known(image_ids: list[str]) -> pa.Table:
        mine = tried.filter(pc.is_in(tried["image_id"], value_set=pa.array(image_ids)))
        others = sorted(set(image_ids) - set(mine["image_id"].to_pylist()))
        stored = store.known(others, models.detector.identity, models.extractor.identity)
        return pa.concat_tables([_once(mine), stored])

    return known


def _once(rows: pa.Table) -> pa.Table:
    """Keep one row of each region, however many items show the image."""
    seen: set[str] = set()
    kept = []
    for number, name in enumerate(rows["region_id"].to_pylist()):
        if name not in seen:
            seen.add(name)
            kept.append(number)
    return rows.take(pa.array(kept, pa.int64()))


def _write(shard: Path, result: ShardResult, ledger: pa.Table, features: pa.Table) -> None:
    write_table(shard.parent / result.ledger, ledger)
    write_table(shard.parent / result.features, features)
    # The last: with it the shard is done. A reader finds the old pair of files or the new one.
    values: dict[str, Any] = asdict(result)
    write_json(shard.with_suffix(".json"), values)


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
