"""The tables of a bundle, and of its fresh tier, out of the rows of a store.

Both are made here, so that an item looks the same whichever of the two it is in.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int32]

ITEM_COLUMNS = ["item_id", "title", "category", "segment", "brand", "price", "currency", "url"]
ITEM_COLUMNS += ["in_stock", "attributes"]
"""What is copied from an item's row (schema ITEMS)."""

UPDATED = "updated_at"
"""Copied as well, for the newest items; it is no change of an item by itself."""

REGION_COLUMNS = ["region_id", "image_id", "image_url", "width_px", "height_px", "kind"]
REGION_COLUMNS += ["x0", "y0", "x1", "y1", "confidence"]
"""What is copied from a region's row (schema FEATURES); `image_url` is made."""

_TEXT_FACETS = ["category", "segment", "brand", "currency"]


def region_columns(rows: pa.Table) -> pa.Table:
    """Return what `regions.arrow` says of features (schema FEATURES, with or without vectors).

    Its columns `item` and `subject` are still missing.
    """
    urls = image_urls(rows)
    return pa.table({name: urls if name == "image_url" else rows[name] for name in REGION_COLUMNS})


def image_urls(rows: pa.Table) -> pa.Array:
    """Where a browser finds each image: its https address, or the service's own thumbnail."""
    thumbnails = pc.binary_join_element_wise("/images/", rows["image_id"], ".jpg", "")
    secure = pc.starts_with(rows["image_uri"], "https://")
    return pc.if_else(secure, rows["image_uri"], thumbnails)


def prominence(rows: pa.Table) -> npt.NDArray[np.float32]:
    """How prominent each region (schema FEATURES) is: confidence · √area, 0 for a whole photo."""
    product = pc.equal(rows["kind"], "product").to_numpy(zero_copy_only=False)
    x0, y0, x1, y1 = (rows[name].to_numpy() for name in ("x0", "y0", "x1", "y1"))
    weight = rows["confidence"].to_numpy() * np.sqrt(np.maximum(0, (x1 - x0) * (y1 - y0)))
    # A product of no confidence still comes before the whole photo.
    return np.where(product, weight + 1e-6, 0.0).astype(np.float32)


def item_columns(items: pa.Table, owners: Ints, urls: pa.ChunkedArray) -> pa.Table:
    """Return what `items.arrow` says of items (schema ITEMS) whose regions go by `owners`.

    `owners`: int32 (regions,), the row in `items` of each region, ascending without gaps; `urls`:
    each region's image. The column `primary_region` is still missing.
    """
    new_item = np.r_[True, np.diff(owners) != 0][: len(owners)]
    first = np.flatnonzero(new_item).astype(np.int32)
    count = np.diff(np.r_[first, len(owners)]).astype(np.int32)
    listed = urls.to_pylist()
    images = [list(dict.fromkeys(listed[a : a + n])) for a, n in zip(first, count, strict=True)]
    table = items.select([*ITEM_COLUMNS, UPDATED])
    table = table.append_column("images", pa.array(images, pa.list_(pa.string())))
    table = table.append_column("first_region", pa.array(first))
    return table.append_column("region_count", pa.array(count))


def facet_columns(items: pa.Table) -> pa.Table:
    """The columns that answers can be filtered by, the catalogue's own attributes last."""
    columns = {name: items[name].combine_chunks().dictionary_encode() for name in _TEXT_FACETS}
    columns["price"], columns["in_stock"] = items["price"], items["in_stock"]
    codes: dict[str, Ints] = {}
    values: dict[str, dict[str, int]] = {}
    for row, text in enumerate(items["attributes"].to_pylist()):
        for name, value in json.loads(text or "{}").items():
            if value is None:
                continue
            of_name = values.setdefault(name, {})
            codes.setdefault(name, np.full(len(items), -1, np.int32))
            codes[name][row] = of_name.setdefault(str(value), len(of_name))
    for name in sorted(codes.keys() - columns.keys()):
        indices = pa.array(codes[name], mask=codes[name] < 0)
        columns[name] = pa.DictionaryArray.from_arrays(indices, pa.array(list(values[name])))
    return pa.table(columns)


def segment_names(facets: pa.Table, attribute: str) -> pa.Array:
    """Return the name of each item's segment: its value of a facet, empty where it has none.

    With an empty `attribute`, or one that no item has, there is one segment, without a name.
    """
    if attribute not in facets.column_names:
        return pa.array([""] * len(facets), pa.string())
    column = facets[attribute].combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return pc.fill_null(pc.cast(column, pa.string()), "")
