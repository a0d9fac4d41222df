"""The steps of an upkeep: what each removes, what it never does, and what it notes."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from feature_store.bundle.lease import hold
from feature_store.bundle.opening import registry_of
from feature_store.errors import StoreError
from feature_store.index.settings import IndexSettings
from feature_store.runs import Run, read_runs, record_run
from feature_store.settings import Settings
from feature_store.tables import open_store
from feature_store.tables import upkeep as tables_upkeep
from feature_store.upkeep import upkeep_bundles, upkeep_leftovers, upkeep_store
from feature_store.upkeep.settings import UpkeepSettings
from tests.feature_store.batches import make_batch
from tests.feature_store.upkeep.ages import age
from tests.feature_store.upkeep.conftest import FIRST, ITEMS, second_day, store


def test_the_store_forgets_what_was_superseded_long_ago(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_upkeep, "YOUNG_HOURS", 0)
    store(settings, days=20).replace_partition(FIRST, make_batch(FIRST, ITEMS, seed=1))
    held = open_store(settings).snapshot(1)
    recent = replace(settings, upkeep=UpkeepSettings(history_days=7))
    before = open_store(settings).snapshot()
    done = upkeep_store(recent)
    assert done.forgotten_commits == 1
    assert done.removed_files > 0
    after = open_store(settings).snapshot()
    assert (after.content_hash, after.items()) == (before.content_hash, before.items())
    with pytest.raises(StoreError):
        open_store(settings).snapshot(held.version).items()
    assert upkeep_store(recent).removed_files == 0
    runs = read_runs(settings.home)
    assert [(run.kind, run.outcome) for run in runs] == [
        ("upkeep", "done"),
        ("upkeep", "unchanged"),
    ]
    assert runs[0].detail == {"step": "store", **asdict(done)}


def test_a_reader_of_recent_history_is_not_hurt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_upkeep, "YOUNG_HOURS", 0)
    store(settings, days=2).replace_partition(FIRST, make_batch(FIRST, ITEMS, seed=1))
    held = open_store(settings).snapshot(1)
    upkeep_store(replace(settings, upkeep=UpkeepSettings(history_days=7)))
    assert held.items()["title"].unique().to_pylist() == ["title 0"]
    assert open_store(settings).snapshot(1).items().num_rows == len(ITEMS)


@pytest.fixture
def bundles(settings: Settings, bundle: Path) -> Settings:
    """Four bundles, proven as far as their manifests say, of which b is live and a was before."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    for number, name in enumerate(("a", "b", "c", "d"), start=1):
        other = Path(shutil.copytree(bundle, bundle.parent / name))
        changed = {"bundle_id": name, "created_at": f"2026-01-0{number}", "gate_passed": True}
        (other / "manifest.json").write_text(json.dumps({**manifest, **changed}))
    shutil.rmtree(bundle)
    flips = [json.dumps({"at": "", "action": "publish", "bundle_id": name}) for name in "ab"]
    (bundle.parent / "PUBLISHED.jsonl").write_text("\n".join(flips) + "\n")
    (bundle.parent / "CURRENT").write_text("b\n")
    return replace(settings, index=IndexSettings(keep_bundles=1))


def test_bundles_go_but_for_the_newest_the_live_one_and_the_one_before(bundles: Settings) -> None:
    before = [row.bundle_id for row in registry_of(bundles).list()]
    planned = upkeep_bundles(bundles, dry_run=True)
    assert planned.removed == ("c",)
    assert planned.freed_bytes > 1000
    assert [row.bundle_id for row in registry_of(bundles).list()] == before
    assert read_runs(bundles.home) == []
    assert upkeep_bundles(bundles) == planned
    assert sorted(row.bundle_id for row in registry_of(bundles).list()) == ["a", "b", "d"]
    assert upkeep_bundles(bundles).removed == ()
    assert [run.outcome for run in read_runs(bundles.home)] == ["done", "unchanged"]
    assert read_runs(bundles.home)[0].detail["removed"] == ["c"]


def test_leftovers_of_every_kind_go_once(settings: Settings) -> None:
    second_day(settings, days=3)
    shard = settings.staging / "2026-02-01" / "plan" / "shard.parquet"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"12345")
    (settings.home / ".models-x.part").write_bytes(b"12345")
    age(settings.staging, 8)
    age(settings.home / ".models-x.part", 2)
    record_run(settings.home, Run("ingest", FIRST, "2020-01-01T00:00:00+00:00", 1, "committed"))
    planned = upkeep_leftovers(settings, dry_run=True)
    assert (planned.staged_days, planned.thumbnails) == (1, 2)
    assert (planned.unfinished_files, planned.forgotten_runs) == (1, 1)
    assert planned.freed_bytes > 600
    assert shard.exists()
    assert len(read_runs(settings.home)) == 1
    assert upkeep_leftovers(settings) == planned
    assert not shard.exists()
    again = upkeep_leftovers(settings)
    assert not any(asdict(again).values())
    assert [run.outcome for run in read_runs(settings.home)] == ["done", "unchanged"]


def test_a_step_that_fails_says_so_in_the_log_of_runs(settings: Settings) -> None:
    for path in (settings.home / "store" / "commits").glob("*.parquet"):
        path.write_bytes(b"torn")
    with pytest.raises(StoreError):
        upkeep_leftovers(settings)
    (run,) = read_runs(settings.home)
    assert (run.outcome, run.detail["step"]) == ("failed", "leftovers")
    assert run.detail["error"]


def test_a_bundle_that_is_open_stays(bundles: Settings) -> None:
    held = hold(bundles.home / "bundles" / "c")
    assert held is not None
    assert upkeep_bundles(bundles).removed == ()
    held.release()
    assert upkeep_bundles(bundles).removed == ("c",)
