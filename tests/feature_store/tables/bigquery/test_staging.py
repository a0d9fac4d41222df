"""Rows on their way into BigQuery: through the bucket, and gone from there afterwards."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_store.errors import StoreError
from feature_store.storage import Bucket
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.bigquery.commits import WarehouseLog
from feature_store.tables.bigquery.layout import TABLES
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.settings import TablesSettings
from tests.feature_store.batches import make_batch, replaced
from tests.feature_store.tables.bigquery.conftest import StartWriter

DAY = "2026-03-01"


def staged_objects(settings: TablesSettings) -> list[str]:
    return [stored.name for stored in Bucket(settings.staging_address.bucket).list()]


def staged_tables(settings: TablesSettings) -> list[str]:
    warehouse = Warehouse(settings)
    listed = warehouse.client.list_tables(warehouse.prefix)
    return [table.table_id for table in listed if table.table_id.startswith("staging_")]


def test_rows_pass_through_the_bucket_and_nothing_stays(
    warehouse_store: BigQueryFeatureStore,
    bigquery_tables: TablesSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append, seen = WarehouseLog.append, []

    def looking(log: WarehouseLog, staging: str, *rest: Any) -> Any:
        seen.append((staging, staged_objects(bigquery_tables), staged_tables(bigquery_tables)))
        return append(log, staging, *rest)

    monkeypatch.setattr(WarehouseLog, "append", looking)
    warehouse_store.replace_partition(DAY, make_batch(DAY, ["a"]))
    ((name, objects, tables),) = seen
    folder = f"staged partitions/{bigquery_tables.project}.{bigquery_tables.dataset}/{name}"
    assert sorted(objects) == sorted(f"{folder}/{t}.parquet" for t in (*TABLES, "commit"))
    assert sorted(tables) == sorted(f"{name}_{t}" for t in (*TABLES, "commit"))
    assert (staged_objects(bigquery_tables), staged_tables(bigquery_tables)) == ([], [])
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_write_that_fails_leaves_nothing(
    warehouse_store: BigQueryFeatureStore,
    bigquery_tables: TablesSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warehouse_store.replace_partition(DAY, make_batch(DAY, ["a"]))

    def fail(*_: object) -> None:
        raise StoreError("no")

    monkeypatch.setattr(WarehouseLog, "append", fail)
    with pytest.raises(StoreError, match="no"):
        warehouse_store.replace_partition(DAY, make_batch(DAY, ["b"]))
    assert (staged_objects(bigquery_tables), staged_tables(bigquery_tables)) == ([], [])


def test_a_missing_bucket_is_named(bigquery_tables: TablesSettings, tmp_path: Path) -> None:
    settings = replace(bigquery_tables, staging="gs://no-such-bucket/x")
    with pytest.raises(StoreError, match=r"cannot be staged: gs://no-such-bucket/x"):
        BigQueryFeatureStore(settings, tmp_path).replace_partition(DAY, make_batch(DAY, ["a"]))


def test_what_a_killed_writer_staged_is_removed_after_a_day(
    warehouse_store: BigQueryFeatureStore,
    bigquery_tables: TablesSettings,
    start_writer: StartWriter,
    tmp_path: Path,
) -> None:
    warehouse_store.replace_partition(DAY, make_batch(DAY, ["a"]))
    with start_writer(DAY, "7", "--die-when", "loaded") as killed:
        assert killed.wait() != 0
    staged = len(TABLES) + 1
    Bucket(bigquery_tables.staging_address.bucket).write("photo.jpg", b"x", if_generation=0)
    assert len(staged_tables(bigquery_tables)) == staged
    assert warehouse_store.upkeep(30).removed_files == 0
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1, minutes=1)
    later = BigQueryFeatureStore(bigquery_tables, tmp_path, lambda: tomorrow)
    done = later.upkeep(30)
    assert done.removed_files == 2 * staged
    assert done.freed_bytes > 0
    assert staged_tables(bigquery_tables) == []
    assert staged_objects(bigquery_tables) == ["photo.jpg"]
    assert later.snapshot().items()["item_id"].to_pylist() == ["a"]


def test_a_null_that_no_array_can_hold_is_refused(warehouse_store: BigQueryFeatureStore) -> None:
    batch = make_batch(DAY, ["a"])
    items = replaced(batch.items, "images", 0, ["/photos/0", None])
    with pytest.raises(StoreError, match="a null in 'images'"):
        warehouse_store.replace_partition(DAY, replace(batch, items=items))


def test_empty_days_and_empty_lists_are_staged_too(warehouse_store: BigQueryFeatureStore) -> None:
    batch = make_batch(DAY, ["a"])
    none = replace(batch, items=replaced(batch.items, "images", 0, []))
    warehouse_store.replace_partition(DAY, none)
    assert warehouse_store.snapshot().items()["images"].to_pylist() == [[]]
    warehouse_store.replace_partition(DAY, make_batch(DAY, []))
    found, version = warehouse_store.partition(DAY)
    assert (found.items.num_rows, found.features.num_rows, version) == (0, 0, 2)
    assert isinstance(found.items, pa.Table)
