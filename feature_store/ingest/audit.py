"""Whether a snapshot's ledger adds up: one row for every image of every live item, and no other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.schemas import LEDGER

if TYPE_CHECKING:
    from feature_store.tables import Snapshot

_KEY = ["item_id", "image_index", "image_uri"]
_SCHEMA = pa.schema([LEDGER.field(name) for name in _KEY])


@dataclass(frozen=True)
class Audit:
    """What an audit counted: live items, their images, and images that have not exactly one row.

    `missing` images have no row, `doubled` ones several, `stray` rows are of no image of the item;
    `first` names the first item of which something is wrong.
    """

    items: int
    images: int
    missing: int
    doubled: int
    stray: int
    first: str | None

    @property
    def adds_up(self) -> bool:
        """Tell whether every image has exactly one row."""
        return self.first is None

    def raise_if_wrong(self) -> None:
        """Raise StoreError, naming the first item, unless the ledger adds up."""
        if self.first is not None:
            raise StoreError(
                f"the ledger does not add up: of {self.images} images of {self.items} live items "
                f"{self.missing} have no row and {self.doubled} several, and {self.stray} rows are "
                f"of no image; the first of these items is {self.first[:200]!r}: run again the day "
                "on which it changed last"
            )


def audit_snapshot(snapshot: Snapshot) -> Audit:
    """Hold the ledger of a snapshot against its items."""
    items = snapshot.items()
    ledger = snapshot.ledger()
    ledger = ledger.filter(pc.greater_equal(ledger["image_index"], 0)).select(_KEY)
    due = _images(items)
    if all(due[name].equals(ledger[name]) for name in _KEY):  # both are ordered by item and image
        return Audit(items.num_rows, due.num_rows, 0, 0, 0, None)
    expected, found = set(_rows(due)), Counter(_rows(ledger))
    doubled = {row for row, count in found.items() if count > 1}
    wrong = (expected ^ found.keys()) | doubled
    return Audit(
        items=items.num_rows,
        images=due.num_rows,
        missing=len(expected - found.keys()),
        doubled=len(doubled),
        stray=len(found.keys() - expected),
        first=min(row[0] for row in wrong) if wrong else None,
    )


def _images(items: pa.Table) -> pa.Table:
    """The images that the ledger must have, in the order of the items."""
    images = items["images"].combine_chunks()
    parents = pc.list_parent_indices(images)
    owners = parents.to_numpy()
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    counts = np.diff(starts, append=len(owners))
    index = np.arange(len(owners)) - np.repeat(starts, counts)
    columns = [
        items["item_id"].combine_chunks().take(parents),
        pa.array(index, pa.int32()),
        pc.list_flatten(images),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _rows(table: pa.Table) -> list[tuple[str, int, str]]:
    return list(zip(*(table[name].to_pylist() for name in _KEY), strict=True))
