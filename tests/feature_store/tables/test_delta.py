"""The Delta store under writers that are killed, that meet, and that leave things behind."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from feature_store.errors import CommitConflictError, StoreError
from feature_store.tables import commits
from feature_store.tables.commits import CommitLog, LoggedCommit
from feature_store.tables.content import canonical, content_hash
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.delta_table import Pin
from feature_store.tables.location import Location
from feature_store.tables.store import Commit
from tests.feature_store.batches import DETECTOR, EXTRACTOR, image_id, make_batch
from tests.feature_store.tables.writer import CONFLICT

DAY, NEXT = "2026-03-01", "2026-03-02"
ROOT = Path(__file__).parents[3]


def start_writer(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.feature_store.tables.writer", str(folder), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wanted_hash(seed: int) -> str:
    return content_hash(canonical(make_batch(DAY, ["a", "b", "c"], seed=seed)))


def everything(store: DeltaFeatureStore) -> tuple[object, ...]:
    snapshot = store.snapshot()
    features = pa.Table.from_batches(list(snapshot.features(EXTRACTOR)))
    tables = (snapshot.items(), snapshot.ledger(), features)
    return (snapshot.version, snapshot.content_hash, *(table.to_pylist() for table in tables))


@pytest.mark.parametrize("tables", [0, 1, 2, 3])
def test_a_killed_writer_changes_nothing_and_its_rerun_repairs(tmp_path: Path, tables: int) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(DAY, make_batch(DAY, ["a", "b", "old"]))
    store.replace_partition(NEXT, make_batch(NEXT, ["next"]))
    before = everything(store)
    with start_writer(tmp_path, DAY, "7", "--die-after", str(tables)) as killed:
        assert killed.wait() == -signal.SIGKILL
    assert everything(store) == before
    assert store.known([image_id("a", 0, 7)], DETECTOR, [EXTRACTOR]).regions.num_rows == 0
    # A neighbour's commit pins newer versions of the tables: it must not show the half one.
    store.replace_partition(NEXT, make_batch(NEXT, ["next"], seed=1))
    titles = store.snapshot(before=NEXT).items().select(["item_id", "title"]).to_pylist()
    assert titles == [{"item_id": item, "title": "title 0"} for item in ("a", "b", "old")]
    rerun = DeltaFeatureStore(tmp_path).replace_partition(
        DAY, make_batch(DAY, ["a", "b", "c"], seed=7)
    )
    assert rerun.content_hash == wanted_hash(7)
    assert store.snapshot().items()["item_id"].to_pylist() == ["a", "b", "c", "next"]


def corrupt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def corrupt_the_vectors(path: Path) -> None:
    """The head of the first page of vectors, so that the file opens and its other columns read."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(n) for n in range(group.num_columns)]
    vectors = next(column for column in columns if column.path_in_schema.startswith("vector"))
    data = bytearray(path.read_bytes())
    start = vectors.dictionary_page_offset or vectors.data_page_offset
    data[start : start + vectors.total_compressed_size] = bytes(vectors.total_compressed_size)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [corrupt, corrupt_the_vectors, Path.unlink])
def test_a_damaged_file_is_an_error_of_the_store(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    for path in (tmp_path / "features").glob("ds=*/extractor=*/*.parquet"):
        damage(path)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        list(store.snapshot().features(EXTRACTOR))
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="cannot be read"):
        store.known([image_id("a", 0, 0)], DETECTOR, [EXTRACTOR])
    if damage is not corrupt_the_vectors:
        with pytest.raises(StoreError, match=f"the partition {DAY} of features cannot be read"):
            store.snapshot().extractors()


def test_a_killed_first_writer_leaves_an_empty_store(tmp_path: Path) -> None:
    with start_writer(tmp_path, DAY, "7", "--die-after", "2") as killed:
        assert killed.wait() == -signal.SIGKILL
    store = DeltaFeatureStore(tmp_path)
    assert (store.commits(), store.snapshot().items().num_rows) == ([], 0)
    store.replace_partition(DAY, make_batch(DAY, ["a", "b", "c"], seed=7))
    assert store.commits()[0].content_hash == wanted_hash(7)


