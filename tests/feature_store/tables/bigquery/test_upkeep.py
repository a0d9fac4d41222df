"""How long the BigQuery store remembers: what is forgotten is gone, and is said to be."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from feature_store.errors import StoreError
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.bigquery.layout import TABLES
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.settings import TablesSettings
from tests.feature_store.batches import EXTRACTOR, make_batch

DAY, NEXT = "2026-03-01", "2026-03-02"
COUNT = pa.schema([("version", pa.int64())])


def history(settings: TablesSettings) -> list[int]:
    warehouse = Warehouse(settings)
    found: set[int] = set()
    for name in TABLES:
        sql = f"SELECT DISTINCT version FROM {warehouse.table(f'{name}_history')}"
        found.update(warehouse.rows(sql, COUNT, {})["version"].to_pylist())
    return sorted(found)


def titles(store: BigQueryFeatureStore, version: int) -> list[str]:
    found: list[str] = store.snapshot(version).items()["title"].to_pylist()
    return found


def test_superseded_rows_are_kept_for_their_days_and_no_longer(
    bigquery_tables: TablesSettings, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC)
    store = BigQueryFeatureStore(bigquery_tables, tmp_path, lambda: now)
    first = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    other = store.replace_partition(NEXT, make_batch(NEXT, ["b"], seed=2))
    second = store.replace_partition(DAY, make_batch(DAY, ["a", "c"], seed=3))
    third = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=4))
    versions = [c.version for c in (first, other, second, third)]
    before = store.size()
    assert history(bigquery_tables) == [first.version, second.version]

    done = store.upkeep(30)
    assert (done.forgotten_commits, done.freed_bytes) == (0, 0)
    assert [titles(store, v) for v in versions] == [
        ["title 1"], ["title 1", "title 2"], ["title 3", "title 2", "title 3"],
        ["title 4", "title 2"],
    ]  # fmt: skip

    later = now + dt.timedelta(days=31)
    store = BigQueryFeatureStore(bigquery_tables, tmp_path, lambda: later)
    newest = store.snapshot().content_hash
    done = store.upkeep(30)
    assert (done.compacted_partitions, done.forgotten_commits) == (0, 2)
    assert done.freed_bytes == before.kept_bytes - store.size().kept_bytes > 0
    assert history(bigquery_tables) == []
    for version in versions[:3]:
        with pytest.raises(StoreError, match="no longer kept: the history goes back 30 days"):
            store.snapshot(version)
    assert titles(store, third.version) == ["title 4", "title 2"]
    assert store.snapshot().content_hash == newest
    assert len(store.log()) == 4
    again = store.upkeep(30)
    assert (again.forgotten_commits, again.freed_bytes) == (0, 0)


def test_rows_that_a_later_commit_holds_again_stay_readable(
    bigquery_tables: TablesSettings, tmp_path: Path
) -> None:
    store = BigQueryFeatureStore(bigquery_tables, tmp_path)
    first = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    second = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=2))
    store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    assert store.upkeep(0).forgotten_commits == 1
    assert titles(store, first.version) == ["title 1"]
    features = pa.Table.from_batches(store.snapshot(first.version).features(EXTRACTOR))
    assert features.num_rows == 2
    with pytest.raises(StoreError, match="no longer kept"):
        store.snapshot(second.version)


def test_upkeep_killed_before_it_removed_anything_is_finished_by_the_next(
    bigquery_tables: TablesSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BigQueryFeatureStore(bigquery_tables, tmp_path)
    first = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    store.replace_partition(DAY, make_batch(DAY, ["a"], seed=2))
    execute = Warehouse.execute

    def die_at_the_first_removal(warehouse: Warehouse, sql: str, parameters: object) -> None:
        if sql.startswith("DELETE"):
            raise KeyboardInterrupt
        execute(warehouse, sql, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(Warehouse, "execute", die_at_the_first_removal)
    with pytest.raises(KeyboardInterrupt):
        store.upkeep(0)
    with pytest.raises(StoreError, match="no longer kept"):
        store.snapshot(first.version)
    assert history(bigquery_tables) == [first.version]
    monkeypatch.setattr(Warehouse, "execute", execute)
    store.upkeep(0)
    assert history(bigquery_tables) == []
