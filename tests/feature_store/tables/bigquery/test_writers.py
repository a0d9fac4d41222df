"""The BigQuery store under writers that are killed, and that meet."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_store.errors import CommitConflictError, StoreError
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.bigquery.commits import WarehouseCommit, WarehouseLog
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.content import canonical, content_hash
from feature_store.tables.store import Commit
from tests.feature_store.batches import EXTRACTOR, make_batch
from tests.feature_store.tables.bigquery.conftest import StartWriter
from tests.feature_store.tables.bigquery.writer import CONFLICT

DAY, NEXT = "2026-03-01", "2026-03-02"


def wanted_hash(seed: int) -> str:
    return content_hash(canonical(make_batch(DAY, ["a", "b", "c"], seed=seed)))


def everything(store: BigQueryFeatureStore) -> tuple[object, ...]:
    snapshot = store.snapshot()
    features = pa.Table.from_batches(list(snapshot.features(EXTRACTOR)))
    tables = (snapshot.items(), snapshot.ledger(), features)
    return (store.log(), snapshot.content_hash, *(table.to_pylist() for table in tables))


@pytest.mark.parametrize("moment", ["staged", "loaded"])
def test_a_writer_killed_before_its_transaction_changes_nothing(
    warehouse_store: BigQueryFeatureStore, start_writer: StartWriter, moment: str
) -> None:
    store = warehouse_store
    store.replace_partition(DAY, make_batch(DAY, ["a", "b", "old"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["next"]))
    before = everything(store)
    with start_writer(DAY, "7", "--die-when", moment) as killed:
        assert killed.wait() == -signal.SIGKILL
    assert everything(store) == before
    rerun = store.replace_partition(DAY, make_batch(DAY, ["a", "b", "c"], seed=7))
    assert rerun.content_hash == wanted_hash(7)
    assert store.snapshot().items()["item_id"].to_pylist() == ["a", "b", "c", "next"]


def test_a_writer_killed_after_its_transaction_has_written_all(
    warehouse_store: BigQueryFeatureStore, start_writer: StartWriter
) -> None:
    with start_writer(DAY, "7", "--die-when", "committed") as killed:
        assert killed.wait() == -signal.SIGKILL
    assert [commit.content_hash for commit in warehouse_store.log()] == [wanted_hash(7)]
    again = warehouse_store.replace_partition(DAY, make_batch(DAY, ["a", "b", "c"], seed=7))
    assert [again] == warehouse_store.log()


def race(start: StartWriter, folder: Path, *writers: tuple[str, ...]) -> list[tuple[int, str]]:
    """Run writers at the same moment; return each one's exit status and what it said."""
    go = folder / "go"
    ready = [folder / f"ready {n}" for n in range(len(writers))]
    started: list[subprocess.Popen[str]] = [
        start(*arguments, "--ready", str(mark), "--go", str(go))
        for arguments, mark in zip(writers, ready, strict=True)
    ]
    while not all(mark.exists() for mark in ready):
        assert all(writer.poll() is None for writer in started)
        time.sleep(0.01)
    go.touch()
    said = [writer.communicate()[0] for writer in started]
    return [(writer.returncode, output) for writer, output in zip(started, said, strict=True)]


def test_of_two_writers_of_one_partition_each_wins_whole_or_is_told(
    warehouse_store: BigQueryFeatureStore, start_writer: StartWriter, tmp_path: Path
) -> None:
    results = race(start_writer, tmp_path, (DAY, "100", "--times", "2"), (DAY, "200"))
    assert {status for status, _ in results} <= {0, CONFLICT}
    said = [line.split() for _, output in results for line in output.splitlines()]
    versions = {int(version): content for version, content in said}
    assert {commit.version: commit.content_hash for commit in warehouse_store.log()} == versions
    assert set(versions.values()) <= {wanted_hash(seed) for seed in (100, 101, 200)}
    for version in versions:  # every snapshot ever committed is one writer's, never a mixture
        snapshot = warehouse_store.snapshot(version)
        images = {i for b in snapshot.features(EXTRACTOR) for i in b["image_id"].to_pylist()}
        assert set(snapshot.ledger()["image_id"].to_pylist()) == images
        assert len(set(snapshot.items()["title"].to_pylist())) == 1


