"""Whole days, one after the other, done again, and killed anywhere."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from feature_store.errors import GateError, StoreError
from feature_store.ingest import ingest_partition, plan_partition
from feature_store.ingest.models import Models
from feature_store.photo.detect import Detection
from feature_store.schemas import BOOKKEEPING, DataInterval
from feature_store.settings import Settings
from feature_store.tables import Commit, Snapshot, open_store
from tests.feature_store.ingest.shop import (
    BoxDetector,
    ColourExtractor,
    Pixels,
    Shop,
    quick_models,
)

ROOT = Path(__file__).parents[3]


def run(settings: Settings, day: int, models: Models | None = None) -> Commit:
    interval = DataInterval.day(f"2026-03-{day:02d}")
    return ingest_partition(interval, settings, models=models or quick_models())


def live(settings: Settings) -> list[str]:
    ids: list[str] = open_store(settings).snapshot().items()["item_id"].to_pylist()
    return ids


def rows(snapshot: Snapshot) -> list[object]:
    features = pa.Table.from_batches(snapshot.features("colours@00000000000e"))
    ledger = snapshot.ledger().drop_columns(list(BOOKKEEPING))
    tables = (snapshot.items(), ledger, features)
    return [table.to_pylist() for table in tables]


def test_three_days_of_a_shop(shop: Shop, home: Path) -> None:
    shop.stock(5)
    assert run(shop.settings(home), 1).items == 5
    shop.sell("item 00", "0.png", title="renamed")
    shop.sell("new", shop.draw("new.png", 40))
    del shop.rows["item 04"]
    second = run(shop.settings(home), 2)
    assert (second.items, second.deleted) == (2, 1)
    settings = shop.settings(home)
    assert live(settings) == [*(f"item {n:02d}" for n in range(4)), "new"]
    content = open_store(settings).snapshot().content_hash
    third = run(settings, 3)
    assert (third.items, third.deleted) == (0, 0)
    assert open_store(settings).snapshot().content_hash == content


def test_a_day_done_again_computes_and_changes_nothing(shop: Shop, home: Path) -> None:
    shop.stock(5)
    settings = shop.settings(home)
    first = run(settings, 1)
    models = Models(BoxDetector(), ColourExtractor())
    assert run(settings, 1, models) == first
    assert (models.detector.seen, models.extractor.seen) == (0, 0)  # type: ignore[attr-defined]


def test_an_older_day_done_again_sees_the_store_as_it_was(shop: Shop, home: Path) -> None:
    shop.stock(3)
    first_settings = shop.settings(home)
    first = run(first_settings, 1)
    shop.sell("new", shop.draw("new.png", 40))
    shop.write("second.csv")
    run(replace(first_settings, catalogue_location=str(shop.folder / "second.csv")), 2)
    del shop.rows["new"]
    assert run(shop.settings(home), 1) == first


def test_another_run_of_the_day_from_other_rows_is_named(shop: Shop, home: Path) -> None:
    shop.stock(2)
    settings = shop.settings(home)
    shop.sell("another", shop.draw("another.png", 9))
    other = replace(settings, catalogue_location=str(shop.write("other.csv")))

    class Late(BoxDetector):
        def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
            plan_partition(DataInterval.day("2026-03-01"), other)
            return super().detect(images)

    with pytest.raises(StoreError, match="another run has planned 2026-03-01 from other rows"):
        run(settings, 1, Models(Late(), ColourExtractor()))
    assert run(other, 1).items == 3
    assert live(other) == ["another", "item 00", "item 01"]


def test_half_the_shop_gone_stops_the_day_and_keeps_the_store(shop: Shop, home: Path) -> None:
    shop.stock(6)
    run(shop.settings(home), 1)
    for number in range(3):
        del shop.rows[f"item {number:02d}"]
    settings = shop.settings(home)
    with pytest.raises(GateError, match="3 of 6 live items"):
        run(settings, 2)
    assert len(live(settings)) == 6


def test_progress_reaches_its_end(shop: Shop, home: Path) -> None:
    shop.stock(5)
    settings = shop.settings(home)
    settings = replace(settings, ingest=replace(settings.ingest, images_per_chunk=2))
    seen: list[tuple[int, int]] = []
    ingest_partition(
        DataInterval.day("2026-03-01"),
        settings,
        progress=lambda done, steps: seen.append((done, steps)),
        models=quick_models(),
    )
    assert seen == [(done, 7) for done in (0, 2, 4, 4, 5, 5, 6, 7)]


def test_a_day_without_items_needs_no_models(
    shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stock(3)
    run(shop.settings(home), 1)
    monkeypatch.setattr(Models, "load", None)  # would fail if it were called
    assert ingest_partition(DataInterval.day("2026-03-02"), shop.settings(home)).items == 0


def test_killed_again_and_again_it_ends_with_the_same_store(shop: Shop, tmp_path: Path) -> None:
    shop.stock(6)
    undisturbed, disturbed = (shop.settings(tmp_path / name) for name in ("one", "other"))
    run(undisturbed, 1)
    said = []
    # Each try gets further than the one before, whose half-made files it finds.
    for last in (5, 10, 12, 8):
        command = ["-m", "tests.feature_store.ingest.victim", str(shop.folder), str(disturbed.home)]
        killed = subprocess.run(
            [sys.executable, *command, str(last)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        said.append(killed.stdout.split("\n")[-2])
        assert live(disturbed) == []
    kinds = ("plan's shard", "thumbnail", "shard's features", "table of the store")
    endings = ("before shard-00000.parquet", ".jpg", ".features.parquet", "after features")
    for kind, words, ending in zip(kinds, said, endings, strict=True):
        assert words.endswith(ending), f"meant to die at a {kind}, but died {words}"
    assert run(disturbed, 1).content_hash == run(undisturbed, 1).content_hash
    pictures = [rows(open_store(settings).snapshot()) for settings in (undisturbed, disturbed)]
    assert pictures[0] == pictures[1]
