"""Count what a bundle holds of its snapshot, and what is gone since the live bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.open import Bundle
from feature_store.nightly.measure_anew import Anew
from feature_store.nightly.measure_bounds import Bounded, exact
from feature_store.nightly.slices import Dimension, attribute_of
from feature_store.tables import Snapshot

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

EXAMPLES = 20
"""Missing items that are named."""
FEW = 30
"""Of fewer live items nothing is said to have shrunk."""


@dataclass(frozen=True)
class Stock:
    """The items that the snapshot says are live and indexed, and those that the bundle holds."""

    items: pa.Table
    """Rows (schema ITEMS) of the live items with an indexed image."""
    held: Mask
    """bool (items,): whether the bundle holds each of them."""
    row_of_item: Numbers
    """int64 (the bundle's items,): each one's row of `items`, -1 for one that is not there."""

    @classmethod
    def of(cls, bundle: Bundle, snapshot: Snapshot) -> Stock:
        """Read the snapshot's items and its ledger."""
        ledger = snapshot.ledger()
        indexed = pc.unique(ledger.filter(pc.equal(ledger["status"], "indexed"))["item_id"])
        items = snapshot.items()
        items = items.filter(pc.is_in(items["item_id"], value_set=indexed)).combine_chunks()
        ids = _whole(items["item_id"])
        mine = _whole(bundle.items["item_id"])
        held = np.asarray(pc.is_in(ids, value_set=mine).to_numpy(zero_copy_only=False), np.bool_)
        rows = pc.index_in(mine, value_set=ids).fill_null(-1).to_numpy().astype(np.int64)
        return cls(items, held, rows)

    def counts(self, bundle: Bundle, snapshot: Snapshot, anew: Anew) -> dict[str, int]:
        """Return how many items and regions there should be, and are."""
        parts = bundle.manifest.parts
        due = int(anew.found.sum()) + anew.unheld
        if len(parts) == 1:
            due = snapshot.coverage(parts[0].extractor).regions
        return {
            "snapshot_items": len(self.items),
            "snapshot_regions": due,
            "indexed_items": len(bundle.items),
            "indexed_regions": len(bundle.regions),
            "regions_unknown": int((~anew.found).sum()),
            "regions_missing": anew.unheld,
        }

    def missing(self) -> dict[str, Any]:
        """Return how many items the bundle lacks, some of them, and what they have in common."""
        lost = self.items.filter(pa.array(~self.held))
        common = {}
        for name in ("category", "segment", "brand"):
            values = attribute_of(lost, name)
            counted = sorted(
                (
                    (row["counts"], str(row["values"]))
                    for row in pc.value_counts(values).to_pylist()
                ),
                reverse=True,
            )
            if len(lost) and counted[0][0] == len(lost) and values.null_count == 0:
                common[name] = counted[0][1]
        return {
            "items": len(lost),
            "examples": lost["item_id"].slice(0, EXAMPLES).to_pylist(),
            "all_of": common,
        }

    def coverage(self, codes: npt.NDArray[Any], code: int) -> Bounded | None:
        """Return the share of a slice's items that the bundle holds; `codes`: int32 (items,)."""
        mine = codes == code
        return exact(float(self.held[mine].mean())) if mine.any() else None


@dataclass(frozen=True)
class Shrinkage:
    """How much of the live bundle is gone, of all and of each slice."""

    live_items: int
    of_all: Bounded | None
    _of_slice: Mapping[tuple[str, str], float]

    @classmethod
    def of(
        cls, bundle: Bundle, live: Bundle, stock: Stock, dimensions: list[Dimension]
    ) -> Shrinkage:
        """Compare the two bundles' items; a slice of the live one is what it says itself."""
        now, was = _whole(bundle.items["item_id"]), _whole(live.items["item_id"])
        gone = _is_not_in(was, now)
        new = _is_not_in(now, was)
        of_slice: dict[tuple[str, str], float] = {}
        for dimension in dimensions:
            if dimension.name not in live.items.column_names:
                continue
            values = pc.fill_null(attribute_of(live.items, dimension.name), "")
            rows = stock.row_of_item[new]
            arrived = np.bincount(dimension.codes[rows[rows >= 0]], minlength=len(dimension.values))
            for code, value in enumerate(dimension.values):
                mine = np.asarray(pc.equal(values, value).to_numpy(zero_copy_only=False), np.bool_)
                if mine.sum() >= FEW:
                    less = int(gone[mine].sum()) - int(arrived[code])
                    of_slice[dimension.name, value] = max(0.0, less / int(mine.sum()))
        of_all = exact(max(0.0, 1 - len(now) / len(was))) if len(was) >= FEW else None
        return cls(len(was), of_all, of_slice)

    def of_slice(self, dimension: str, value: str) -> Bounded | None:
        """Return the share of a slice's live items that are gone; None: too few to say."""
        share = self._of_slice.get((dimension, value))
        return None if share is None else exact(share)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _is_not_in(ids: pa.Array, others: pa.Array) -> Mask:
    found = pc.is_in(ids, value_set=others)
    return ~np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)
