"""Ask BigQuery which regions of a bundle are nearest: all compared, or through its own index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_store.bundle.format import Manifest
from feature_store.bundle.projection import Projection
from feature_store.engines.bigquery.sql import (
    EXACT,
    How,
    create_sql,
    fill_sql,
    index_sql,
    search_sql,
    table_name,
)
from feature_store.engines.neighbours import (
    ALL,
    NEIGHBOURS,
    Floats,
    Only,
    answers,
    check_question,
)
from feature_store.errors import StoreError
from feature_store.tables.bigquery.service import PARAMETER_BYTES, Warehouse, asking
from feature_store.tables.bigquery.snapshot import BigQuerySnapshot
from feature_store.tables.settings import TablesSettings

NUMBER_BYTES = 18
"""A number of nine digits as text, its comma included, at the longest."""

_COUNT = pa.schema([pa.field("number", pa.int64())])


class BigQueryEngine:
    """An `Engine` that has BigQuery compare; `prepare` it once for a bundle, then ask.

    Whoever asks pays for what BigQuery reads: without an index that is every vector (8 bytes a
    number) for each batch of questions.
    """

    def __init__(
        self,
        settings: TablesSettings,
        manifest: Manifest,
        projection: Projection,
        how: How = EXACT,
    ) -> None:
        """Name the store, the bundle by its manifest and projection, and how to look.

        Nothing is asked yet. Raises BundleError for a name that no bundle has.
        """
        self._warehouse = Warehouse(settings)
        self._manifest = manifest
        self._projection = projection
        self._how = how
        name = table_name(manifest.bundle_id)
        self.table = f"{self._warehouse.prefix}.{name}"
        """The table of the bundle's regions: project, dataset and name."""
        self._table = self._warehouse.table(name)

    def statements(self, k: int, only: Only = ALL) -> dict[str, str]:
        """Return every statement by what it does: create, fill, index (if any), search.

        BigQuery is not asked for anything.
        """
        nothing = BigQuerySnapshot(self._warehouse, [], Path())
        written = {"create": create_sql(self._table), "fill": self._fill_sql(nothing)}
        if self._how.index:
            written["index"] = index_sql(self._table, self._how)
        return written | {"search": search_sql(self._table, k, self._how, only)}

    def prepare(self, snapshot: BigQuerySnapshot) -> int:
        """Make the table of the bundle's regions, and its index; return how many regions it holds.

        `snapshot`: the one that the bundle was built from. A table that is there already stays as
        it is; an index that is asked for is made in place of an older one. Raises StoreError for
        another snapshot, and where BigQuery fails.
        """
        if not self.count():
            parameters = self._fill_parameters(snapshot)
            self._warehouse.script(create_sql(self._table))
            self._warehouse.execute(self._fill_sql(snapshot), parameters)
        if self._how.index:
            self._warehouse.script(index_sql(self._table, self._how))
        return self.count()

    def count(self) -> int:
        """Return how many regions the bundle's table holds; 0 if it was not made, or has gone."""
        from google.api_core.exceptions import NotFound

        with asking(f"the table {self.table} cannot be opened"), suppress(NotFound):
            self._warehouse.client.get_table(self.table)
            counted = f"SELECT COUNT(*) AS number FROM {self._table}"
            return int(self._warehouse.rows(counted, _COUNT, {})["number"][0].as_py())
        return 0

    def nearest(self, vectors: Floats, k: int, only: Only = ALL) -> pa.Table:
        """Return the k nearest regions (NEIGHBOURS) of centred unit vectors; see `Engine`."""
        vectors = check_question(vectors, k, self._manifest.dim)
        sql = search_sql(self._table, k, self._how, only)
        wanted = {
            name: (kind, getattr(only, name))
            for name, kind in (("in_stock", "BOOL"), ("segment", "STRING"))
            if getattr(only, name) is not None
        }
        found = [NEIGHBOURS.empty_table()]
        for start, questions in _batches(vectors):
            parameters = {"questions": ("STRING", questions), **wanted}
            rows = self._warehouse.rows(sql, NEIGHBOURS, parameters)
            moved = pa.array(rows["query"].to_numpy() + start, pa.int64())
            found.append(rows.set_column(0, NEIGHBOURS.field("query"), moved))
        rows = pa.concat_tables(found).combine_chunks()
        return answers(
            rows["query"].to_numpy(),
            rows["item_id"].combine_chunks(),
            rows["region_id"].combine_chunks(),
            rows["cosine"].to_numpy(),
        )

    def _fill_sql(self, snapshot: BigQuerySnapshot) -> str:
        items = snapshot.live_query("items", ["item_id", "segment", "in_stock"])
        columns = ["item_id", "region_id", "image_index", "vector"]
        parts = [
            snapshot.live_query("features", columns, f"extractor = @extractor_{number:d}")
            for number in range(len(self._manifest.parts))
        ]
        return fill_sql(self._table, items, parts)

    def _fill_parameters(self, snapshot: BigQuerySnapshot) -> dict[str, tuple[str, Any]]:
        manifest = self._manifest
        if snapshot.content_hash != manifest.snapshot_content_hash:
            raise StoreError(
                f"bundle {manifest.bundle_id} was built from another store than the one in "
                f"BigQuery at version {snapshot.version}; ask the store that it was built from"
            )
        parameters = snapshot.parameters()
        start = 0
        for number, part in enumerate(manifest.parts):
            mean = self._projection.mean[start : start + part.dim].tolist()
            start += part.dim
            parameters |= {
                f"extractor_{number:d}": ("STRING", part.extractor),
                f"mean_{number:d}": ("FLOAT64", mean),
                f"weight_{number:d}": ("FLOAT64", part.weight),
            }
        return parameters


def _batches(vectors: Floats) -> Iterator[tuple[int, list[str]]]:
    """Cut the questions into such lots as one query takes as parameters, each written as text.

    Nine digits say a float32 exactly.
    """
    rows = max(1, PARAMETER_BYTES // (NUMBER_BYTES * vectors.shape[1]))
    for start in range(0, len(vectors), rows):
        lot = vectors[start : start + rows].tolist()
        yield start, [",".join(f"{number:.9g}" for number in row) for row in lot]
