"""Planning a day: what changed, in shards, the same each time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.errors import CatalogueError, SettingsError
from feature_store.ingest import plan_partition
from feature_store.ingest.staging import planned_folder, read_table
from feature_store.schemas import ITEMS, LEDGER, DataInterval
from tests.feature_store.ingest.shop import Shop

DAY = DataInterval.day("2026-03-01")
NOW = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)


def test_a_plan_cuts_the_items_into_shards_in_order(shop: Shop, home: Path) -> None:
    shop.stock(10)
    plan = plan_partition(DAY, shop.settings(home))
    assert (plan.ds, plan.items, plan.images, plan.deleted, plan.rejected) == (
        "2026-03-01", 10, 10, 0, 0,
    )  # fmt: skip
    found = [read_table(Path(shard), ITEMS)["item_id"].to_pylist() for shard in plan.shards]
    assert [len(shard) for shard in found] == [4, 4, 2]
    assert [item for shard in found for item in shard] == [f"item {n:02d}" for n in range(10)]
    json.dumps(dataclasses.asdict(plan))  # what crosses between tasks must be plain


def test_the_same_catalogue_makes_the_same_plan(shop: Shop, home: Path) -> None:
    shop.stock(5)
    settings = shop.settings(home)
    first = plan_partition(DAY, settings, now=NOW)
    marks = {path: path.stat().st_mtime_ns for path in map(Path, first.shards)}
    assert plan_partition(DAY, settings, now=NOW) == first
    later = plan_partition(DAY, settings, now=NOW + dt.timedelta(hours=1))
    assert later.folder == first.folder
    assert {path: path.stat().st_mtime_ns for path in marks} == marks


def test_another_catalogue_makes_another_plan_which_then_counts(shop: Shop, home: Path) -> None:
    shop.stock(5)
    first = plan_partition(DAY, shop.settings(home))
    shop.sell("one more", shop.draw("more.png", 77))
    second = plan_partition(DAY, shop.settings(home))
    assert second.folder != first.folder
    assert planned_folder(home / "staging" / "2026-03-01") == Path(second.folder)


def test_rejected_rows_are_kept_for_the_ledger(shop: Shop, home: Path) -> None:
    shop.stock(2)
    shop.sell("no image")
    plan = plan_partition(DAY, shop.settings(home))
    assert (plan.items, plan.rejected) == (2, 1)
    rows = read_table(Path(plan.folder) / "rejected.parquet", LEDGER).to_pylist()
    assert [(r["ds"], r["item_id"], r["image_index"], r["reason"]) for r in rows] == [
        ("2026-03-01", "no image", -1, "row_invalid")
    ]


def test_a_large_day_has_larger_shards_not_more(shop: Shop, home: Path) -> None:
    shop.stock(9)
    plan = plan_partition(DAY, shop.settings(home, items_per_shard=1, max_shards=2))
    assert [read_table(Path(shard), ITEMS).num_rows for shard in plan.shards] == [5, 4]


def test_items_that_share_an_address_are_described_together(shop: Shop, home: Path) -> None:
    shop.stock(8)
    shop.sell("item 01", "1.png", "7.png")
    shop.sell("item 06", "6.png", "0.png")
    plan = plan_partition(DAY, shop.settings(home))
    found = [read_table(Path(shard), ITEMS)["item_id"].to_pylist() for shard in plan.shards]
    assert found == [
        ["item 00", "item 06", "item 01", "item 07"],
        ["item 02", "item 03", "item 04", "item 05"],
    ]


def test_the_day_stands_in_the_location(shop: Shop, home: Path) -> None:
    shop.stock(1)
    settings = shop.settings(home)
    shop.write("catalogue of 2026-03-01 {x}.csv")
    location = str(shop.folder / "catalogue of {ds} {x}.csv")
    assert plan_partition(DAY, replace(settings, catalogue_location=location)).items == 1
    with pytest.raises(CatalogueError, match="2026-03-02"):
        plan_partition(
            DataInterval.day("2026-03-02"), replace(settings, catalogue_location=location)
        )


def test_without_a_catalogue_it_says_which_setting(shop: Shop, home: Path) -> None:
    settings = replace(shop.settings(home), catalogue_location="")
    with pytest.raises(SettingsError, match="NITAMONO_CATALOGUE"):
        plan_partition(DAY, settings)
