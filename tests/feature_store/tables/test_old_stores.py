"""Stores that older versions wrote: read as they read them, and written on."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from feature_store.errors import StoreError
from feature_store.tables import Snapshot, upkeep
from feature_store.tables.content import canonical, rows_hash
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import DETECTOR, EXTRACTOR, make_batch
from tests.feature_store.tables.test_delta import start_writer
from tests.feature_store.tables.test_history_contract import tried_again
from tests.feature_store.tables.test_upkeep import Calendar

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = sorted(path.stem for path in GOLDEN.glob("*.json"))
OLD, NEW = "2026-03-01", "2026-03-04"


@pytest.fixture(params=VERSIONS)
def said(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What the version said of its store, a copy of which is in `tmp_path`."""
    shutil.copytree(GOLDEN / request.param, tmp_path, dirs_exist_ok=True)
    read: dict[str, Any] = json.loads((GOLDEN / f"{request.param}.json").read_text())
    return read


def described(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot in the words of the golden file."""
    entries = ("item_id", "image_index", "status", "reason")
    rows = ("item_id", "image_index", "region_id", "vector")
    return {
        "version": snapshot.version,
        "content_hash": snapshot.content_hash,
        "items": snapshot.items()["item_id"].to_pylist(),
        "titles": snapshot.items()["title"].to_pylist(),
        "ledger": snapshot.ledger().select(entries).to_pylist(),
        "extractors": snapshot.extractors(),
        "features": {
            extractor: [
                [row[name] for name in rows]
                for batch in snapshot.features(extractor)
                for row in batch.select(rows).to_pylist()
            ]
            for extractor in snapshot.extractors()
        },
    }


def check_history(store: DeltaFeatureStore, said: dict[str, Any]) -> None:
    for version, snapshot in said["versions"].items():
        assert described(store.snapshot(int(version))) == snapshot


def test_an_old_store_is_read_as_it_was(tmp_path: Path, said: dict[str, Any]) -> None:
    store = DeltaFeatureStore(tmp_path)
    check_history(store, said)
    names = said["commits"][0].keys()
    commits = [{name: getattr(commit, name) for name in names} for commit in store.commits()]
    assert commits == said["commits"]
    assert {(commit.base, commit.committed_at) for commit in store.log()} == {("", None)}
    # Commits without a time are older than any time.
    long_ago = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    assert store.snapshot(long_ago).version == max(commit.version for commit in store.log())
    item = store.snapshot().items()["item_id"][0].as_py()
    about = store.snapshot().about(item)
    images = about.ledger["image_id"].drop_null().to_pylist()
    assert set(store.known(images, DETECTOR, [EXTRACTOR]).regions["image_id"].to_pylist()) == set(
        images
    )
    uris = about.ledger["image_uri"].unique().to_pylist()
    assert store.sources(uris)["fingerprint"].null_count == len(uris)


def test_an_old_store_is_written_on(tmp_path: Path, said: dict[str, Any]) -> None:
    store = DeltaFeatureStore(tmp_path)
    log = store.log()
    held, version = store.partition(OLD)
    newest = next(commit for commit in log if commit.version == version)
    assert store.replace_partition(OLD, held) == newest
    added = store.replace_partition(NEW, tried_again(make_batch(NEW, ["new"])), base="b")
    assert added.committed_at is not None
    again = store.replace_partition(OLD, tried_again(held), replaces=version)
    assert again.content_hash == newest.content_hash
    other = store.replace_partition(OLD, tried_again(make_batch(OLD, ["a"], seed=9)))
    store = DeltaFeatureStore(tmp_path)
    assert store.log() == [*log, added, again, other]
    check_history(store, said)
    assert rows_hash(store.partition(NEW)[0]) == rows_hash(
        canonical(tried_again(make_batch(NEW, ["new"])))
    )
    assert store.snapshot(added.version).ledger()["attempts"].drop_null().to_pylist() == [2]
    assert store.partition(OLD)[0].ledger["attempts"].to_pylist() == [2]
    assert "new" in store.snapshot().items()["item_id"].to_pylist()
    assert store.snapshot(added.committed_at).version == added.version


def test_an_old_store_is_kept_up(tmp_path: Path, said: dict[str, Any]) -> None:
    store = DeltaFeatureStore(tmp_path)
    store.upkeep(30)
    check_history(DeltaFeatureStore(tmp_path), said)
    store.replace_partition(OLD, make_batch(OLD, ["a"], seed=9))
    store.upkeep(30)  # what was superseded before there were times counts as superseded now
    check_history(DeltaFeatureStore(tmp_path), said)


def test_what_was_superseded_before_there_were_times_is_forgotten_in_time(
    tmp_path: Path, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "YOUNG_HOURS", 0)
    calendar = Calendar()
    store = DeltaFeatureStore(tmp_path, clock=calendar)
    store.replace_partition(NEW, make_batch(NEW, ["new"]))  # from now on there are times
    calendar.wait(29)
    assert store.upkeep(30).forgotten_commits == 0
    check_history(store, said)
    calendar.wait(2)
    assert store.upkeep(30).forgotten_commits == 1
    with pytest.raises(StoreError, match=f"the rows of version 1, which {OLD} had"):
        store.snapshot(1)
    newest = max(said["versions"], key=int)
    assert described(store.snapshot(int(newest))) == said["versions"][newest]


def test_upkeep_of_an_old_store_pins_no_killed_writers_rows(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    with start_writer(tmp_path, OLD, "7", "--die-after", "2") as killed:
        assert killed.wait() == -signal.SIGKILL
    assert DeltaFeatureStore(tmp_path).upkeep(30).compacted_partitions == 0
    check_history(DeltaFeatureStore(tmp_path), said)


def test_the_golden_store_has_what_the_test_is_about(said: dict[str, Any], tmp_path: Path) -> None:
    held = DeltaFeatureStore(tmp_path).partition(OLD)[0]
    assert isinstance(held.items, pa.Table)
    assert held.items.num_rows
    assert len(said["versions"]) > 1
