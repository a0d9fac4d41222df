"""What a home says: every row of its store, and how its live bundle answers."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_store.bundle import BundleRegistry, Searcher
from feature_store.schemas import BOOKKEEPING
from feature_store.settings import Settings
from feature_store.tables import PartitionBatch, open_store
from feature_store.tables.content import canonical, content_hash
from tests.faults.processes import Mark
from tests.faults.shop import settings_of

Rows = Counter[str]
"""How often there is a row: its table, its key and a digest of all its values."""


@dataclass(frozen=True)
class StoreState:
    """The rows of the newest snapshot and of each partition, and what the store says of them."""

    content_hash: str
    live: Rows
    kept: Rows
    commits: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class BundleState:
    """A live bundle that opens: which snapshot it is of, and its answers for each of its items."""

    bundle_id: str
    snapshot: str
    answers: dict[str, tuple[tuple[str, float], ...]]


@dataclass(frozen=True)
class HomeState:
    """A whole home; `bundle` is None when nothing is published, and `broken` says what is not as
    it says itself, such as a live bundle that does not open."""

    store: StoreState
    bundle: BundleState | None
    broken: str = ""

    def differs_from(self, other: HomeState) -> str:
        """Say in what this home's rows or answers are other ones; empty: in nothing."""
        if self.broken or other.broken:
            return self.broken or other.broken
        if self.store != other.store:
            lost, more = lost_and_more(other.store, self.store)
            return f"{lost} rows are missing, {more} too many, or the commits differ"
        mine, theirs = self.bundle, other.bundle
        if (mine is None) != (theirs is None):
            return "one has a live bundle, the other has none"
        if mine and theirs and (mine.snapshot, mine.answers) != (theirs.snapshot, theirs.answers):
            return "the live bundles answer differently"
        return ""


def lost_and_more(expected: StoreState, found: StoreState) -> tuple[int, int]:
    """Count the rows that are missing, and those that are there more often than expected."""
    lost = (expected.live - found.live).total() + (expected.kept - found.kept).total()
    more = (found.live - expected.live).total() + (found.kept - expected.kept).total()
    return lost, more


def look(mark: Mark, shop: Path, home: Path) -> HomeState:
    """Open a home as a reader does, and say what is there."""
    return state_of(settings_of(shop, home))


def state_of(settings: Settings) -> HomeState:
    """Say what is in the home of these settings."""
    store, complaints = _store_state(settings)
    try:
        bundle = _bundle_state(settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, a shopper would have met it
        return HomeState(store, None, f"the live bundle: {type(error).__name__}: {error}")
    return HomeState(store, bundle, "; ".join(complaints))


def _store_state(settings: Settings) -> tuple[StoreState, list[str]]:
    store = open_store(settings)
    snapshot = store.snapshot()
    live = _rows("items", snapshot.items()) + _rows("ledger", snapshot.ledger())
    for extractor in snapshot.extractors():
        for batch in snapshot.features(extractor):
            live += _rows("features", pa.Table.from_batches([batch]))
    kept: Rows = Counter()
    commits, complaints = [], []
    for commit in store.commits():
        partition, _ = store.partition(commit.ds)
        kept += rows_of(partition)
        if content_hash(canonical(partition)) != commit.content_hash:
            complaints.append(f"{commit.ds} does not hold what its commit says")
        counts = (commit.items, commit.images, commit.regions, commit.deleted)
        commits.append((commit.ds, commit.content_hash, *counts))
    return StoreState(snapshot.content_hash, live, kept, tuple(commits)), complaints


def rows_of(batch: PartitionBatch) -> Rows:
    """Count the rows of a batch."""
    parts = [_rows(name, getattr(batch, name)) for name in ("items", "ledger", "features")]
    return parts[0] + parts[1] + parts[2]


def _rows(name: str, table: pa.Table) -> Rows:
    columns = [column for column in table.column_names if column not in BOOKKEEPING]
    rows: Rows = Counter()
    for row in table.select(columns).to_pylist():
        digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:16]
        rows[f"{name} {row['ds']} {row['item_id']} {digest}"] += 1
    return rows


def _bundle_state(settings: Settings) -> BundleState | None:
    registry = BundleRegistry(Path(settings.bundles))
    if registry.current() is None:
        return None
    bundle = registry.open()
    searcher = Searcher(bundle)
    ids = bundle.items["item_id"].to_pylist()
    answers = {
        item_id: tuple((ids[hit.item], hit.score) for hit in searcher.similar(item_id).hits)
        for item_id in ids
    }
    if not any(answers.values()):
        raise ValueError(f"{bundle.bundle_id} answers nothing")
    return BundleState(bundle.bundle_id, bundle.manifest.snapshot_content_hash, answers)
