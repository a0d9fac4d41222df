"""The batch gate: what an ingest made of one day must add up before it enters the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.quality.batch_rules import (
    column_rules,
    feature_rules,
    image_rules,
    item_rules,
    planned_rules,
    total_rules,
)
from feature_store.quality.frames import (
    columns_frame,
    distinct_share,
    features_frame,
    images_frame,
    items_frame,
)
from feature_store.quality.report import GateReport
from feature_store.quality.rules import EXAMPLES, hold_against, shown
from feature_store.quality.settings import QualitySettings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Planned:
    """How many changed items, images of them, deleted items and rejected rows a plan found."""

    items: int
    images: int
    deleted: int
    rejected: int


@dataclass(frozen=True)
class Expected:
    """What is known of a batch before one looks into it."""

    previous_live_items: int
    """How many items were live before this day."""

    dims: Mapping[str, int]
    """The extractors in use, by identity, and how long their vectors are."""

    active: str
    """The identity of the extractor that must have described every indexed image."""

    planned: Planned | None = None
    """What the batch must add up to; None: there was no plan."""

    revisited: Mapping[tuple[str, int], bool] = field(default_factory=dict)
    """The images (`item_id`, `image_index`) of unchanged items that were looked at again, and
    whether each was indexed before. They do not count for the share of images indexed."""


def check_batch(
    items: pa.Table,
    ledger: pa.Table,
    features: pa.Table,
    *,
    expected: Expected,
    settings: QualitySettings,
) -> GateReport:
    """Hold a batch (schemas ITEMS, LEDGER, FEATURES) against what is expected and the settings.

    If columns are missing or of other types, nothing else is checked.
    """
    tables = {"items": items, "ledger": ledger, "features": features}
    columns = hold_against(column_rules(), {"columns": columns_frame(tables)})
    if not all(check.passed for check in columns):
        return GateReport("batch", columns)
    frames = {
        "items": items_frame(items),
        "features": features_frame(features, expected.dims),
        "images": images_frame(items, ledger, features, expected.active),
    }
    totals = _totals(items, ledger, expected, settings)
    totals["distinct_share"] = distinct_share(frames["features"])
    frames["totals"] = _one_row(totals)
    rules = [
        *item_rules(),
        *feature_rules(settings),
        *image_rules(),
        *(planned_rules() if expected.planned else ()),
        *total_rules(totals, settings),
    ]
    return GateReport("batch", (*columns, *hold_against(rules, frames)))


def _one_row(totals: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([totals])


def _totals(
    items: pa.Table, ledger: pa.Table, expected: Expected, settings: QualitySettings
) -> dict[str, Any]:
    is_image = pc.greater_equal(ledger["image_index"], 0)
    invalid = ledger.filter(pc.invert(is_image))
    previous, deleted = expected.previous_live_items, _count(items["deleted"])
    # The batch holds only what changed; the rest of the catalogue's rows are the items before it.
    rows = invalid.num_rows + max(previous - deleted, items.num_rows - deleted)
    return {
        **_image_totals(ledger.filter(is_image), expected, settings),
        "invalid": invalid.num_rows,
        "rejections": _such_as(invalid),
        "rows": rows,
        "invalid_share": invalid.num_rows / rows if rows else 0.0,
        "deleted": deleted,
        "previous": previous,
        "deleted_share": deleted / previous if previous else 0.0,
        **_planned_totals(items, deleted, ledger, expected.planned),
    }


def _image_totals(
    ledger: pa.Table, expected: Expected, settings: QualitySettings
) -> dict[str, Any]:
    before = _before(ledger, expected.revisited)
    is_failed = pc.equal(ledger["status"], "failed")
    lost = ledger.filter(pc.and_(is_failed, pc.fill_null(before, False)))
    previous = expected.previous_live_items
    ledger = ledger.filter(pc.is_null(before))
    images = ledger.num_rows
    indexed = _count(pc.equal(ledger["status"], "indexed"))
    few = min(settings.tolerated_failed_images, max(images, previous) / 3)
    tolerated = few / images if images else 0.0
    return {
        "images": images,
        "failed_images": images - indexed,
        "indexed_share": indexed / images if images else 1.0,
        "needed_share": max(0.0, min(settings.min_indexed_share, 1.0 - tolerated)),
        "reasons": _reasons(ledger),
        "failures": _such_as(ledger.filter(pc.equal(ledger["status"], "failed"))),
        "lost": lost.num_rows,
        "lost_reasons": _reasons(lost),
        "lost_images": _such_as(lost),
        "lost_limit": int(max(few, (1.0 - settings.min_indexed_share) * previous) + 1e-9),
    }


def _planned_totals(
    items: pa.Table, deleted: int, ledger: pa.Table, planned: Planned | None
) -> dict[str, Any]:
    if planned is None:
        return {}
    rejected = _count(pc.less(ledger["image_index"], 0))
    found = Planned(items.num_rows - deleted, ledger.num_rows - rejected, deleted, rejected)
    totals: dict[str, Any] = {}
    for name in ("items", "images", "deleted", "rejected"):
        here, due = getattr(found, name), getattr(planned, name)
        totals[f"{name}_found"], totals[f"{name}_planned"] = here, due
        totals[f"{name}_difference"] = here - due
    return totals


def _before(ledger: pa.Table, revisited: Mapping[tuple[str, int], bool]) -> pa.Array:
    """Tell of each image whether it was indexed before; null for one that is new or changed."""
    keys = (ledger[name].to_pylist() for name in ("item_id", "image_index"))
    return pa.array([revisited.get(key) for key in zip(*keys, strict=True)], pa.bool_())


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _reasons(ledger: pa.Table) -> str:
    counted = pc.value_counts(ledger["reason"].drop_null()).to_pylist()
    ordered = sorted(counted, key=lambda entry: -int(entry["counts"]))
    return ", ".join(f"{entry['values']} {entry['counts']}" for entry in ordered) or "none"


def _such_as(rows: pa.Table) -> str:
    """Show a few ledger rows with their particulars, as many different reasons as there are."""
    listed = rows.slice(0, 10_000).to_pylist()
    first: dict[str, int] = {}
    for number, row in enumerate(listed):
        first.setdefault(row["reason"], number)
    chosen = dict.fromkeys([*first.values(), *range(len(listed))])
    words = []
    for row in (listed[number] for number in list(chosen)[:EXAMPLES]):
        item = f"{shown([row['item_id']])}: " if row["item_id"] else ""
        words.append(item + (row["detail"] or row["reason"] or "?")[:160])
    return f", such as {'; '.join(words)}" if words else ""
