"""Whether a snapshot's ledger adds up: one row for every image of every live item, and no other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError

if TYPE_CHECKING:
    from feature_store.tables import Snapshot


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
    ledger = ledger.filter(pc.greater_equal(ledger["image_index"], 0))
    rows = _keys(ledger)
    due, found = _images(items), set(rows)
    wrong = due ^ found
    doubled = Counter(rows) - Counter(found) if len(found) < len(rows) else Counter()
    named = sorted({key[0] for key in (*wrong, *doubled)})
    return Audit(
        items=items.num_rows,
        images=len(due),
        missing=len(due - found),
        doubled=len(doubled),
        stray=len(found - due),
        first=named[0] if named else None,
    )


def _images(items: pa.Table) -> set[tuple[str, int, str]]:
    columns = (items[name].to_pylist() for name in ("item_id", "images"))
    return {
        (item_id, index, uri)
        for item_id, images in zip(*columns, strict=True)
        for index, uri in enumerate(images)
    }


def _keys(ledger: pa.Table) -> list[tuple[str, int, str]]:
    columns = (ledger[name].to_pylist() for name in ("item_id", "image_index", "image_uri"))
    return list(zip(*columns, strict=True))
