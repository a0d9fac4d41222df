"""`nitamono status`: the state of a home as JSON with stable names, and as a table."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from feature_store.bundle.tier import TierPointer
from feature_store.bundle.tiers import TierShelf
from feature_store.cli import main
from feature_store.cli.state import changed_at, measure_thumbnails
from feature_store.nightly import build_candidate
from feature_store.runs import Run, record_run
from feature_store.schemas import LEDGER
from feature_store.settings import Settings
from feature_store.tables import Commit, PartitionBatch
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import EXTRACTOR, make_batch, replaced

DAYS = ("2026-03-01", "2026-03-02")
OTHER = "shapes@0123456789ab"
NAMES = {
    *("home", "store", "store_location", "partitions", "partition_count", "first_partition"),
    *("newest_partition", "changed_at", "age_seconds", "stale_days", "snapshot_version"),
    *("content_hash", "items", "images", "images_indexed", "failed_by_reason", "dead_letters"),
    *("will_be_retried", "ledger_adds_up", "rows_rejected", "coverage", "extractors"),
    *("extractor_coverage", "model_active", "models_kept", "bundles_location", "live_bundle"),
    *("live_bundle_created_at", "live_bundle_is_current", "live_bundle_snapshot_version"),
    *("live_bundle_extractor", "live_bundle_items", "live_bundle_regions"),
    *("live_bundle_gate_passed", "previous_bundle", "bundles", "bundles_bytes", "last_runs"),
    *("pinned_since", "canary_bundle", "canary_share", "fresh_tier", "fresh_tier_at"),
    *("fresh_tier_snapshot_version", "fresh_tier_waiting"),
    *("store_live_bytes", "store_live_files", "store_kept_bytes", "store_kept_files"),
    *("staging_bytes", "staging_files", "thumbnails_bytes", "thumbnails_files"),
}
"""What programs may rely on."""


def ago(**time: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(**time)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six items, of which one will be asked for again and one is given up; two extractors."""
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    batch = make_batch(DAYS[0], [f"item {number}" for number in range(6)])
    ledger = batch.ledger
    for row, reason, attempts in ((0, "unreachable", 1), (1, "unreachable", 5), (2, "corrupt", 1)):
        for column, value in (
            ("status", "failed"), ("reason", reason), ("attempts", attempts), ("regions", 0),
        ):  # fmt: skip
            ledger = replaced(ledger, column, row, value)
    features = batch.features.slice(6)
    other = [{**row, "extractor": OTHER} for row in features.slice(0, 2).to_pylist()]
    more = pa.Table.from_pylist(other, schema=features.schema)
    first = PartitionBatch(batch.items, ledger.cast(LEDGER), pa.concat_tables([features, more]))
    store = DeltaFeatureStore(tmp_path / "store", clock=lambda: ago(hours=5))
    store.replace_partition(DAYS[0], first)
    rejected = [
        {"ds": DAYS[1], "item_id": "hat", "image_index": -1, "image_uri": "", "status": "failed",
         "reason": "row_invalid", "detail": "row 7: price", "regions": 0}
    ]  # fmt: skip
    second = make_batch(DAYS[1], ["item 6"])
    table = pa.concat_tables([second.ledger, pa.Table.from_pylist(rejected, schema=LEDGER)])
    store.replace_partition(DAYS[1], replace(second, ledger=table))
    return tmp_path


def call(*words: str) -> Result:
    result = CliRunner().invoke(main, ["status", *words])
    assert result.exit_code == 0, result.output
    return result


def read() -> dict[str, Any]:
    state: dict[str, Any] = json.loads(call("--json").output)
    assert set(state) == NAMES
    return state


def test_the_store_and_its_ledger(home: Path) -> None:
    state = read()
    assert (state["store"], state["store_location"]) == ("delta", str(home / "store"))
    assert (state["partitions"], state["partition_count"]) == ([*DAYS], 2)
    assert (state["first_partition"], state["newest_partition"]) == DAYS
    assert 5 * 3600 <= state["age_seconds"] < 5 * 3600 + 600
    assert (state["items"], state["images"], state["images_indexed"]) == (7, 7, 4)
    assert state["failed_by_reason"] == {"corrupt": 1, "unreachable": 2}
    assert (state["dead_letters"], state["will_be_retried"]) == (2, 1)
    assert (state["rows_rejected"], state["coverage"]) == (1, round(4 / 7, 4))
    assert state["extractor_coverage"] == {
        EXTRACTOR: {"described": 4, "indexed": 4, "share": 1.0, "regions": 8},
        OTHER: {"described": 1, "indexed": 4, "share": 0.25, "regions": 2},
    }
    assert state["model_active"] == Settings().vision.extractor
    assert 0 < state["store_live_bytes"] <= state["store_kept_bytes"]
    assert state["store_live_files"] >= 7


def test_a_ledger_that_does_not_add_up_is_said(home: Path) -> None:
    assert read()["ledger_adds_up"] is True
    assert "adds up" in call().output
    batch = make_batch(DAYS[1], ["item 6"], images=2)
    features = batch.features.slice(0, 2)
    lossy = PartitionBatch(batch.items, batch.ledger.slice(0, 1), features)
    DeltaFeatureStore(home / "store").replace_partition(DAYS[1], lossy)
    assert read()["ledger_adds_up"] is False
    assert "DOES NOT ADD UP" in call().output


