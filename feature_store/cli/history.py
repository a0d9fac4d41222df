"""What a store says about one item, and which commit says so, as plain values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import DataInterval

if TYPE_CHECKING:
    from feature_store.tables import Commit, FeatureStore, PartitionBatch, Snapshot
    from feature_store.tables.store import AsOf

_OF_IMAGE = ("image_index", "image_uri", "image_id", "status", "reason", "detail", "attempts")
_OF_REGION = ("region_id", "kind", "label", "confidence", "detector")


@dataclass(frozen=True)
class Question:
    """An item, the last day that counts (None: all), and the version or time of the store."""

    item_id: str
    day: str | None = None
    as_of: AsOf = None


def ask(store: FeatureStore, question: Question) -> dict[str, Any]:
    """Answer a question as plain values, ready for JSON: times are ISO 8601, boxes 0..1.

    `live` says whether the item was in the shop; if so, `row` and `images` say what it was, and
    `partition`, `version` and `committed_at` name the commit that says so. If not, `deleted_on` or
    `rejected` say why, and all are null for an item of which nothing is known.
    """
    snapshot = store.snapshot(question.as_of, before=_day_after(question.day))
    answer: dict[str, Any] = {
        "item_id": question.item_id,
        "day": question.day,
        "as_of": _plain(question.as_of),
        "snapshot_version": snapshot.version,
        "live": False,
        **dict.fromkeys(("partition", "version", "committed_at", "deleted_on", "rejected")),
    }
    commits = _commits(store, question)
    found = snapshot.about(question.item_id)
    if found.items.num_rows:
        row = {name: _plain(value) for name, value in found.items.to_pylist()[0].items()}
        answer |= {"live": True, **_commit(commits[row["ds"]]), "row": row, "images": images(found)}
        return answer
    deleted_on = _deleted_on(store, question, commits)
    if deleted_on:
        return answer | _commit(commits[deleted_on]) | {"deleted_on": deleted_on}
    return answer | _rejected(snapshot, question.item_id, commits)


def images(found: PartitionBatch) -> list[dict[str, Any]]:
    """Return an item's images with their regions, each region once, whoever described it."""
    regions: dict[tuple[int, str], dict[str, Any]] = {}
    for row in found.features.drop_columns(["vector"]).to_pylist():
        key = (row["image_index"], row["region_id"])
        box = [round(row[name], 6) for name in ("x0", "y0", "x1", "y1")]
        region = {name: row[name] for name in _OF_REGION} | {"box": box, "extractors": []}
        regions.setdefault(key, region)["extractors"].append(row["extractor"])
    listed = []
    of_images = found.ledger.filter(pc.field("image_index") >= 0)  # others are rejected rows
    for row in of_images.sort_by("image_index").to_pylist():
        own = [region for (index, _), region in regions.items() if index == row["image_index"]]
        own.sort(key=lambda region: (region["kind"] != "whole", -region["confidence"]))
        image = {name: row[name] for name in _OF_IMAGE}
        listed.append(image | {"tried_at": _plain(row["tried_at"]), "regions": own})
    return listed


def _commits(store: FeatureStore, question: Question) -> dict[str, Commit]:
    """For each day that the asked snapshot knows the commit that first said what it says, in order.

    Upkeep and a run's bookkeeping commit the same rows again.
    """
    newest = store.snapshot(question.as_of).version
    found: dict[str, Commit] = {}
    for commit in store.log():
        known = commit.version <= newest and (question.day is None or commit.ds <= question.day)
        before = found.get(commit.ds)
        if known and (before is None or before.content_hash != commit.content_hash):
            found[commit.ds] = commit
    return dict(sorted(found.items()))


def _deleted_on(store: FeatureStore, question: Question, commits: dict[str, Commit]) -> str | None:
    """The day on which an item that is not live any more left the shop; None: it never lived.

    Only days that deleted anything can be it: the last one before which the item was live.
    """
    for ds, commit in reversed(commits.items()):
        if commit.deleted:
            before = store.snapshot(question.as_of, before=ds)
            if before.about(question.item_id).items.num_rows:
                return ds
    return None


def _rejected(snapshot: Snapshot, item_id: str, commits: dict[str, Commit]) -> dict[str, Any]:
    """Why the newest day could not use the item's row, if it could not."""
    rows = snapshot.rejected()
    rows = rows.filter(pc.equal(rows["item_id"], pa.scalar(item_id)))
    if not rows.num_rows:
        return {}
    row = rows.to_pylist()[0]
    return {**_commit(commits[row["ds"]]), "rejected": row["detail"] or row["reason"]}


def _commit(commit: Commit) -> dict[str, Any]:
    return {
        "partition": commit.ds,
        "version": commit.version,
        "committed_at": _plain(commit.committed_at),
    }


def _day_after(day: str | None) -> str | None:
    return DataInterval.day(day).end.date().isoformat() if day else None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value