def test_the_old_content_written_again_clears_what_a_killed_writer_left(tmp_path: Path) -> None:
    store = DeltaFeatureStore(tmp_path)
    batch = make_batch(DAY, ["a", "old"])
    commit = store.replace_partition(DAY, batch)
    with start_writer(tmp_path, DAY, "7", "--die-after", "2") as killed:
        assert killed.wait() == -signal.SIGKILL
    again = store.replace_partition(DAY, batch)
    assert again.content_hash == commit.content_hash
    newest = DeltaTable(tmp_path / "features").to_pyarrow_table(columns=["item_id"])
    assert sorted(set(newest["item_id"].to_pylist())) == ["a", "old"]
    assert store.replace_partition(DAY, batch) == again


def race(tmp_path: Path, *writers: tuple[str, ...]) -> list[tuple[int, str]]:
    """Run writers at the same moment; return each one's exit status and what it said."""
    folder, go = tmp_path / "store", tmp_path / "go"
    ready = [tmp_path / f"ready {n}" for n in range(len(writers))]
    started = [
        start_writer(folder, *arguments, "--ready", str(mark), "--go", str(go))
        for arguments, mark in zip(writers, ready, strict=True)
    ]
    while not all(mark.exists() for mark in ready):
        assert all(writer.poll() is None for writer in started)
        time.sleep(0.01)
    go.touch()
    return [(writer.wait(), writer.communicate()[0]) for writer in started]


def test_of_two_writers_of_one_partition_each_wins_whole_or_is_told(tmp_path: Path) -> None:
    results = race(tmp_path, (DAY, "100", "--times", "5"), (DAY, "200", "--times", "5"))
    assert {status for status, _ in results} <= {0, CONFLICT}
    said = [line.split() for _, output in results for line in output.splitlines()]
    assert said
    store = DeltaFeatureStore(tmp_path / "store")
    versions = {int(version): content for version, content in said}
    assert len(versions) == len(said)
    assert set(versions.values()) <= {
        wanted_hash(seed + n) for seed in (100, 200) for n in range(5)
    }
    newest = store.commits()[0]
    assert versions[newest.version] == newest.content_hash
    for version in versions:  # every snapshot ever committed is one writer's, never a mixture
        snapshot = store.snapshot(version)
        images = {i for b in snapshot.features(EXTRACTOR) for i in b["image_id"].to_pylist()}
        assert set(snapshot.ledger()["image_id"].to_pylist()) == images
        assert len(set(snapshot.items()["title"].to_pylist())) == 1


def test_two_writers_of_the_same_content_agree(tmp_path: Path) -> None:
    results = race(tmp_path, (DAY, "5"), (DAY, "5"))
    assert {status for status, _ in results} == {0}
    assert results[0][1] == results[1][1]
    assert len(DeltaFeatureStore(tmp_path / "store").commits()) == 1


def test_neighbouring_partitions_commit_side_by_side(tmp_path: Path) -> None:
    results = race(tmp_path, (DAY, "1", "--times", "4"), (NEXT, "2", "--times", "4"))
    assert [status for status, _ in results] == [0, 0]
    said = [line.split()[0] for _, output in results for line in output.splitlines()]
    assert len(set(said)) == 8
    store = DeltaFeatureStore(tmp_path / "store")
    assert [commit.ds for commit in store.commits()] == [DAY, NEXT]
    titles = store.snapshot(before=NEXT).items()["title"].to_pylist()
    assert titles == ["title 4"] * 3


def test_a_writer_that_was_overtaken_is_refused(tmp_path: Path) -> None:
    log = CommitLog(Location(tmp_path / "commits"))
    pins = {name: Pin(DAY, 1, "") for name in commits.TABLES}

    def draft(content: str) -> LoggedCommit:
        return LoggedCommit(Commit(0, DAY, content, 1, 1, 1, 0), pins)

    first = log.append(draft("one"), None)
    assert log.append(draft("one"), None) == first
    with pytest.raises(CommitConflictError, match="another writer has replaced"):
        log.append(draft("two"), None)
    assert log.append(draft("two"), log.read()[-1]).version > first.version