def test_the_live_bundle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_INDEX_EXTRACTOR", EXTRACTOR)
    path = build_candidate(Settings.from_environment()).path
    (home / "bundles" / "CURRENT").write_text(f"{path.name}\n")
    state = read()
    assert (state["live_bundle"], state["bundles"], state["previous_bundle"]) == (
        path.name,
        1,
        None,
    )
    assert (state["live_bundle_items"], state["live_bundle_regions"]) == (4, 8)
    assert (state["live_bundle_extractor"], state["live_bundle_gate_passed"]) == (EXTRACTOR, None)
    assert state["live_bundle_is_current"] is True
    assert state["bundles_bytes"] > 1000
    assert "of the current snapshot, made just now" in call().output
    DeltaFeatureStore(home / "store").replace_partition(
        "2026-03-03", make_batch("2026-03-03", ["x"])
    )
    assert read()["live_bundle_is_current"] is False
    assert (state["pinned_since"], state["canary_bundle"], state["canary_share"]) == (None,) * 3
    (home / "bundles" / "PIN").write_text('{"at": "2026-03-04T05:06:07+00:00"}')
    (home / "bundles" / "CANARY").write_text('{"bundle_id": "other", "share": 0.125}')
    assert read()["pinned_since"] == "2026-03-04T05:06:07+00:00"
    assert (read()["canary_bundle"], read()["canary_share"]) == ("other", 0.125)
    assert "since 2026-03-04 05:06 UTC: builds publish nothing until" in call().output
    assert "other, 12.5 % of all questions" in call().output
    assert state["fresh_tier"] is None
    at = "2026-03-04T05:06:07+00:00"
    (home / "bundles" / "_fresh" / path.name).mkdir(parents=True)
    pointer = TierPointer("0123456789abcdef", at, 0, 3)
    TierShelf(home / "bundles").point_at(path.name, pointer)
    assert (read()["fresh_tier"], read()["fresh_tier_at"]) == (pointer.tier_id, at)
    assert (read()["fresh_tier_snapshot_version"], read()["fresh_tier_waiting"]) == (0, 3)
    assert "tier 0123456789abcdef, up to snapshot 0 (an older one)" in call().output
    assert "3 items not described yet" in call().output
    (path / "manifest.json").write_text("{")
    assert read()["live_bundle"] == path.name
    assert "it cannot be read" in call().output


def test_the_last_run_of_each_kind(home: Path) -> None:
    for day, outcome in zip(DAYS, ("committed", "failed"), strict=True):
        record_run(home, Run("ingest", day, ago(hours=3).isoformat(), 12.5, outcome))
    record_run(home, Run("index", "", ago(days=2.5).isoformat(), 3, "[red]\x1b[2J"))
    runs = read()["last_runs"]
    assert sorted(runs) == ["index", "ingest"]
    assert (runs["ingest"]["ds"], runs["ingest"]["outcome"]) == (DAYS[1], "failed")
    shown = call().output
    assert f"{DAYS[1]} failed, 3 hours ago" in shown
    assert "[red]·[2J, 2 days ago" in shown


def test_people_read_a_table(home: Path) -> None:
    (home / "replay").mkdir()
    (home / "replay" / f"{DAYS[0]}.json").write_text("{}")
    shown = call().output
    for part in (
        "2: 2026-03-01 to 2026-03-02",
        "UTC, 5 hours ago",
        "7, of which 4 indexed (57.1 %)",
        "1 corrupt, 2 unreachable",
        "1 will be tried again",
        "2 wait for a person",
        "4 of 4 images (100 %), 8 regions",
        "1 of 4 images (25 %), 2 regions",
        "days after 2026-03-01 are to be planned anew: ingest 2026-03-01 again",
        "none yet: run 'nitamono index'",
    ):
        assert part in shown, part


@pytest.mark.usefixtures("home")
def test_a_narrow_terminal_shows_whole_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = call().output
    for part in (EXTRACTOR, OTHER, "7, of which 4 indexed (57.1 %)", "'nitamono ledger --dead'"):
        assert part in shown, shown
    assert max(map(len, shown.splitlines())) <= 80


def test_an_empty_home_has_the_same_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "none"))
    state = read()
    assert (state["items"], state["coverage"], state["live_bundle"]) == (0, None, None)
    assert state["changed_at"] is None
    assert "nothing is in it yet" in call().output
    assert not (tmp_path / "none").exists(), "looking must not write"


def test_the_same_rows_again_are_no_change() -> None:
    def commit(version: int, ds: str, content: str, hour: int | None) -> Commit:
        at = None if hour is None else dt.datetime(2026, 3, 1, hour, tzinfo=dt.UTC)
        return Commit(version, ds, content, 1, 1, 1, 0, committed_at=at)

    assert changed_at([]) is None
    assert changed_at([commit(1, "a", "x", None)]) is None
    log = [commit(1, "a", "x", 1), commit(2, "b", "y", 2), commit(3, "a", "x", 3)]
    assert changed_at(log) == log[1].committed_at
    assert changed_at([*log, commit(4, "a", "z", 4)]) == commit(4, "a", "z", 4).committed_at


def test_many_thumbnails_are_reckoned(tmp_path: Path) -> None:
    assert measure_thumbnails(tmp_path / "none") == (0, 0)
    for number in range(200):
        path = tmp_path / f"{number % 20:02x}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
    assert measure_thumbnails(tmp_path) == (200, 20_000)
    assert measure_thumbnails(tmp_path, limit=30) == (200, 20_000)
    (tmp_path / "00" / "more.jpg").write_bytes(b"x" * 100)
    assert measure_thumbnails(tmp_path, limit=10) == (220, 22_000)
