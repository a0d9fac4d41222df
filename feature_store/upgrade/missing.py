"""Which regions of live items have no vector under an extractor, day by day.

Rows that a later day has superseded, and those of deleted items, are left as they are: no index
will ever hold them again, and often their photos are gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.ingest.staging import read_json, write_json
from feature_store.schemas import FEATURES
from feature_store.tables import FeatureStore, PartitionBatch, Snapshot

IMAGE = ["item_id", "image_index"]
OF_EXTRACTOR = ("extractor", "dim", "vector")
REGION_ROWS = pa.schema([field for field in FEATURES if field.name not in OF_EXTRACTOR])
"""The rows of FEATURES without what an extractor adds."""


def live_by_day(snapshot: Snapshot) -> dict[str, pa.Array]:
    """Return the ids of the live items by the day of their latest row, the oldest day first."""
    items = snapshot.items().select(["ds", "item_id"])
    days = sorted(pc.unique(items["ds"]).to_pylist())
    return {ds: items.filter(pc.equal(items["ds"], ds))["item_id"].combine_chunks() for ds in days}


def missing_regions(batch: PartitionBatch, live: pa.Array, identity: str) -> pa.Table:
    """Return the regions (schema REGION_ROWS) of live images that `identity` has not described.

    An image is described when its whole has a vector, as it is counted in a `Coverage`: what an
    extractor makes of an image is written all at once. Ordered by image, then region.
    """
    rows = batch.features.filter(pc.is_in(batch.features["item_id"], value_set=live))
    mine = pc.equal(rows["extractor"], identity)
    described = rows.filter(pc.and_(mine, pc.equal(rows["kind"], "whole"))).select(IMAGE)
    others = rows.filter(pc.invert(mine)).select(REGION_ROWS.names)
    lacking = others.join(described, keys=IMAGE, join_type="left anti")
    order = [(name, "ascending") for name in ("image_id", "region_id", *IMAGE)]
    return _first_of_each(lacking.sort_by(order)).select(REGION_ROWS.names).cast(REGION_ROWS)


def _first_of_each(rows: pa.Table) -> pa.Table:
    """Keep one row of each region of each place, whichever extractor it was described by."""
    key = [*IMAGE, "region_id"]
    numbered = rows.select(key).append_column("row", pa.array(np.arange(rows.num_rows)))
    first = numbered.group_by(key).aggregate([("row", "min")])["row_min"].to_numpy()
    return rows.take(np.sort(first))


class MissingDay(NamedTuple):
    """A day some of whose live images are not described yet, and their regions (REGION_ROWS)."""

    ds: str
    regions: pa.Table


def missing_days(
    store: FeatureStore, live: Mapping[str, pa.Array], identity: str, folder: Path
) -> Iterator[MissingDay]:
    """Yield each day that lacks something, the oldest first; `folder` remembers complete ones.

    A day is read again only if it was replaced, or if other items of it live, since it was seen to
    be complete.
    """
    versions = {commit.ds: commit.version for commit in store.commits()}
    memory = folder / "complete.json"
    known = _remembered(memory)
    complete = dict(known)
    try:
        for ds, ids in live.items():
            key = f"{versions.get(ds, 0)} {_digest(ids)}"
            if complete.get(ds) == key:
                continue
            regions = missing_regions(store.partition(ds)[0], ids, identity)
            if regions.num_rows:
                yield MissingDay(ds, regions)
            else:
                complete[ds] = key
    finally:
        if complete != known:
            write_json(memory, complete)


def _remembered(path: Path) -> dict[str, Any]:
    """Read which days are complete; a file that cannot be read costs nothing but another look."""
    try:
        return read_json(path) or {}
    except StoreError:
        return {}


def _digest(ids: pa.Array) -> str:
    digest = hashlib.sha256()
    for item_id in ids.to_pylist():
        digest.update(f"{len(item_id)}:{item_id}".encode(errors="surrogatepass"))
    return digest.hexdigest()[:16]