def test_writers_of_the_same_and_of_neighbouring_days_commit_side_by_side(
    warehouse_store: BigQueryFeatureStore, start_writer: StartWriter, tmp_path: Path
) -> None:
    results = race(start_writer, tmp_path, (DAY, "5"), (DAY, "5"), (NEXT, "2"))
    assert [status for status, _ in results] == [0, 0, 0]
    assert results[0][1] == results[1][1]
    assert [commit.ds for commit in warehouse_store.commits()] == [DAY, NEXT]
    assert len(warehouse_store.log()) == 2


def overtake(monkeypatch: pytest.MonkeyPatch, by: Callable[[], Commit]) -> list[Commit]:
    """Have another writer commit when the next one's rows are loaded and its transaction is due."""
    append, theirs = WarehouseLog.append, list[Commit]()

    def overtaken(log: WarehouseLog, *rest: Any) -> WarehouseCommit:
        monkeypatch.setattr(WarehouseLog, "append", append)
        theirs.append(by())
        return append(log, *rest)

    monkeypatch.setattr(WarehouseLog, "append", overtaken)
    return theirs


@pytest.mark.parametrize("first", [True, False])
def test_a_writer_that_was_overtaken_is_refused(
    warehouse_store: BigQueryFeatureStore, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    store = warehouse_store
    if not first:
        store.replace_partition(DAY, make_batch(DAY, ["old"]))
    theirs = overtake(
        monkeypatch, lambda: store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    )
    with pytest.raises(CommitConflictError, match=f"replaced the partition {DAY} meanwhile"):
        store.replace_partition(DAY, make_batch(DAY, ["a"], seed=2))
    assert store.commits() == theirs
    assert store.snapshot().items()["title"].to_pylist() == ["title 1"]
    # The version that was counted for the refused one is given to the next.
    again = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=2))
    assert again.version == theirs[0].version + 1


def test_a_writer_overtaken_by_the_same_content_takes_that_commit(
    warehouse_store: BigQueryFeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, batch = warehouse_store, make_batch(DAY, ["a"], seed=1)
    theirs = overtake(monkeypatch, lambda: store.replace_partition(DAY, batch))
    assert store.replace_partition(DAY, batch) == theirs[0]
    assert store.log() == theirs


def test_a_neighbour_that_commits_meanwhile_is_no_hindrance(
    warehouse_store: BigQueryFeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = warehouse_store
    theirs = overtake(monkeypatch, lambda: store.replace_partition(NEXT, make_batch(NEXT, ["n"])))
    own = store.replace_partition(DAY, make_batch(DAY, ["a"]))
    assert store.commits() == [own, theirs[0]]
    assert store.snapshot().items()["item_id"].to_pylist() == ["a", "n"]


def test_a_transaction_that_another_one_ended_is_run_again(
    warehouse_store: BigQueryFeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator runs one after the other; BigQuery ends all but one of those that meet."""
    script = Warehouse.script
    refused: list[str] = []

    def refuse_once(warehouse: Warehouse, sql: str) -> None:
        if "BEGIN TRANSACTION" in sql and not refused:
            refused.append(sql)
            raise StoreError("400 Transaction is aborted due to concurrent update against table x")
        script(warehouse, sql)

    monkeypatch.setattr(Warehouse, "script", refuse_once)
    warehouse_store.replace_partition(DAY, make_batch(DAY, ["a"]))
    assert len(refused) == 1
    assert warehouse_store.snapshot().items().num_rows == 1
    monkeypatch.setattr(Warehouse, "script", lambda *_: None)
    with pytest.raises(StoreError, match="committed nothing"):
        warehouse_store.replace_partition(DAY, make_batch(DAY, ["b"]))
