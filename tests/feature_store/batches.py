"""Partitions for tests: a few lines say which items changed, the rest follows from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from feature_store.schemas import FEATURES, ITEMS, LEDGER, WHOLE, Box, region_id
from feature_store.tables import PartitionBatch

DETECTOR = "boxes@00000000000d"
EXTRACTOR = "colours@00000000000e"
DIM = 4
PRODUCT = Box(0.1, 0.2, 0.5, 0.75)


def make_batch(
    ds: str,
    items: Sequence[str],
    *,
    deleted: Sequence[str] = (),
    images: int = 1,
    seed: int = 0,
    extractor: str = EXTRACTOR,
) -> PartitionBatch:
    """Items with `images` images of two regions each; `seed` changes titles, images and vectors."""
    rows = [_item(ds, item, images, seed, False) for item in items]
    rows += [_item(ds, item, images, seed, True) for item in deleted]
    places = [(item, index) for item in items for index in range(images)]
    return PartitionBatch(
        items=pa.Table.from_pylist(rows, schema=ITEMS),
        ledger=pa.Table.from_pylist([_entry(ds, *at, seed) for at in places], schema=LEDGER),
        features=pa.Table.from_pylist(
            [row for at in places for row in _features(ds, *at, seed, extractor)], schema=FEATURES
        ),
    )


def image_id(item: str, index: int, seed: int) -> str:
    """The id of the image that `make_batch` gives an item."""
    return hashlib.sha256(f"{item}/{index}/{seed}".encode()).hexdigest()


def _item(ds: str, item: str, images: int, seed: int, deleted: bool) -> dict[str, Any]:
    return {
        "ds": ds,
        "item_id": item,
        "images": [f"/photos/{n}" for n in range(images)],
        "title": f"title {seed}",
        "price": 9.5,
        "attributes": "{}",
        "row_digest": f"{seed}",
        "deleted": deleted,
    }


def _entry(ds: str, item: str, index: int, seed: int) -> dict[str, Any]:
    return {
        "ds": ds,
        "item_id": item,
        "image_index": index,
        "image_uri": f"/photos/{index}",
        "image_id": image_id(item, index, seed),
        "status": "indexed",
        "regions": 2,
    }


def _features(ds: str, item: str, index: int, seed: int, extractor: str) -> list[dict[str, Any]]:
    image = image_id(item, index, seed)
    rows = []
    for kind, box, confidence in (("product", PRODUCT, 0.5), ("whole", WHOLE, 0.0)):
        name = region_id(image, box)
        noise = np.random.default_rng(int(name, 16)).standard_normal(DIM)
        rows.append(
            {
                "ds": ds,
                "item_id": item,
                "image_index": index,
                "image_uri": f"/photos/{index}",
                "image_id": image,
                "width_px": 60,
                "height_px": 40,
                "region_id": name,
                "kind": kind,
                **box._asdict(),
                "confidence": confidence,
                "label": "thing" if kind == "product" else "",
                "detector": DETECTOR,
                "extractor": extractor,
                "dim": DIM,
                "vector": (noise / np.linalg.norm(noise)).astype(np.float32),
            }
        )
    return rows


def replaced(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    """Return `table` with one value changed."""
    values = table[column].to_pylist()
    values[row] = value
    position = table.column_names.index(column)
    field = table.schema.field(position).with_nullable(True)
    return table.set_column(position, field, pa.array(values, field.type))
