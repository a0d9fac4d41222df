"""Made-up shops that change: items come, go, get another photo or another row."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_store.bundle import Filter, Rules, Searcher, parse_filter
from feature_store.bundle.columns import Range
from feature_store.fresh import Refresh, refresh
from feature_store.index.settings import IndexSettings
from feature_store.nightly import build_and_publish
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from tests.feature_store.bundle.by_hand import background, score
from tests.feature_store.nightly.fake_shop import (
    FakeSettings,
    FakeSnapshot,
    FakeStore,
    make_shop,
)

DIM = 24

UNCENTRED = IndexSettings(
    reduced_dim=16,
    neighbours=12,
    attribution_voters=0,
    # The mean of a catalogue shrinks to nothing: then two builds of different catalogues compare
    # vectors in the same way, and the scores of the one can be held against those of the other.
    centring_prior=1e12,
)


@dataclass(frozen=True)
class Edits:
    """How a shop differs from what it was: the numbers of items, and new values of their rows."""

    gone: Collection[int] = ()
    new: int = 0
    rephotographed: Collection[int] = ()
    rows: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    seed: int = 1


def item_id(number: int) -> str:
    return f"item-{number:05d}"


def edit(shop: FakeSnapshot, edits: Edits, *, version: int) -> FakeSnapshot:
    """Return the shop after its edits, as a snapshot of that version."""
    count = len(shop.table)
    donors = make_shop(count + edits.new + count, DIM, seed=edits.seed)
    gone = {item_id(number) for number in edits.gone}
    photos = {
        item_id(number): item_id(count + edits.new + number) for number in edits.rephotographed
    }
    new = {item_id(count + number) for number in range(edits.new)}
    by_donor = {donor: own for own, donor in photos.items()} | {name: name for name in new}
    values = {item_id(number): row for number, row in edits.rows.items()}
    items = [
        row | dict(values.get(row["item_id"], {}))
        for row in [*shop.table.to_pylist(), *donors.table.to_pylist()[count : count + edits.new]]
    ]
    features, ledger = (
        [
            *(row for row in old.to_pylist() if row["item_id"] not in photos),
            *(
                row | {"item_id": by_donor[row["item_id"]]}
                for row in fresh.to_pylist()
                if row["item_id"] in by_donor
            ),
        ]
        for old, fresh in ((shop.described, donors.described), (shop.rows, donors.rows))
    )
    return FakeSnapshot(
        table(items, ITEMS, gone),
        table(ledger, LEDGER, gone),
        table(features, FEATURES, gone),
        version,
    )


def table(rows: list[dict[str, Any]], schema: pa.Schema, gone: Collection[str] = ()) -> pa.Table:
    """Return rows as a table in the order of their ids, without those that are gone."""
    kept = [row for row in rows if row["item_id"] not in gone]
    return pa.Table.from_pylist(sorted(kept, key=lambda row: str(row["item_id"])), schema)


class Home:
    """A home with one live bundle, whose store can be given another snapshot."""

    def __init__(
        self,
        home: Path,
        shop: FakeSnapshot,
        index: IndexSettings = UNCENTRED,
        *,
        bundles_location: str = "",
    ) -> None:
        self.settings = FakeSettings(home, index=index, bundles_location=bundles_location)
        self.shop = replace(shop, version=1)
        self.bundle_id = build_and_publish(self.settings, FakeStore(self.shop))  # type: ignore[arg-type]

    def refresh(self, snapshot: FakeSnapshot) -> Refresh:
        [done] = refresh(self.settings, store=FakeStore(snapshot))  # type: ignore[arg-type]
        return done


class Truth:
    """What is for sale in a snapshot, compared one by one.

    The most prominent region of each photo is what the photo sells: nobody votes in these shops.
    """

    def __init__(self, searcher: Searcher, snapshot: FakeSnapshot) -> None:
        rows = _subjects(snapshot)
        self.ids = [str(row["item_id"]) for row in rows]
        self.raw = np.array([row["vector"] for row in rows], np.float32).reshape(len(rows), DIM)
        self._bundle = searcher.bundle
        self._centred = searcher.bundle.projection.centre(self.raw) if rows else self.raw

    def query(self, asked: str) -> np.ndarray:
        """The centred vector of what the first photo of an item sells."""
        found: np.ndarray = self._centred[self.ids.index(asked)]
        return found

    def scores(self, query: np.ndarray, allowed: Collection[str]) -> dict[str, float]:
        """The score of every allowed item with a centred query."""
        best: dict[str, float] = {}
        zero = background(self._bundle, query)
        for name, cosine in zip(self.ids, self._centred @ query, strict=True):
            if name in allowed:
                best[name] = max(best.get(name, 0.0), score(cosine, zero))
        return best


def _subjects(snapshot: FakeSnapshot) -> list[dict[str, Any]]:
    """The row of the most prominent region of each photo of a snapshot."""
    chosen: dict[tuple[str, int], tuple[float, dict[str, Any]]] = {}
    for row in snapshot.described.to_pylist():
        area = (row["x1"] - row["x0"]) * (row["y1"] - row["y0"])
        prominence = row["confidence"] * area**0.5 if row["kind"] == "product" else 0.0
        key = (row["item_id"], row["image_index"])
        if key not in chosen or prominence > chosen[key][0]:
            chosen[key] = (prominence, row)
    return [row for _, row in chosen.values()]


def rules_of(limit: int, filters: Collection[str] = ()) -> Rules:
    """So many hits that pass filters."""
    return Rules(limit=limit, filters=tuple(parse_filter(text) for text in filters))


def passing(snapshot: FakeSnapshot, filters: Collection[str]) -> set[str]:
    """The ids of the items whose rows pass filters, looked at one by one."""
    wanted = [parse_filter(text) for text in filters]
    return {
        row["item_id"]
        for row in snapshot.table.to_pylist()
        if all(_passes(row | json.loads(row["attributes"]), one) for one in wanted)
    }


def _passes(row: dict[str, Any], wanted: Filter) -> bool:
    value = row.get(wanted.attribute)
    if value is None:
        return False
    return any(
        part.low <= float(value) <= part.high
        if isinstance(part, Range)
        else str(value).casefold() == part.casefold()
        for part in wanted.alternatives
    )
