"""The gate before the store: nothing enters that was not checked as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from feature_store.errors import GateError, StoreError
from feature_store.ingest import (
    check_partition,
    commit_partition,
    ingest_partition,
    plan_partition,
    process_shard,
    read_ledger,
)
from feature_store.ingest.models import Models
from feature_store.ingest.result import ShardResult
from feature_store.ingest.staging import forget_day, planned_folder, write_table
from feature_store.quality import QualitySettings
from feature_store.runs import read_runs
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.feature_store.batches import replaced
from tests.feature_store.ingest.shop import BoxDetector, ColourExtractor, Shop, quick_models

DS = "2026-03-01"


def describe(settings: Settings, extractor: ColourExtractor | None = None) -> list[str]:
    plan = plan_partition(DataInterval.day(DS), settings)
    for shard in plan.shards:
        process_shard(shard, settings, Models(BoxDetector(), extractor or ColourExtractor()))
    return list(plan.shards)


def spoil(shard: str) -> None:
    """Make the first vector of a described shard zero."""
    path = Path(shard)
    result = ShardResult.of(path)
    assert result is not None
    _, features = result.tables(path.parent)
    write_table(path.parent / result.features, replaced(features, "vector", 0, [0.0] * 24))


def test_a_checked_day_is_committed_once(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = shop.settings(home)
    describe(settings)
    assert check_partition(DS, settings).passed
    done = commit_partition(DS, settings)
    commit = done.commit
    assert (commit.items, commit.images, commit.regions) == (6, 6, 12)
    assert (done.changed, done.summary.detected, done.summary.embedded) == (True, 6, 12)
    again = commit_partition(DS, settings)
    assert (again.commit, again.changed) == (commit, False)
    assert open_store(settings).snapshot().version == commit.version


def test_content_that_is_committed_already_is_not_measured_again(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = shop.settings(home)
    describe(settings)
    assert len(check_partition(DS, settings).checks) > 1
    commit = commit_partition(DS, settings).commit
    describe(settings)
    report = check_partition(DS, settings)
    assert (report.passed, [check.name for check in report.checks]) == (True, ["content"])
    assert commit_partition(DS, settings).commit == commit
    spoil(describe(settings)[0])
    assert not check_partition(DS, settings).passed


def test_a_faulty_batch_is_refused_and_the_report_kept(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = shop.settings(home)
    shards = describe(settings)
    spoil(shards[1])
    report = check_partition(DS, settings)
    with pytest.raises(GateError, match=r"1 of 12 vectors do not have the norm 1.*'item 04'"):
        report.raise_if_failed()
    kept = json.loads((Path(shards[0]).parent / "gate.json").read_text())
    assert kept["report"] == report.to_dict()
    with pytest.raises(GateError, match="vector norm"):
        commit_partition(DS, settings)
    assert open_store(settings).commits() == []


def test_what_was_not_checked_is_not_committed(shop: Shop, home: Path) -> None:
    shop.stock(2)
    settings = shop.settings(home)
    shards = describe(settings)
    with pytest.raises(GateError, match="has not been checked"):
        commit_partition(DS, settings)
    check_partition(DS, settings)
    spoil(shards[0])
    with pytest.raises(GateError, match="described again after its check"):
        commit_partition(DS, settings)


def test_a_gate_can_be_relaxed_for_a_run(shop: Shop, home: Path) -> None:
    shop.sell("a", shop.draw("a.png", 1), "lost1.png", "lost2.png", "lost3.png")
    settings = shop.settings(home)
    describe(settings)
    assert not check_partition(DS, settings).passed
    relaxed = replace(settings, quality=QualitySettings(min_indexed_share=0.2))
    assert check_partition(DS, relaxed).passed
    assert commit_partition(DS, relaxed).commit.images == 4


def test_a_day_that_is_not_finished_says_what_is_missing(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = shop.settings(home)
    with pytest.raises(StoreError, match="has not been planned"):
        check_partition(DS, settings)
    plan = plan_partition(DataInterval.day(DS), settings)
    process_shard(plan.shards[0], settings, quick_models())
    with pytest.raises(StoreError, match=r"shard-00001\.parquet has not been described"):
        check_partition(DS, settings)


def test_shards_of_different_models_are_not_mixed(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = shop.settings(home)
    shards = describe(settings)
    other = ColourExtractor("colours@00000000ffff")
    process_shard(shards[1], settings, Models(BoxDetector(), other))
    with pytest.raises(StoreError, match="2 different models"):
        check_partition(DS, settings)
    process_shard(shards[0], settings, Models(BoxDetector(), other))
    assert check_partition(DS, settings).passed


def test_what_was_staged_is_removed_with_the_commit(shop: Shop, home: Path) -> None:
    shop.stock(2)
    describe(shop.settings(home))
    shop.sell("more", shop.draw("more.png", 50))
    settings = shop.settings(home)
    describe(settings)
    assert len([path for path in (home / "staging" / DS).iterdir() if path.is_dir()]) == 2
    check_partition(DS, settings)
    commit_partition(DS, settings)
    assert not (home / "staging" / DS).exists()
    assert read_ledger(DS, settings).num_rows == 3


def test_the_plan_of_another_run_is_not_removed(shop: Shop, home: Path) -> None:
    shop.stock(2)
    settings = shop.settings(home)
    describe(settings)
    committed = planned_folder(home / "staging" / DS)
    shop.sell("more", shop.draw("more.png", 50))
    other = plan_partition(DataInterval.day(DS), shop.settings(home))
    forget_day(committed)
    assert planned_folder(home / "staging" / DS) == Path(other.folder)
    assert all(Path(shard).is_file() for shard in other.shards)


def test_a_kill_while_the_staged_files_are_removed_does_no_harm(shop: Shop, home: Path) -> None:
    shop.stock(2)
    settings = shop.settings(home)
    (shard,) = describe(settings)
    check_partition(DS, settings)
    left = {path: path.read_bytes() for path in Path(shard).parent.glob("*.json")}
    commit = commit_partition(DS, settings).commit
    Path(shard).parent.mkdir(parents=True)
    for path, content in left.items():  # all but the plan's own file, which goes first
        if path.name != "plan.json":
            path.write_bytes(content)
    assert ingest_partition(DataInterval.day(DS), settings, models=quick_models()) == commit


def test_each_run_is_recorded_and_so_is_a_failed_gate(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = shop.settings(home)
    shards = describe(settings)
    whole = Path(shards[1]), ShardResult.of(Path(shards[1])).tables(Path(shards[1]).parent)
    spoil(shards[1])
    check_partition(DS, settings)
    write_table(next(whole[0].parent.glob("shard-00001.*.features.parquet")), whole[1][1])
    check_partition(DS, settings)
    commit_partition(DS, settings)
    ingest_partition(DataInterval.day(DS), settings, models=quick_models())
    runs = read_runs(home)
    assert [run.outcome for run in runs] == ["failed", "committed", "unchanged"]
    assert runs[0].detail["failed_checks"] == ["vector norm"]
    counts = [(r.ds, r.images, r.reused, r.detected, r.embedded, r.failed) for r in runs]
    assert counts == [(DS, 6, 0, 6, 12, 0)] * 2 + [(DS, 6, 6, 0, 0, 0)]


def test_the_ledger_is_complete_in_the_store(shop: Shop, home: Path) -> None:
    hostile = ["o'brien\"", "👜 似たもの", "é" * 1024]
    for number, item in enumerate(hostile):
        shop.sell(item, shop.draw(f"{number}.png", number), "lost.png" if number == 1 else "0.png")
    shop.sell("no photo")
    settings = shop.settings(home)
    describe(settings)
    assert check_partition(DS, settings).passed
    commit_partition(DS, settings)
    snapshot = open_store(settings).snapshot()
    ordered = sorted(hostile, key=str.encode)
    assert snapshot.items()["item_id"].to_pylist() == ordered
    assert snapshot.ledger()["item_id"].to_pylist() == [i for i in ordered for _ in range(2)]
    features = pa.Table.from_batches(snapshot.features("colours@00000000000e"))
    assert set(features["item_id"].to_pylist()) == set(hostile)
