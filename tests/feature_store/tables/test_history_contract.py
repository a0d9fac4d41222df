"""What every feature store must remember: which commit a batch replaces, times, one item's past."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pytest

from feature_store.errors import CommitConflictError, StoreError
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables import FeatureStore, PartitionBatch
from feature_store.tables.content import canonical, content_hash, rows_hash
from tests.feature_store.batches import EXTRACTOR, image_id, make_batch, replaced
from tests.feature_store.tables.conftest import OpenStore

DAY, NEXT, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
TRIED = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def tried_again(batch: PartitionBatch, attempts: int = 2) -> PartitionBatch:
    """The same content by other books."""
    ledger = replaced(batch.ledger, "attempts", 0, attempts)
    ledger = replaced(ledger, "tried_at", 0, TRIED + dt.timedelta(hours=attempts))
    return replace(batch, ledger=replaced(ledger, "fingerprint", 0, f"etag:{attempts}"))


def titles(store: FeatureStore, **which: object) -> dict[str, str]:
    items = store.snapshot(**which).items()  # type: ignore[arg-type]
    return dict(zip(items["item_id"].to_pylist(), items["title"].to_pylist(), strict=True))


def test_other_bookkeeping_is_a_new_commit_of_the_same_content(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a", "b"])
    first = store.replace_partition(DAY, batch)
    second = store.replace_partition(DAY, tried_again(batch))
    assert second.version > first.version
    assert second.content_hash == first.content_hash == content_hash(canonical(batch))
    assert store.snapshot().content_hash == store.snapshot(first.version).content_hash
    assert store.snapshot().ledger()["attempts"].to_pylist() == [2, None]
    assert store.snapshot().ledger()["tried_at"][0].as_py() == TRIED + dt.timedelta(hours=2)
    assert store.snapshot(first.version).ledger()["attempts"].to_pylist() == [None, None]
    assert store.replace_partition(DAY, tried_again(batch)) == second


def test_another_base_is_a_new_commit_of_the_same_content(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a"])
    first = store.replace_partition(DAY, batch, base="b1")
    assert first.base == "b1"
    assert store.replace_partition(DAY, batch, base="b1") == first
    second = store.replace_partition(DAY, batch, base="b2")
    assert (second.base, second.content_hash) == ("b2", first.content_hash)
    assert second.version > first.version
    assert store.commits() == [second]


def test_the_log_has_every_commit_in_order(store: FeatureStore, open_again: OpenStore) -> None:
    assert store.log() == []
    written = [
        store.replace_partition(ds, make_batch(ds, ["a"], seed=seed), base=f"{seed}")
        for seed, ds in enumerate([NEXT, DAY, NEXT])
    ]
    assert open_again().log() == written
    assert open_again().commits() == [written[1], written[2]]
    times = [commit.committed_at for commit in written]
    assert all(time is not None and time.utcoffset() == dt.timedelta(0) for time in times)
    assert times == sorted(times, key=str)


def test_a_partition_is_read_back_as_it_was_written(store: FeatureStore) -> None:
    assert store.partition(DAY)[1] == 0
    assert [len(store.partition(DAY)[0].items), len(store.partition(DAY)[0].features)] == [0, 0]
    batch = canonical(tried_again(make_batch(DAY, ["b", "a"], deleted=["gone"], images=2)))
    other = make_batch(DAY, ["b", "a"], images=2, extractor="shapes@0123456789ab")
    batch = canonical(replace(batch, features=pa.concat_tables([batch.features, other.features])))
    store.replace_partition(DAY, make_batch(DAY, ["old"]))
    commit = store.replace_partition(DAY, batch)
    store.replace_partition(NEXT, make_batch(NEXT, ["a"], seed=1))
    found, version = store.partition(DAY)
    assert version == commit.version
    assert rows_hash(found) == rows_hash(batch)
    for name, schema in (("items", ITEMS), ("ledger", LEDGER), ("features", FEATURES)):
        assert getattr(found, name).schema.equals(schema)
    with pytest.raises(StoreError, match="YYYY-MM-DD"):
        store.partition("today")


def test_a_batch_replaces_the_commit_it_was_made_from_or_nothing(store: FeatureStore) -> None:
    first = store.replace_partition(DAY, make_batch(DAY, ["a"]), replaces=0)
    second = store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1), replaces=first.version)
    for stale in (0, first.version):
        with pytest.raises(CommitConflictError, match=f"replaced the partition {DAY}"):
            store.replace_partition(DAY, make_batch(DAY, ["a"], seed=2), replaces=stale)
    assert titles(store) == {"a": "title 1"}
    assert store.log() == [first, second]
    # What the newest commit holds already is no conflict, whatever it was made from.
    assert store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1), replaces=0) == second
    store.replace_partition(DAY, make_batch(DAY, ["a"], seed=3))
    assert titles(store) == {"a": "title 3"}


def test_a_version_that_is_no_commit_of_the_day_cannot_be_replaced(store: FeatureStore) -> None:
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    other = store.replace_partition(NEXT, make_batch(NEXT, ["a"]))
    for version in (other.version, 99):
        with pytest.raises(StoreError, match=f"no commit of {DAY} has the version {version}"):
            store.replace_partition(DAY, make_batch(DAY, ["b"], seed=1), replaces=version)


def test_as_of_a_time_is_the_newest_commit_by_then(store: FeatureStore) -> None:
    written = []
    for seed, ds in enumerate([NEXT, DAY, NEXT, THIRD]):
        written.append(store.replace_partition(ds, make_batch(ds, [f"{seed}"], seed=seed)))
    for commit in written:
        time = commit.committed_at
        assert time is not None
        sharing = [c.version for c in written if c.committed_at == time]
        elsewhere = time.astimezone(dt.timezone(dt.timedelta(hours=-7)))
        for same in (time, elsewhere):
            assert store.snapshot(same).version == max(sharing)
            assert titles(store, as_of=same) == titles(store, as_of=max(sharing))
    begin, end = written[0].committed_at, written[-1].committed_at
    assert begin is not None
    assert end is not None
    assert store.snapshot(begin - dt.timedelta(microseconds=1)).version == 0
    assert titles(store, as_of=begin - dt.timedelta(days=1)) == {}
    assert store.snapshot(end + dt.timedelta(days=1)).version == written[-1].version
    assert titles(store, as_of=end, before=THIRD) == titles(store, before=THIRD)


def test_a_time_without_a_zone_is_refused(store: FeatureStore) -> None:
    with pytest.raises(StoreError, match="2026-03-01T12:00:00 has no time zone"):
        store.snapshot(TRIED.replace(tzinfo=None))


def test_about_says_all_of_one_item_and_of_no_other(store: FeatureStore) -> None:
    batch = make_batch(DAY, ["a", "b'", "gone"], images=2)
    other = make_batch(DAY, ["a", "b'"], images=2, extractor="shapes@0123456789ab")
    both = replace(batch, features=pa.concat_tables([batch.features, other.features]))
    first = store.replace_partition(DAY, both)
    store.replace_partition(NEXT, make_batch(NEXT, ["a"], deleted=["gone"], seed=1))
    then, now = store.snapshot(first.version), store.snapshot()
    assert then.about("a").items["title"].to_pylist() == ["title 0"]
    assert now.about("a").items["title"].to_pylist() == ["title 1"]
    assert now.about("a").ledger["image_id"].to_pylist() == [image_id("a", 0, 1)]
    b = now.about("b'")
    assert b.items["ds"].to_pylist() == [DAY]
    assert b.ledger["image_index"].to_pylist() == [0, 1]
    assert b.features.num_rows == 8
    assert set(b.features["extractor"].to_pylist()) == {EXTRACTOR, "shapes@0123456789ab"}
    assert then.about("gone").features.num_rows == 4
    for absent in ("gone", "never seen"):
        nothing = now.about(absent)
        assert nothing.items.equals(ITEMS.empty_table())
        assert nothing.ledger.equals(LEDGER.empty_table())
        assert nothing.features.equals(FEATURES.empty_table())


def test_a_store_knows_how_much_room_it_takes(store: FeatureStore) -> None:
    assert store.size().live_bytes == 0
    store.replace_partition(DAY, make_batch(DAY, [f"{n}" for n in range(200)]))
    full = store.size()
    assert full.live_files > 0
    assert 0 < full.live_bytes <= full.kept_bytes
    store.replace_partition(DAY, make_batch(DAY, ["a"], seed=1))
    assert store.size().live_bytes < full.live_bytes


def test_upkeep_changes_nothing_that_is_read(store: FeatureStore, open_again: OpenStore) -> None:
    store.upkeep(30)
    first = store.replace_partition(DAY, make_batch(DAY, ["a", "b"]))
    newest = store.replace_partition(DAY, make_batch(DAY, ["b", "c"], seed=1))
    store.replace_partition(NEXT, make_batch(NEXT, ["d"]))
    before = [titles(store), titles(store, as_of=first.version), store.snapshot().content_hash]
    held = store.snapshot(first.version)
    store.upkeep(30)
    assert [titles(s) for s in (store, open_again())] == [before[0]] * 2
    assert titles(open_again(), as_of=first.version) == before[1]
    assert open_again().snapshot().content_hash == before[2]
    assert [row["item_id"] for b in held.features(EXTRACTOR) for row in b.to_pylist()] == [
        "a", "a", "b", "b",
    ]  # fmt: skip
    # Nor does it stand in the way of a batch that was made before it.
    store.replace_partition(DAY, make_batch(DAY, ["e"]), replaces=newest.version)
    with pytest.raises(StoreError, match="days"):
        store.upkeep(-1)
