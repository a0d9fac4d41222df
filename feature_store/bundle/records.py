"""What every registry of bundles tells and remembers: one row a bundle, one entry a flip."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feature_store.bundle.format import Manifest
from feature_store.errors import BundleError

CURRENT = "CURRENT"
"""The pointer's name, in a folder and in a bucket."""

BUNDLE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")

PUBLISH, ROLLBACK = "publish", "rollback"
"""The actions that make another bundle live."""


@dataclass(frozen=True)
class BundleRow:
    """One bundle of the registry, as people list it."""

    bundle_id: str
    created_at: str
    snapshot_version: int
    extractor: str
    items: int
    regions: int
    size_bytes: int
    gate_passed: bool | None
    """None: the gate has not judged yet."""


def row_of(manifest: Manifest) -> BundleRow:
    """Return the row that a manifest makes."""
    return BundleRow(
        bundle_id=manifest.bundle_id,
        created_at=manifest.created_at,
        snapshot_version=manifest.snapshot_version,
        extractor=manifest.extractor,
        items=manifest.counts.items,
        regions=manifest.counts.regions,
        size_bytes=sum(entry.bytes for entry in manifest.files.values()),
        gate_passed=manifest.gate_passed,
    )


def newest_first(rows: Iterable[BundleRow]) -> list[BundleRow]:
    """Return rows in the order in which they are listed."""
    return sorted(rows, key=lambda row: (row.created_at, row.bundle_id), reverse=True)


def checked_id(bundle_id: str) -> str:
    """Return a bundle's name; BundleError for one that no bundle can have."""
    if not BUNDLE_ID.fullmatch(bundle_id):
        raise BundleError(f"{bundle_id!r} is not the name of a bundle")
    return bundle_id


def refuse_renamed(manifest: Manifest, bundle_id: str) -> None:
    """Raise BundleError for a copy of another bundle's folder: its tiers would be that one's."""
    if manifest.bundle_id != bundle_id:
        raise BundleError(f"{bundle_id} is a copy of {manifest.bundle_id}; use that one, or build")


def now() -> str:
    """Return this second as entries tell it: UTC, ISO 8601."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def flip(action: str, bundle_id: str, *, pinned: bool = False) -> dict[str, Any]:
    """Return the entry of a flip that happens now, and whether the bundle is pinned from now on.

    Of all entries only those of flips have a `bundle_id`: programs of 0.1.0 go by that.
    """
    entry: dict[str, Any] = {"at": now(), "action": action, "bundle_id": bundle_id}
    return entry | {"pinned": bundle_id} if pinned else entry


def happened(action: str, **told: Any) -> dict[str, Any]:
    """Return the entry of something else that happens now: a pin, a canary, a pruning."""
    return {"at": now(), "action": action, **told}


def history(flips: Iterable[Mapping[str, Any]], live: str | None) -> list[str]:
    """Return the live bundle, the one before it, and so on, as the flips so far tell it."""
    stack: list[str] = []
    for entry in flips:
        if not {"bundle_id", "action"} <= entry.keys():
            continue
        flipped, back = str(entry["bundle_id"]), entry["action"] == ROLLBACK
        if back and flipped in stack:
            stack = stack[stack.index(flipped) :]
        else:
            stack = [flipped, *(past for past in stack if past != flipped)]
    if live is not None and stack[:1] != [live]:
        stack = [live, *(past for past in stack if past != live)]
    return stack


def superfluous(
    rows: Sequence[BundleRow], keep: int, past: Sequence[str], spared: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the bundles that pruning removes, of `rows` in the order in which they are listed.

    Kept are the `keep` newest proven ones, the newest unproven, those `spared`, and of the history
    `past` the live one and the one that a rollback would take.
    """
    proven = [row.bundle_id for row in rows if row.gate_passed]
    unproven = [row.bundle_id for row in rows if not row.gate_passed]
    there = {row.bundle_id for row in rows}
    former = [bundle_id for bundle_id in past[1:] if bundle_id in there]
    kept = {*proven[:keep], *unproven[:1], *past[:1], *former[:1], *spared}
    return tuple(row.bundle_id for row in rows if row.bundle_id not in kept)
