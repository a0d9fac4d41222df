"""Upkeep of the Delta store: what it must keep, what it removes, beside writers and killed ones."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from deltalake import DeltaTable, write_deltalake

from feature_store.errors import StoreError
from feature_store.tables import Snapshot, delta_table, upkeep
from feature_store.tables.commits import CommitLog
from feature_store.tables.content import canonical, rows_hash
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.delta_table import PartitionedTable
from feature_store.tables.store import PartitionBatch, StoreUpkeep
from tests.feature_store.batches import EXTRACTOR, make_batch
from tests.feature_store.tables.test_delta import start_writer
from tests.feature_store.tables.test_history_contract import tried_again

DAY, NEXT = "2026-03-01", "2026-03-02"
DAYS = [f"2026-03-0{day}" for day in range(1, 6)]
START = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
TABLES = ("features", "ledger", "items")


class Calendar:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now

    def wait(self, days: float) -> None:
        self.now += dt.timedelta(days=days)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def store(tmp_path: Path, calendar: Calendar) -> DeltaFeatureStore:
    return DeltaFeatureStore(tmp_path, clock=calendar)


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as old enough to be removed."""
    monkeypatch.setattr(upkeep, "YOUNG_HOURS", 0)


def said(snapshot: Snapshot) -> tuple[Any, ...]:
    rows = [row for batch in snapshot.features(EXTRACTOR) for row in batch.to_pylist()]
    return snapshot.content_hash, snapshot.items().to_pylist(), snapshot.ledger().to_pylist(), rows


def parquet_files(folder: Path) -> set[Path]:
    return {path for name in TABLES for path in (folder / name).rglob("*.parquet")} - {
        path for name in TABLES for path in (folder / name / "_delta_log").glob("*")
    }


class Written(NamedTuple):
    version: int
    ds: str
    holds: str
    time: dt.datetime


