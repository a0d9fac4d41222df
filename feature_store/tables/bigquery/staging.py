"""Rows on their way into BigQuery: Parquet in Cloud Storage, loaded into tables of their own.

Nothing reads these tables but the transaction that they are staged for. What a killed writer
leaves of them is named by the time of its making, and removed when it is older than a day;
BigQuery itself lets the tables expire then.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.errors import StorageError, StoreError
from feature_store.storage import Address, Bucket
from feature_store.tables.bigquery.layout import column_type, to_bigquery
from feature_store.tables.bigquery.service import Warehouse, asking

LEFT_AFTER = dt.timedelta(days=1)
"""No writer takes so long: what is staged for longer was left by one that was killed."""

_NAME = re.compile(r"staging_(\d{8}T\d{6})_[0-9a-f]{32}")
_TIME = "%Y%m%dT%H%M%S"

ROW_GROUP_ROWS = 2048
"""Rows of a Parquet row group: some 10 MB of vectors, which BigQuery reads side by side."""


def staging_name(now: dt.datetime) -> str:
    """Name what one writer stages: by the time, and by a number that no other draws."""
    return f"staging_{now.astimezone(dt.UTC).strftime(_TIME)}_{uuid.uuid4().hex}"


@dataclass(frozen=True)
class Leftovers:
    """What killed writers left: tables, objects, and the bytes of the objects."""

    tables: int
    objects: int
    bytes: int


class StagingArea:
    """Where the rows of a store wait for their transaction."""

    def __init__(self, warehouse: Warehouse, address: Address, scratch: Path) -> None:
        """Name the dataset, the bucket and prefix, and a folder for files on their way there."""
        self._warehouse = warehouse
        self._bucket = Bucket(address.bucket)
        self._prefix = "/".join(part for part in (address.name, warehouse.prefix) if part)
        self._bucket_name = address.bucket
        self._scratch = scratch

    @contextmanager
    def holding(self, name: str, tables: Mapping[str, pa.Table]) -> Iterator[None]:
        """Hold rows in tables called `<name>_<table>` while the block runs."""
        try:
            self._upload(name, tables)
            self._load(name, tables)
            yield
        finally:
            self._remove(name, list(tables))

    def remove_leftovers(self, now: dt.datetime) -> Leftovers:
        """Remove what writers staged more than a day ago and did not live to remove."""
        tables = self._old_tables(now)
        with asking("staged tables cannot be removed"):
            for table in tables:
                self._warehouse.client.delete_table(table, not_found_ok=True)
        with asking("staged objects cannot be removed"):
            objects = [o for o in self._bucket.list(f"{self._prefix}/") if _is_old(o.name, now)]
            for stored in objects:
                self._bucket.delete(stored.name)
        return Leftovers(len(tables), len(objects), sum(o.size_bytes for o in objects))

    def _old_tables(self, now: dt.datetime) -> list[Any]:
        with asking("the staged tables cannot be listed"):
            listed = list(self._warehouse.client.list_tables(self._warehouse.prefix))
        return [table for table in listed if _is_old(table.table_id, now)]

    def _object(self, name: str, table: str) -> str:
        return f"{self._prefix}/{name}/{table}.parquet"

    def _upload(self, name: str, tables: Mapping[str, pa.Table]) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="staging-") as folder:
            for table, rows in tables.items():
                path = Path(folder) / f"{table}.parquet"
                pq.write_table(
                    to_bigquery(rows), path, compression="zstd", row_group_size=ROW_GROUP_ROWS
                )
                with asking(f"the rows of {table} cannot be staged"):
                    self._bucket.upload(self._object(name, table), path, if_generation=0)

    def _load(self, name: str, tables: Mapping[str, pa.Table]) -> None:
        with asking("staged rows cannot be loaded"):
            jobs = [self._start(name, table, rows.schema) for table, rows in tables.items()]
            for job in jobs:  # BigQuery runs them side by side
                job.result()

    def _start(self, name: str, table: str, schema: pa.Schema) -> Any:
        from google.cloud import bigquery

        fields = [
            bigquery.SchemaField(
                field.name,
                column_type(field),
                # Nothing is required here: a mode that differs from the file's would be refused.
                mode="REPEATED" if pa.types.is_list(field.type) else "NULLABLE",
            )
            for field in schema
        ]
        into = bigquery.Table(f"{self._warehouse.prefix}.{name}_{table}", schema=fields)
        into.expires = dt.datetime.now(dt.UTC) + LEFT_AFTER
        self._warehouse.client.create_table(into)
        parquet = bigquery.ParquetOptions()
        parquet.enable_list_inference = True
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_EMPTY,
            parquet_options=parquet,
        )
        uri = f"gs://{self._bucket_name}/{self._object(name, table)}"
        return self._warehouse.client.load_table_from_uri(uri, into.reference, job_config=config)

    def _remove(self, name: str, tables: list[str]) -> None:
        # What cannot be removed now is removed as a leftover; the commit stands or falls without.
        for table in tables:
            with suppress(StoreError), asking("a staged table cannot be removed"):
                place = f"{self._warehouse.prefix}.{name}_{table}"
                self._warehouse.client.delete_table(place, not_found_ok=True)
            with suppress(StorageError):
                self._bucket.delete(self._object(name, table))


def _is_old(place: str, now: dt.datetime) -> bool:
    found = _NAME.search(place)
    if not found:
        return False
    made = dt.datetime.strptime(found[1], _TIME).replace(tzinfo=dt.UTC)
    return now - made > LEFT_AFTER
