"""State that is not what this version wrote: said by name, or made anew where that is possible."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.errors import StoreError
from feature_store.ingest import (
    check_partition,
    commit_partition,
    ingest_partition,
    plan_partition,
    process_shard,
    replay_later_days,
    requeue_items,
)
from feature_store.ingest.requeue import read_requests
from feature_store.schemas import DataInterval
from tests.feature_store.ingest.shop import Shop, quick_models

DAY = DataInterval.day("2026-03-01")

foreign = pytest.mark.parametrize("text", ["", '{"pl', "[]", "null", '{"format": 9}', None])
"""What a file holds: cut short, another kind of value, of another version; or it is a folder."""


def spoil(path: Path, text: str | None) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        path.mkdir()
    else:
        path.write_text(text)


@foreign
@pytest.mark.parametrize("name", ["PLAN.json", "plan.json"])
def test_a_plan_that_cannot_be_read_is_named(
    shop: Shop, home: Path, name: str, text: str | None
) -> None:
    shop.stock(2)
    settings = shop.settings(home)
    folder = Path(plan_partition(DAY, settings).folder)
    spoil((folder.parent if name == "PLAN.json" else folder) / name, text)
    with pytest.raises(StoreError, match=rf"{name} is damaged.*; delete it and run the day again"):
        check_partition(DAY.ds, settings)


@foreign
def test_a_shard_whose_result_cannot_be_read_is_described_again(
    shop: Shop, home: Path, text: str | None
) -> None:
    """A half-made day of an older version would otherwise never be finished."""
    shop.stock(2)
    settings = shop.settings(home)
    (shard,) = plan_partition(DAY, settings).shards
    first = process_shard(shard, settings, quick_models())
    marker = Path(shard).with_suffix(".json")
    if text is None:
        text = marker.read_text().replace('"passing"', '"passed"')
    marker.write_text(text)
    again = process_shard(shard, settings, quick_models())
    assert (again.images, again.detected) == (first.images, first.detected) == (2, 2)


@foreign
def test_a_gate_report_that_cannot_be_read_lets_nothing_through(
    shop: Shop, home: Path, text: str | None
) -> None:
    shop.stock(2)
    settings = shop.settings(home)
    plan = plan_partition(DAY, settings)
    process_shard(plan.shards[0], settings, quick_models())
    spoil(Path(plan.folder) / "gate.json", text)
    with pytest.raises(StoreError, match=r"gate\.json is damaged"):
        commit_partition(DAY.ds, settings)


@foreign
def test_a_request_that_cannot_be_read_is_passed_over(
    shop: Shop, home: Path, text: str | None
) -> None:
    shop.stock(2)
    requeue_items(home, ["item 00"])
    spoil(home / "requeue" / "0.json", text)
    ingest_partition(DAY, shop.settings(home), models=quick_models())
    assert read_requests(home).items == frozenset()


@foreign
def test_a_mark_of_a_replay_that_cannot_be_read_is_named(
    shop: Shop, home: Path, text: str | None
) -> None:
    settings = replace(shop.settings(home), catalogue_location=str(shop.folder / "{ds}.csv"))
    spoil(home / "replay" / "2026-03-01.json", text)
    with pytest.raises(StoreError, match=r"2026-03-01\.json is damaged"):
        replay_later_days(DAY.ds, settings)