def is_kept(version: int, history: list[Written], floor: dt.datetime) -> bool:
    """Whether all that a version needs is the newest of its day, or was until after `floor`."""
    newest = {entry.ds: entry for entry in history if entry.version <= version}
    for ds, entry in newest.items():
        of_day = [other for other in history if other.ds == ds]
        last = max(n for n, other in enumerate(of_day) if other.holds == entry.holds)
        if last + 1 < len(of_day) and of_day[last + 1].time <= floor:
            return False
    return True


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("aged")
def test_upkeep_keeps_what_it_must_to_the_bit(
    store: DeltaFeatureStore, calendar: Calendar, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    history: list[Written] = []
    read: dict[int, tuple[Any, ...]] = {}
    floor = START - dt.timedelta(days=999)
    for _ in range(14):
        calendar.wait(draw.choice([0.2, 1, 3, 9]))
        ds, number = draw.choice(DAYS), draw.randrange(3)
        batch = make_batch(ds, ["a", "b", f"{number}"][: number + 1], seed=number)
        commit = store.replace_partition(ds, batch)
        if commit.version not in read:
            history.append(Written(commit.version, ds, rows_hash(canonical(batch)), calendar.now))
            read[commit.version] = said(store.snapshot())
        if draw.random() < 0.4:
            keep_days = draw.choice([0, 2, 10])
            store.upkeep(keep_days)
            floor = max(floor, calendar.now - dt.timedelta(days=keep_days))
        reader = DeltaFeatureStore(tmp_path)
        assert said(reader.snapshot()) == read[max(read)]
        for version, then in read.items():
            if is_kept(version, history, floor):
                assert said(reader.snapshot(version)) == then
            else:
                with pytest.raises(StoreError, match="the history goes back"):
                    reader.snapshot(version)
    assert any(not is_kept(version, history, floor) for version in read)


@pytest.mark.usefixtures("aged")
def test_forgotten_rows_are_removed_and_counted(
    store: DeltaFeatureStore, calendar: Calendar, tmp_path: Path
) -> None:
    first = store.replace_partition(DAY, make_batch(DAY, ["a"]))
    calendar.wait(1)
    store.replace_partition(DAY, make_batch(DAY, ["b"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["c"]))
    assert store.upkeep(30).forgotten_commits == 0
    assert len(parquet_files(tmp_path)) == 9
    calendar.wait(30)
    before = store.size()
    done = store.upkeep(30)
    assert (done.forgotten_commits, done.compacted_partitions) == (1, 0)
    assert len(parquet_files(tmp_path)) == 6
    assert done.removed_files >= 3
    assert done.freed_bytes > 0
    assert store.size().live_bytes == before.live_bytes
    assert len(parquet_files(tmp_path)) == store.size().live_files
    message = f"the rows of version {first.version}, which {DAY} had before 2026-03-11.* 30 days"
    with pytest.raises(StoreError, match=message):
        store.snapshot(first.version)
    with pytest.raises(StoreError, match=message):
        store.snapshot(START)
    assert store.snapshot(START, before=DAY).items().num_rows == 0
    assert store.log()[0].version == first.version
    assert store.upkeep(30) == StoreUpkeep(0, 0, 0, 0)


@pytest.mark.usefixtures("aged")
def test_what_was_forgotten_stays_so_when_history_is_kept_for_longer(
    store: DeltaFeatureStore, calendar: Calendar
) -> None:
    first = store.replace_partition(DAY, make_batch(DAY, ["a"]))
    store.replace_partition(DAY, make_batch(DAY, ["b"]))
    calendar.wait(5)
    assert store.upkeep(3).forgotten_commits == 1
    second = store.replace_partition(DAY, make_batch(DAY, ["c"]))
    assert store.upkeep(300).forgotten_commits == 0
    with pytest.raises(StoreError, match="no longer kept"):
        store.snapshot(first.version)
    assert store.snapshot(second.version).items()["item_id"].to_pylist() == ["c"]


@pytest.mark.usefixtures("aged")
def test_rows_that_a_later_commit_holds_again_are_not_forgotten(
    store: DeltaFeatureStore, calendar: Calendar
) -> None:
    first = store.replace_partition(DAY, make_batch(DAY, ["a"]))
    then = said(store.snapshot())
    store.replace_partition(DAY, make_batch(DAY, ["b"]))
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    calendar.wait(9)
    assert store.upkeep(1).forgotten_commits == 1
    assert said(store.snapshot(first.version)) == then


def test_young_files_are_never_touched(
    store: DeltaFeatureStore, calendar: Calendar, tmp_path: Path
) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    held = store.snapshot()
    then = said(held)
    store.replace_partition(DAY, make_batch(DAY, ["b"]))
    unlogged = next((tmp_path / "items").glob("ds=*")) / "part-of-a-writer.parquet"
    unlogged.write_bytes(b"half")
    calendar.wait(100)
    store.upkeep(1)
    assert unlogged.exists()
    assert said(held) == then
    day_ago = dt.datetime.now(dt.UTC).timestamp() - 25 * 3600
    os.utime(unlogged, (day_ago, day_ago))
    done = store.upkeep(1)
    assert not unlogged.exists()
    assert (done.removed_files, done.freed_bytes) == (1, 4)


@pytest.mark.usefixtures("aged")
@pytest.mark.parametrize("tables", [1, 2, 3])
def test_upkeep_after_a_killed_writer_keeps_the_day_and_lets_its_rerun_in(
    store: DeltaFeatureStore, calendar: Calendar, tmp_path: Path, tables: int
) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a", "old"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["next"]))
    then = said(store.snapshot())
    with start_writer(tmp_path, DAY, "7", "--die-after", str(tables)) as killed:
        assert killed.wait() == -signal.SIGKILL
    calendar.wait(100)
    for _ in range(2):
        assert store.upkeep(0).forgotten_commits == 0
        assert said(DeltaFeatureStore(tmp_path).snapshot()) == then
    store.replace_partition(DAY, make_batch(DAY, ["a", "b", "c"], seed=7))
    calendar.wait(1)
    store.upkeep(0)
    assert store.snapshot().items()["item_id"].to_pylist() == ["a", "b", "c", "next"]
    assert len(parquet_files(tmp_path)) == 6


def in_pieces(table: DeltaTable, rows: Any, **options: Any) -> None:
    """Write a partition as several files."""
    write_deltalake(table, rows.slice(0, 3), **options)
    for start in range(3, rows.num_rows, 3):
        write_deltalake(
            table,
            rows.slice(start, 3),
            mode="append",
            writer_properties=options["writer_properties"],
        )


@pytest.fixture
def crowded(store: DeltaFeatureStore, monkeypatch: pytest.MonkeyPatch) -> dict[str, PartitionBatch]:
    """The store has two days of many files, and one day that has as few as can be."""
    days = {
        ds: canonical(tried_again(make_batch(ds, [f"{n}" for n in range(10)], images=2, seed=seed)))
        for seed, ds in enumerate(DAYS[:2])
    }
    with monkeypatch.context() as patch:
        patch.setattr(delta_table, "write_deltalake", in_pieces)
        for ds, batch in days.items():
            store.replace_partition(ds, batch, base="b")
    store.replace_partition(DAYS[2], make_batch(DAYS[2], ["few"]))
    return days


def files_of(store: DeltaFeatureStore) -> int:
    return store.size().live_files


@pytest.mark.usefixtures("aged")
def test_small_files_are_put_together_and_pinned_again(
    store: DeltaFeatureStore, crowded: dict[str, PartitionBatch], calendar: Calendar
) -> None:
    log, then, held = store.log(), said(store.snapshot()), store.snapshot()
    assert files_of(store) > 30
    done = store.upkeep(30)
    assert (done.compacted_partitions, done.forgotten_commits) == (2, 0)
    assert files_of(store) == 9
    again = store.commits()
    assert [commit.version > old.version for commit, old in zip(again, log, strict=True)] == [
        True, True, False,
    ]  # fmt: skip
    for commit, old in zip(again, log, strict=True):
        assert (commit.content_hash, commit.base) == (old.content_hash, old.base)
    for ds, batch in crowded.items():
        assert rows_hash(store.partition(ds)[0]) == rows_hash(batch)
        assert store.replace_partition(ds, batch, base="b") in again
    calendar.wait(31)
    store.upkeep(30)
    assert said(store.snapshot()) == then
    assert said(store.snapshot(log[-1].version)) == then
    with pytest.raises(StoreError, match="cannot be read"):  # older than the history
        said(held)
    assert store.upkeep(30) == StoreUpkeep(0, 0, 0, 0)


def test_readers_of_the_old_files_are_not_disturbed(
    store: DeltaFeatureStore, crowded: dict[str, PartitionBatch], calendar: Calendar
) -> None:
    held, version = store.snapshot(), store.snapshot().version
    then = said(store.snapshot())
    calendar.wait(1)
    assert store.upkeep(0).compacted_partitions == 2
    assert said(held) == said(store.snapshot(version)) == then
    batch = make_batch(DAY, ["z"])
    newest = next(commit for commit in reversed(store.log()) if commit.ds == DAY)
    made_from = next(commit for commit in store.log() if commit.ds == DAY)
    assert newest.version > made_from.version
    store.replace_partition(DAY, batch, replaces=made_from.version)


def test_an_upkeep_that_was_killed_before_it_pinned_is_taken_up(
    store: DeltaFeatureStore, crowded: dict[str, PartitionBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    then = said(store.snapshot())
    with monkeypatch.context() as patch:
        patch.setattr(CommitLog, "append", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.upkeep(30)
    assert said(store.snapshot()) == then
    assert store.upkeep(30).compacted_partitions == 2
    assert files_of(store) == 9
    assert said(store.snapshot()) == then


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_writer_that_replaces_the_day_meanwhile_wins(
    store: DeltaFeatureStore,
    crowded: dict[str, PartitionBatch],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    moment: str,
) -> None:
    compact: Callable[..., None] = PartitionedTable.compact
    other = make_batch(DAY, ["other"], seed=5)
    turns = iter([True])

    def beside_a_writer(table: PartitionedTable, opened: DeltaTable, ds: str | None = None) -> None:
        mine = ds == DAY and table.name == "features" and next(turns, False)
        if mine and moment == "before":
            DeltaFeatureStore(tmp_path).replace_partition(DAY, other)
        compact(table, opened, ds)
        if mine and moment == "after":
            DeltaFeatureStore(tmp_path).replace_partition(DAY, other)

    monkeypatch.setattr(PartitionedTable, "compact", beside_a_writer)
    assert store.upkeep(30).compacted_partitions == 1
    assert next(turns, None) is None
    assert rows_hash(store.partition(DAY)[0]) == rows_hash(canonical(other))
    assert store.commits()[0].items == 1


def test_upkeep_runs_beside_a_writer(tmp_path: Path) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(NEXT, make_batch(NEXT, ["next"]))
    with start_writer(tmp_path, DAY, "1", "--times", "8") as writer:
        while writer.poll() is None:
            store.upkeep(0)
            assert "next" in store.snapshot().items()["item_id"].to_pylist()
    assert writer.returncode == 0
    store.upkeep(0)
    titles = store.snapshot().items()["title"].to_pylist()
    assert titles == ["title 8"] * 3 + ["title 0"]


def test_upkeep_of_an_empty_store_does_nothing(store: DeltaFeatureStore, tmp_path: Path) -> None:
    assert store.upkeep(1) == StoreUpkeep(0, 0, 0, 0)
    assert list(tmp_path.iterdir()) == []
