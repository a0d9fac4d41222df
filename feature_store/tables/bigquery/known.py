"""What the newest commits of a store in BigQuery know: regions, vectors, rows of addresses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import FEATURES, LEDGER
from feature_store.tables.bigquery.service import Warehouse, pieces
from feature_store.tables.store import REGIONS, VECTORS, Known

REGION = ["image_id", "region_id"]
VECTOR = [*REGION, "extractor"]
_PLACES = pa.schema([FEATURES.field(name) for name in (*VECTOR, "ds", "item_id")])


def known_of(
    warehouse: Warehouse, image_ids: Sequence[str], detector: str, extractors: Sequence[str]
) -> Known:
    """Return the regions that `detector` found in images, and the vectors of `extractors`."""
    regions, vectors = [REGIONS.empty_table()], [VECTORS.empty_table()]
    for images in pieces(image_ids):
        regions.append(_regions(warehouse, images, detector))
        if extractors:
            vectors.append(_vectors(warehouse, images, list(extractors)))
    return Known(pa.concat_tables(regions), pa.concat_tables(vectors))


def sources_of(warehouse: Warehouse, uris: Sequence[str]) -> pa.Table:
    """Return the latest ledger row (schema LEDGER) of each of these addresses that has one."""
    columns = ", ".join(LEDGER.names)
    sql = f"""SELECT {columns} FROM (
  SELECT {columns},
    ROW_NUMBER() OVER (PARTITION BY image_uri ORDER BY ds DESC, item_id, image_index) AS place
  FROM {warehouse.table("ledger")}
  WHERE image_uri IN UNNEST(@uris) AND image_index >= 0
)
WHERE place = 1"""
    found = [warehouse.rows(sql, LEDGER, {"uris": ("STRING", piece)}) for piece in pieces(uris)]
    return pa.concat_tables([LEDGER.empty_table(), *found])


def _regions(warehouse: Warehouse, images: list[str], detector: str) -> pa.Table:
    columns = ", ".join(REGIONS.names)
    sql = f"""SELECT {columns}
FROM {warehouse.table("features")}
WHERE image_id IN UNNEST(@images) AND detector = @detector"""
    parameters = {"images": ("STRING", images), "detector": ("STRING", detector)}
    return _one_for_each(warehouse.rows(sql, REGIONS, parameters), REGION)


def _vectors(warehouse: Warehouse, images: list[str], extractors: list[str]) -> pa.Table:
    """The vectors of images, read only from the days and items that one row of each is of.

    They are nine tenths of the table, and whoever asks pays for what is read.
    """
    asked = {"images": ("STRING", images), "extractors": ("STRING", extractors)}
    wanted = "image_id IN UNNEST(@images) AND extractor IN UNNEST(@extractors)"
    features = warehouse.table("features")
    narrow = f"SELECT {', '.join(_PLACES.names)} FROM {features} WHERE {wanted}"
    places = _one_for_each(warehouse.rows(narrow, _PLACES, asked), VECTOR)
    found = [VECTORS.empty_table()]
    for items in pieces(places["item_id"].to_pylist()):
        of_items = places.filter(pc.is_in(places["item_id"], pa.array(items, pa.string())))
        sql = (
            f"SELECT {', '.join(VECTORS.names)} FROM {features}"
            f" WHERE {wanted} AND item_id IN UNNEST(@items) AND ds IN UNNEST(@days)"
        )
        days = pc.unique(of_items["ds"]).to_pylist()
        narrowed = {**asked, "items": ("STRING", items), "days": ("DATE", days)}
        found.append(warehouse.rows(sql, VECTORS, narrowed))
    return _one_for_each(pa.concat_tables(found), VECTOR)


def _one_for_each(rows: pa.Table, key: list[str]) -> pa.Table:
    numbered = rows.select(key).append_column("row", pa.array(np.arange(rows.num_rows)))
    first = numbered.group_by(key).aggregate([("row", "min")])["row_min"].to_numpy()
    return rows.take(np.sort(first))
