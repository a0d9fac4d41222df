"""Unchanged items whose images are looked at again: what lies behind an address may change."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.ingest.looks import Looks
from feature_store.ingest.retry import is_due
from feature_store.ingest.settings import IngestSettings
from feature_store.schemas import ITEMS, LEDGER, PASSING_REASONS
from feature_store.tables import FeatureStore

if TYPE_CHECKING:
    from feature_store.tables import Snapshot

ASKED_LATELY = dt.timedelta(days=1)
"""A remote image that was asked for since then is left alone: a backfill of many days in an hour
would ask for each of them again and again."""


@dataclass(frozen=True)
class Revisits:
    """Unchanged items to look at again (schema ITEMS), and what the ledger said of them before the
    day (schema LEDGER)."""

    items: pa.Table
    before: pa.Table


def find_revisits(
    previous: Snapshot,
    changes: pa.Table,
    stored: Collection[str],
    requeued: Collection[str],
    check: Check | None,
) -> Revisits:
    """Choose among the items live before a day those that did not change (schema ITEMS).

    Items that the day's partition holds already (`stored`) stay in it as long as a look at them
    finds something; requeued ones and those of which `check` says so are new to it. `check` is None
    for a day after which there is another: what one finds today belongs to the newest.
    """
    items = previous.items().select(ITEMS.names).cast(ITEMS)
    unchanged = items.filter(pc.invert(pc.is_in(items["item_id"], value_set=_ids(changes))))
    wanted = set(stored)
    ledger = LEDGER.empty_table()
    if check is not None or wanted:
        ledger = previous.ledger()
        ledger = ledger.filter(pc.greater_equal(ledger["image_index"], 0))
    if check is not None:
        wanted |= set(requeued)
        wanted |= check.items(ledger)
    chosen = unchanged.filter(_among(unchanged, wanted)).sort_by("item_id")
    before = ledger.filter(_among(ledger, set(chosen["item_id"].to_pylist())))
    return Revisits(chosen, before)


def stored_items(store: FeatureStore, ds: str) -> set[str]:
    """Return the items that live by their row in the partition `ds`."""
    if all(commit.ds != ds for commit in store.commits()):
        return set()
    following = (dt.date.fromisoformat(ds) + dt.timedelta(days=1)).isoformat()
    items = store.snapshot(before=following).items()
    return set(items.filter(pc.equal(items["ds"], ds))["item_id"].to_pylist())


class Check:
    """Says which images are looked at again on a day, by what the ledger says of them."""

    def __init__(
        self, ds: str, now: dt.datetime, settings: IngestSettings, looks: Looks | None = None
    ) -> None:
        """Take the day, the time of the run, how often to look, and what earlier looks found."""
        self._looks = looks
        self._day = dt.date.fromisoformat(ds).toordinal()
        self._now = now
        self._settings = settings
        self._fingerprint = cache(_fingerprint_of_file)

    def items(self, ledger: pa.Table) -> set[str]:
        """Return the items of which at least one image (schema LEDGER) is due."""
        names = (
            "item_id",
            "image_uri",
            "image_id",
            "reason",
            "fingerprint",
            "attempts",
            "tried_at",
        )
        columns = (ledger[name].to_pylist() for name in names)
        return {row[0] for row in zip(*columns, strict=True) if self._is_due(*row[1:])}

    def _is_due(
        self,
        uri: str,
        image_id: str | None,
        reason: str | None,
        fingerprint: str | None,
        attempts: int | None,
        tried_at: dt.datetime | None,
    ) -> bool:
        if is_due(reason, attempts, tried_at, self._now, self._settings):
            return True
        if "://" not in uri and (fingerprint is not None or reason is not None):
            looked = self._looks.fingerprint(uri, image_id) if self._looks else None
            return self._fingerprint(uri) not in (fingerprint, looked or fingerprint)
        return reason not in PASSING_REASONS and self._has_its_turn(uri, tried_at)

    def _has_its_turn(self, uri: str, tried_at: dt.datetime | None) -> bool:
        days = self._settings.recheck_days
        if not days or (tried_at is not None and abs(self._now - tried_at) < ASKED_LATELY):
            return False
        number = int.from_bytes(hashlib.sha256(uri.encode()).digest()[:8])
        return number % days == self._day % days


def _fingerprint_of_file(uri: str) -> str | None:
    from feature_store.images.source import fingerprint_of_file

    return fingerprint_of_file(uri)


def _ids(items: pa.Table) -> pa.Array:
    return pa.array(items["item_id"].to_pylist(), pa.string())


def _among(rows: pa.Table, wanted: set[str]) -> pa.ChunkedArray:
    return pc.is_in(rows["item_id"], value_set=pa.array(sorted(wanted), pa.string()))
