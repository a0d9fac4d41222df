"""The shards of a day put together into one batch, without what a second look found unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.ingest.looks import Seen
from feature_store.ingest.plan import BEFORE, DELETED, REJECTED, Plan, is_revisit
from feature_store.ingest.result import ShardResult, ShardSummary
from feature_store.ingest.staging import planned_folder, read_table
from feature_store.quality import Planned
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables import PartitionBatch


@dataclass(frozen=True)
class Assembled:
    """A whole partition before it is committed.

    `folder` is that of its plan, `dims` maps the extractors in use to the length of their vectors,
    `active` is the active one's identity; `planned` is what the batch must add up to,
    `revisited` its images of unchanged items, and whether each was indexed before the day;
    `summary` what the shards did, `seen` what second looks found that changed nothing.
    """

    folder: Path
    plan: Plan
    batch: PartitionBatch
    dims: Mapping[str, int]
    active: str
    planned: Planned
    revisited: Mapping[tuple[str, int], bool]
    summary: ShardSummary
    seen: list[Seen]


class _Part(NamedTuple):
    """What one shard adds to the batch; `dropped` are its unchanged items, which it does not."""

    result: ShardResult
    items: pa.Table
    ledger: pa.Table
    dropped: pa.Table
    seen: list[Seen]


def assemble(day: Path) -> Assembled:
    """Put the shards of the day whose staging folder is `day` together.

    Unchanged items are left out where a second look found nothing new. Raises StoreError if the day
    has not been planned, or a shard has not been described, or was described by other models than
    the rest.
    """
    folder = planned_folder(day)
    plan = Plan.read(folder)
    before = read_table(folder / BEFORE, LEDGER)
    parts = _parts(plan, before)
    results = [part.result for part in parts]
    keys = {result.key for result in results}
    if len(keys) > 1:
        raise StoreError(
            f"the shards of {plan.ds} were described under {len(keys)} different models or image "
            "settings; describe all of them again"
        )
    batch = PartitionBatch(
        items=pa.concat_tables(
            [*(part.items for part in parts), read_table(folder / DELETED, ITEMS)]
        ),
        ledger=_ledger(folder, parts),
        features=pa.concat_tables(
            [FEATURES.empty_table(), *(_features(folder, part) for part in parts)]
        ),
    )
    return Assembled(
        folder=folder,
        plan=plan,
        batch=batch,
        dims={name: dim for result in results for name, dim in result.dims.items()},
        active=results[0].active if results else "",
        planned=_planned(plan, [part.dropped for part in parts]),
        revisited={_place(row): row["status"] == "indexed" for row in before.to_pylist()},
        summary=ShardSummary.total(result.summary for result in results),
        seen=[seen for part in parts for seen in part.seen],
    )


def assemble_ledger(day: Path) -> pa.Table:
    """Put together only the ledger (schema LEDGER) of the day whose staging folder is `day`.

    Raises StoreError if the day has not been planned, or a shard has not been described.
    """
    folder = planned_folder(day)
    return _ledger(folder, _parts(Plan.read(folder), read_table(folder / BEFORE, LEDGER)))


def _parts(plan: Plan, before: pa.Table) -> list[_Part]:
    earlier = {_place(row): row for row in before.to_pylist()}
    return [_part(Path(path), earlier) for path in plan.shards]


def _part(shard: Path, earlier: Mapping[tuple[str, int], Mapping[str, Any]]) -> _Part:
    result = ShardResult.of(shard)
    if result is None:
        raise StoreError(f"{shard} has not been described yet; run its extract step")
    items = read_table(shard, ITEMS)
    ledger = read_table(shard.parent / result.ledger, LEDGER)
    if not is_revisit(shard):
        return _Part(result, items, ledger, items.slice(0, 0), [])
    changed, seen = set(), []
    for row in ledger.to_pylist():
        before = earlier.get(_place(row))
        if before is None or _state(before) != _state(row):
            changed.add(row["item_id"])
        elif row["fingerprint"] not in (None, before["fingerprint"]) and row["image_id"]:
            seen.append(Seen(row["image_uri"], row["image_id"], row["fingerprint"]))
    kept = _among(items, changed)
    return _Part(
        result=result,
        items=items.filter(kept),
        ledger=ledger.filter(_among(ledger, changed)),
        dropped=items.filter(pc.invert(kept)),
        seen=seen,
    )


def _features(folder: Path, part: _Part) -> pa.Table:
    rows = read_table(folder / part.result.features, FEATURES)
    if not part.dropped.num_rows:
        return rows
    return rows.filter(_among(rows, set(part.items["item_id"].to_pylist())))


def _ledger(folder: Path, parts: list[_Part]) -> pa.Table:
    ledgers = [part.ledger for part in parts]
    return pa.concat_tables([*ledgers, read_table(folder / REJECTED, LEDGER)])


def _place(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["item_id"], row["image_index"]


def _state(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must be the same if a second look changed nothing: a vain try does change something."""
    tried_at = None if row["status"] == "indexed" else row["tried_at"]
    return row["image_uri"], row["image_id"], row["status"], row["reason"], tried_at


def _planned(plan: Plan, dropped: list[pa.Table]) -> Planned:
    items = sum(table.num_rows for table in dropped)
    images = sum(pc.sum(pc.list_value_length(table["images"])).as_py() or 0 for table in dropped)
    return Planned(
        items=plan.items + plan.revisited - items,
        images=plan.images + plan.revisited_images - images,
        deleted=plan.deleted,
        rejected=plan.rejected,
    )


def _among(rows: pa.Table, wanted: set[str]) -> pa.ChunkedArray:
    return pc.is_in(rows["item_id"], value_set=pa.array(sorted(wanted), pa.string()))
