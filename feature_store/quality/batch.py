"""The batch gate: what an ingest made of one day must add up before it enters the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.quality.frames import (
    columns_frame,
    distinct_share,
    features_frame,
    images_frame,
    items_frame,
)
from feature_store.quality.report import GateReport
from feature_store.quality.rules import EXAMPLES, Rule, between, hold_against, shown, total
from feature_store.quality.settings import QualitySettings

if TYPE_CHECKING:
    import pandas as pd

AGAIN = "Delete the day's folder under staging and run it again."
FIX_EXTRACTOR = "Look at the extractor and at the images of these items, then run the day again."


def check_batch(
    items: pa.Table,
    ledger: pa.Table,
    features: pa.Table,
    *,
    previous_live_items: int,
    expected_dim: int,
    settings: QualitySettings,
) -> GateReport:
    """Hold a batch (schemas ITEMS, LEDGER, FEATURES) against the settings.

    `previous_live_items` is how many items were live before this day, `expected_dim` the length of
    the extractor's vectors. If columns are missing or of other types, nothing else is checked.
    """
    tables = {"items": items, "ledger": ledger, "features": features}
    columns = hold_against(_column_rules(), {"columns": columns_frame(tables)})
    if not all(check.passed for check in columns):
        return GateReport("batch", columns)
    frames = {
        "items": items_frame(items),
        "features": features_frame(features),
        "images": images_frame(items, ledger, features),
    }
    totals = _totals(items, ledger, previous_live_items, settings)
    totals["distinct_share"] = distinct_share(frames["features"])
    frames["totals"] = _one_row(totals)
    rules = [
        *_item_rules(),
        *_feature_rules(expected_dim, settings),
        *_image_rules(),
        *_total_rules(totals, settings),
    ]
    return GateReport("batch", (*columns, *hold_against(rules, frames)))


def _one_row(totals: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([totals])


def _totals(
    items: pa.Table, ledger: pa.Table, previous: int, settings: QualitySettings
) -> dict[str, Any]:
    def count(mask: pa.ChunkedArray) -> int:
        return int(pc.sum(mask).as_py() or 0)

    deleted = count(items["deleted"])
    is_image = pc.greater_equal(ledger["image_index"], 0)
    images = count(is_image)
    indexed = count(pc.and_(is_image, pc.equal(ledger["status"], "indexed")))
    invalid = ledger.num_rows - images
    # The batch holds only what changed; the rest of the catalogue's rows are the items before it.
    rows = invalid + max(previous - deleted, items.num_rows - deleted)
    few = min(settings.tolerated_failed_images, max(images, previous) / 3)
    tolerated = few / images if images else 0.0
    failed = pc.equal(ledger["status"], "failed")
    return {
        "images": images,
        "failed_images": images - indexed,
        "indexed_share": indexed / images if images else 1.0,
        "needed_share": max(0.0, min(settings.min_indexed_share, 1.0 - tolerated)),
        "reasons": _reasons(ledger.filter(is_image)),
        "failures": _such_as(ledger.filter(pc.and_(is_image, failed))),
        "invalid": invalid,
        "rejections": _such_as(ledger.filter(pc.invert(is_image))),
        "rows": rows,
        "invalid_share": invalid / rows if rows else 0.0,
        "deleted": deleted,
        "previous": previous,
        "deleted_share": deleted / previous if previous else 0.0,
    }


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


def _each(frame: str, name: str, limits: dict[str, Any], complaint: str, remedy: str) -> Rule:
    low, high = limits["min_value"], limits["max_value"]
    words = f"{limits['column']} = {low:g}" if low == high else f"{low:g} to {high:g}"
    kind = "ExpectColumnValuesToBeBetween"
    return Rule(name, frame, kind, limits, words, complaint, remedy)


def _column_rules() -> list[Rule]:
    return [
        _each("columns", f"columns {column}", between(column, 1, 1), complaint, AGAIN)
        for column, complaint in (
            ("present", "columns are missing"),
            ("typed", "columns are of another type than the schema's"),
            ("filled", "columns that need a value in every row have nulls"),
        )
    ]


def _item_rules() -> list[Rule]:
    return [
        _each("items", "items unique", between("copies", 1, 1), "items are there twice", AGAIN),
    ]


def _feature_rules(dim: int, settings: QualitySettings) -> list[Rule]:
    error = settings.max_norm_error

    def rule(name: str, limits: dict[str, Any], complaint: str, remedy: str) -> Rule:
        return _each("features", name, limits, complaint, remedy)

    return [
        rule("features unique", between("copies", 1, 1), "features share a key", AGAIN),
        rule(
            "vector length",
            between("length", dim, dim),
            f"vectors do not have the length {dim}",
            "Vectors of two extractors are mixed: " + AGAIN,
        ),
        rule(
            "vector length said",
            between("dim", dim, dim),
            f"features say another 'dim' than {dim}",
            "Vectors of two extractors are mixed: " + AGAIN,
        ),
        rule("vectors finite", between("finite", 1, 1), "vectors hold NaN or inf", FIX_EXTRACTOR),
        rule(
            "vector norm",
            between("norm", 1 - error, 1 + error),
            "vectors do not have the norm 1",
            "Zero or unscaled vectors spoil an index. " + FIX_EXTRACTOR,
        ),
        rule(
            "boxes",
            between("boxed", 1, 1),
            "boxes are out of order, outside 0..1, or not what their kind says",
            "Look at the detector's boxes for these items, then run the day again.",
        ),
    ]


def _image_rules() -> list[Rule]:
    return [
        _each("images", name, between(column, 1, 1), complaint, AGAIN)
        for name, column, complaint in (
            (
                "ledger complete",
                "listed",
                "images of changed items are not in the ledger exactly once, or it lists others",
            ),
            (
                "ledger reasons",
                "reasoned",
                "ledger rows have a status or a reason out of the closed lists",
            ),
            (
                "whole images",
                "seen",
                "indexed images lack their whole-image feature, or failed ones have features",
            ),
            ("regions counted", "counted", "images have not the regions that the ledger says"),
        )
    ]


def _total_rules(totals: dict[str, Any], settings: QualitySettings) -> list[Rule]:
    needed = float(totals["needed_share"])
    return [
        total(
            "images indexed",
            between("indexed_share", needed - 1e-9),
            f"at least {needed:.4g} of the images indexed",
            "{failed_images} of {images} images could not be used ({reasons}){failures}",
            "'nitamono ledger --day' with this day lists them all; if the shop's host was down, "
            "run the day again; if the photos are gone for good, lower "
            "NITAMONO_QUALITY_MIN_INDEXED_SHARE for this run.",
        ),
        total(
            "catalogue rows valid",
            between("invalid_share", None, settings.max_invalid_row_share),
            f"at most {settings.max_invalid_row_share:g} of the catalogue's rows rejected",
            "{invalid} of about {rows} catalogue rows could not be used{rejections}",
            "'nitamono catalogue check' shows them; mend them, or raise "
            "NITAMONO_QUALITY_MAX_INVALID_ROW_SHARE for this run.",
        ),
        total(
            "items deleted",
            between("deleted_share", None, settings.max_deleted_share),
            f"at most {settings.max_deleted_share:g} of the live items deleted",
            "{deleted} of {previous} live items are not in the catalogue any more",
            "Is the catalogue whole? If they are really gone, raise "
            "NITAMONO_QUALITY_MAX_DELETED_SHARE for this run.",
        ),
        total(
            "vectors distinct",
            between("distinct_share", settings.min_distinct_vector_share),
            f"at least {settings.min_distinct_vector_share:g} of the regions' vectors distinct",
            "{distinct_share:.4f} of the distinct regions have a vector of their own",
            "The extractor describes different things alike: look at its weights.",
        ),
    ]
