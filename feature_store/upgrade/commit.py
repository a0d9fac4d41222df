"""The third step of an upgrade: each day's new vectors through the gate, into its partition."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_store.errors import CommitConflictError, GateError, StoreError
from feature_store.ingest.requeue import read_requests, requeue_items
from feature_store.quality.vectors import check_vectors
from feature_store.runs import Run, record_run
from feature_store.schemas import FEATURES, PASSING_REASONS
from feature_store.tables import FeatureStore, PartitionBatch, open_store
from feature_store.tables.store import VECTORS
from feature_store.upgrade.extract import ChunkResult, LostImage, vectors_path
from feature_store.upgrade.missing import live_by_day, missing_regions
from feature_store.upgrade.plan import REFUSED, UpgradePlan, read_plan

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)

ATTEMPTS = 10
"""How often a partition is merged anew because a nightly run has replaced it meanwhile."""


@dataclass(frozen=True)
class CommitSummary:
    """What an upgrade's run did to the store.

    `days` were replaced, `regions` got a vector; of the plan's `images` so many were `reused` from
    elsewhere in the store, and `failed` were left out; `embedded` regions went through the
    extractor, `detected` images through the detector: never one.
    """

    days: int
    regions: int
    images: int
    reused: int
    detected: int
    embedded: int
    failed: int


def commit_upgrade(folder: str, settings: Settings) -> CommitSummary:
    """Add the vectors of the plan in `folder` to its days, oldest first; remove its staging.

    Each day is replaced at once, and merged anew when another run has replaced it meanwhile; done
    again it changes nothing. Items whose image has changed or vanished are put on the requeue list,
    so that the next ingest notices. Raises GateError, leaving that day as it was, if its vectors do
    not pass: the next plan describes them anew. StoreError if a chunk has not been described.
    """
    plan = read_plan(Path(folder))
    started = time.monotonic()
    results = [_result(Path(path)) for path in plan.chunks]
    dims = {plan.identity: results[0].dim}
    try:
        added = [_commit_day(ds, plan, dims, settings) for ds in plan.days]
    except GateError as error:
        (Path(plan.folder) / REFUSED).touch()
        _record(plan, settings, started, "refused", {"failures": list(error.failures)}, results)
        raise
    lost = [one for result in results for one in result.lost]
    summary = _summary(plan, added, results)
    _requeue(lost, settings)
    _record(plan, settings, started, "committed" if any(added) else "unchanged", {}, results)
    shutil.rmtree(plan.folder, ignore_errors=True)
    log.info("%s: %s", plan.identity, summary)
    return summary


def _result(chunk: Path) -> ChunkResult:
    result = ChunkResult.of(chunk)
    if result is None:
        raise StoreError(f"{chunk} has not been described yet; run its extract step")
    return result


def _commit_day(ds: str, plan: UpgradePlan, dims: Mapping[str, int], settings: Settings) -> int:
    """Add a day's vectors to its partition; return how many regions got one."""
    store = open_store(settings)
    for _ in range(ATTEMPTS):
        batch, version = store.partition(ds)
        base = _base(store, ds, version)
        if base is None:
            continue  # replaced since it was read
        new = _new_features(ds, plan, store, batch)
        if not new.num_rows:
            return 0
        check_vectors(new, dims=dims, settings=settings.quality).raise_if_failed()
        merged = PartitionBatch(batch.items, batch.ledger, pa.concat_tables([batch.features, new]))
        try:
            commit = store.replace_partition(ds, merged, base=base, replaces=version)
        except CommitConflictError:
            log.info("%s was replaced meanwhile: merging the vectors again", ds)
            continue
        log.info("%s", commit)
        return int(new.num_rows)
    raise CommitConflictError(
        f"{ds} was replaced by others {ATTEMPTS} times while vectors were added to it; run the "
        "upgrade again when they are done"
    )


def _base(store: FeatureStore, ds: str, version: int) -> str | None:
    """Return the base of the commit that was read; None if it is not the newest any more."""
    for commit in store.commits():
        if commit.ds == ds:
            return commit.base if commit.version == version else None
    return "" if version == 0 else None


def _new_features(
    ds: str, plan: UpgradePlan, store: FeatureStore, batch: PartitionBatch
) -> pa.Table:
    """Return the features (schema FEATURES) that the plan's vectors add to a partition."""
    live = live_by_day(store.snapshot()).get(ds, pa.array([], pa.string()))
    missing = missing_regions(batch, live, plan.identity)
    vectors = _vectors(plan, plan.days[ds], missing["region_id"])
    place = pc.index_in(missing["region_id"], value_set=vectors["region_id"].combine_chunks())
    found = missing.filter(pc.is_valid(place))
    of_found = vectors.take(place.drop_null())
    for name in ("extractor", "dim", "vector"):
        found = found.append_column(name, of_found[name])
    return found.select(FEATURES.names).cast(FEATURES)


def _vectors(plan: UpgradePlan, names: Sequence[str], wanted: pa.ChunkedArray) -> pa.Table:
    """Read the wanted regions' vectors (schema VECTORS) out of these chunks, a group at a time."""
    ids = wanted.combine_chunks()
    parts = [VECTORS.empty_table()]
    for name in names:
        with pq.ParquetFile(vectors_path(Path(plan.folder) / name)) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group).cast(VECTORS)
                parts.append(rows.filter(pc.is_in(rows["region_id"], value_set=ids)))
    return pa.concat_tables(parts)


def _requeue(lost: Sequence[LostImage], settings: Settings) -> None:
    """Ask the next ingest to look at items whose image is another one now, or none.

    Not for a host that did not answer: the next run of the upgrade tries again, while the item
    keeps what it has.
    """
    kept = set(PASSING_REASONS) - {"missing"}
    gone = sorted({one.image_id for one in lost if one.reason not in kept})
    if not gone:
        return
    ledger = open_store(settings).snapshot().ledger()
    rows = ledger.filter(pc.is_in(ledger["image_id"], value_set=pa.array(gone)))
    items = set(rows["item_id"].to_pylist()) - read_requests(settings.home).items
    requeue_items(settings.home, items)
    log.info("%d items have an image that is another one by now, or gone", len(items))


def _summary(
    plan: UpgradePlan, added: Sequence[int], results: Sequence[ChunkResult]
) -> CommitSummary:
    counts = [result.summary for result in results]
    return CommitSummary(
        days=sum(regions > 0 for regions in added),
        regions=sum(added),
        images=plan.images,
        reused=sum(one.reused for one in counts),
        detected=sum(one.detected for one in counts),
        embedded=sum(one.embedded for one in counts),
        failed=sum(one.failed for one in counts),
    )


def _record(
    plan: UpgradePlan,
    settings: Settings,
    started: float,
    outcome: str,
    detail: dict[str, object],
    results: Sequence[ChunkResult],
) -> None:
    counts = asdict(_summary(plan, [], results))
    spent = sum(result.summary.seconds for result in results) + time.monotonic() - started
    days = list(plan.days)
    record_run(
        settings.home,
        Run(
            kind="upgrade",
            ds=days[0] if len(days) == 1 else "",
            started_at=plan.started_at or dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            seconds=round(spent, 3),
            outcome=outcome,
            **{
                name: counts[name]
                for name in ("images", "reused", "detected", "embedded", "failed")
            },
            detail={"extractor": plan.identity, "days": days, **detail},
        ),
    )