def test_times_in_the_log_never_run_backwards(tmp_path: Path) -> None:
    noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    times = [noon, noon - dt.timedelta(hours=1), noon + dt.timedelta(hours=1)]
    clock = iter(times)
    for number in range(len(times)):
        store = DeltaFeatureStore(tmp_path, clock=lambda: next(clock))
        store.replace_partition(DAY, make_batch(DAY, ["a"], seed=number))
    log = DeltaFeatureStore(tmp_path).log()
    assert [commit.committed_at for commit in log] == [noon, noon, times[2]]
    assert DeltaFeatureStore(tmp_path).snapshot(noon).version == log[1].version


def test_a_clock_that_ran_far_ahead_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every later commit has its time, so that nothing is forgotten for as long: never silently."""
    noon = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    for number, at in enumerate((noon, noon.replace(year=2036), noon)):
        assert not caplog.records
        store = DeltaFeatureStore(tmp_path, clock=lambda at=at: at)  # type: ignore[misc]
        store.replace_partition(DAY, make_batch(DAY, ["a"], seed=number))
    [record] = caplog.records
    assert "2036-03-01T12:00:00+00:00, and this machine's clock says 2026" in record.getMessage()


def test_the_log_is_compacted_and_keeps_every_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "FILES_BEFORE_COMPACTION", 4)
    store = DeltaFeatureStore(tmp_path)
    written = [store.replace_partition(DAY, make_batch(DAY, ["a"], seed=seed)) for seed in range(9)]
    assert len(DeltaTable(tmp_path / "commits").file_uris()) <= 4
    assert len({commit.version for commit in written}) == 9
    for seed, commit in enumerate(written):
        items = store.snapshot(commit.version).items()
        assert items["title"].to_pylist() == [f"title {seed}"]
    assert store.snapshot().version == written[-1].version


def test_compacted_tables_read_the_same(tmp_path: Path) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    before = everything(store)
    for name in ("features", "ledger", "items"):
        DeltaTable(tmp_path / name).optimize.z_order(["item_id"])
    assert everything(DeltaFeatureStore(tmp_path)) == before


def test_a_store_that_lost_its_files_says_so(tmp_path: Path) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    (tmp_path / "items" / "_delta_log" / "00000000000000000000.json").unlink()
    with pytest.raises(StoreError, match="items cannot be opened"):
        store.snapshot().items()


@pytest.mark.parametrize("name", ["[home]", "100%25", "a|b", "back\\slash"])
def test_a_folder_that_delta_cannot_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="choose a home"):
        DeltaFeatureStore(tmp_path / name)


@pytest.mark.parametrize("name", ["似たもの", "50% off", "a b'c#d?", "~x"])
def test_other_folders_are_fine(tmp_path: Path, name: str) -> None:
    store = DeltaFeatureStore(tmp_path / name)
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    assert store.snapshot().items().num_rows == 1


def test_the_spool_leaves_nothing_behind(tmp_path: Path) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    unfinished = store.snapshot().features(EXTRACTOR)
    next(unfinished)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "commits", "features", "items", "ledger",
    ]  # fmt: skip


def test_a_store_at_a_url_is_as_good_as_one_in_a_folder(tmp_path: Path) -> None:
    url = tmp_path.as_uri() + "/store"
    store = DeltaFeatureStore(url + "/")
    commit = store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    store.replace_partition(DAY, make_batch(DAY, ["c"], seed=1))
    store.upkeep(30)
    store = DeltaFeatureStore(url)
    assert everything(store) == everything(DeltaFeatureStore(tmp_path / "store"))
    assert store.snapshot(commit.version).items()["item_id"].to_pylist() == ["a", "b"]
    assert store.known([image_id("c", 0, 1)], DETECTOR, [EXTRACTOR]).vectors.num_rows == 2
    assert store.size() == DeltaFeatureStore(tmp_path / "store").size()


def test_a_url_that_arrow_does_not_know_is_refused() -> None:
    with pytest.raises(StoreError, match=r"cannot hold a store .* begins with s3://"):
        Location("shelf://shop/store").files()
