from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_store.bundle import AtMost, Rules, Searcher, open_bundle, parse_filter
from feature_store.bundle.mapped import map_table
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.write import write_table
from feature_store.errors import FilterError
from tests.feature_store.bundle.made_bundle import Made, make_bundle
from tests.feature_store.fresh.shops import Edits, Home, edit
from tests.feature_store.nightly.fake_shop import make_shop

ITEMS = 60
DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def updated(number: int) -> dt.datetime | None:
    """Every seventh does not say when; the others are newer and older in turns."""
    return None if number % 7 == 0 else DAY + dt.timedelta(days=number * 37 % 61)


def stocked(number: int) -> bool | None:
    return (True, True, None, False)[number % 4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose items say when they were updated, whether they are in stock, and are sold."""
    folder, _ = make_bundle(tmp_path_factory.mktemp("one"), "one", Made(items=ITEMS, graph=False))
    add(folder, "items.arrow", "updated_at", [updated(n) for n in range(ITEMS)])
    add(folder, "facets.arrow", "in_stock", [stocked(n) for n in range(ITEMS)])
    sold = [None if n % 5 == 0 else str(n * 13 % 59) for n in range(ITEMS)]
    add(folder, "facets.arrow", "sold", pa.array(sold).dictionary_encode())
    add(folder, "facets.arrow", "category", [f"c{n // 20}" for n in range(ITEMS)])
    return folder


def add(folder: Path, name: str, column: str, values: Any) -> None:
    table = map_table(folder / name).append_column(column, [pa.array(values)])
    write_table(folder / "next", table)  # never over what is mapped
    (folder / "next").rename(folder / name)


@pytest.fixture(scope="module")
def newest(folder: Path) -> Searcher:
    return Searcher(open_bundle(folder, proven=False))


@pytest.fixture(scope="module")
def popular(folder: Path) -> Searcher:
    return Searcher(open_bundle(folder, proven=False), popularity="sold")


def in_order(items: Sequence[int], value: Any, category: str | None = None) -> list[int]:
    """Items in the order in which they stand in, sorted by hand."""

    def key(number: int) -> tuple[Any, ...]:
        sold_out = stocked(number) is False
        elsewhere = category is not None and f"c{number // 20}" != category
        unsure = stocked(number) is None
        known = value(number)
        return (
            sold_out,
            elsewhere,
            unsure,
            known is None,
            -known if known is not None else 0,
            number,
        )

    return sorted(items, key=key)


def age(number: int) -> float | None:
    found = updated(number)
    return None if found is None else found.timestamp()


def sales(number: int) -> int | None:
    return None if number % 5 == 0 else number * 13 % 59


def test_the_newest_stand_in_and_what_is_sold_out_comes_last(newest: Searcher) -> None:
    assert newest.stand_in == "newest"
    hits = newest.stand_ins(Rules(limit=100))
    assert [hit.item for hit in hits] == in_order(range(ITEMS), age)
    assert {hit.score for hit in hits} == {0.0}
    assert [hit.region for hit in hits] == [newest.view.primary_region(hit.item) for hit in hits]


def test_the_popular_stand_in_where_an_attribute_says_so(popular: Searcher) -> None:
    assert popular.stand_in == "popular"
    assert [hit.item for hit in popular.stand_ins(Rules(limit=100))] == in_order(
        range(ITEMS), sales
    )


def test_the_category_of_the_asked_item_comes_first(newest: Searcher) -> None:
    hits = newest.stand_ins(Rules(limit=100, threshold=50.0), like=25, excluded=[25, 30])
    wanted = [n for n in range(ITEMS) if n not in (25, 30)]
    assert [hit.item for hit in hits] == in_order(wanted, age, "c1")


def test_pages_and_rules_hold(newest: Searcher) -> None:
    filters = (parse_filter("in_stock:true"), parse_filter("category:c2,c0"))
    wanted = [n for n in range(ITEMS) if stocked(n) and n // 20 != 1]
    rules = Rules(limit=5, offset=5, filters=filters)
    assert [hit.item for hit in newest.stand_ins(rules)] == in_order(wanted, age)[5:10]
    few = newest.stand_ins(Rules(limit=50, at_most=(AtMost("colour", 2),)))
    colours = newest.view.facets.values("colour", np.array([hit.item for hit in few]))
    assert sorted(map(str, colours)) == ["blue", "blue", "green", "green", "red", "red"]
    with pytest.raises(FilterError, match="'weight'"):
        newest.stand_ins(Rules(filters=(parse_filter("weight:1..2"),)))


def test_where_nothing_says_which_items_there_are_none(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path, "one", Made(items=9, graph=False))[0])
    for popularity in ("", "colour", "no such attribute"):
        searcher = Searcher(bundle, popularity=popularity)
        searcher.prepare()
        assert searcher.stand_in is None
        assert searcher.stand_ins() == []
    assert Searcher(bundle, popularity="price").stand_in == "popular"


def test_of_an_attribute_that_says_nothing_the_newest_are_taken(folder: Path) -> None:
    assert Searcher(open_bundle(folder, proven=False), popularity="colour").stand_in == "newest"


def test_items_of_the_tier_stand_in_too(tmp_path: Path) -> None:
    rows = {
        5: {"updated_at": DAY + dt.timedelta(days=9), "title": "changed"},
        21: {"updated_at": DAY + dt.timedelta(days=8)},
    }
    home = Home(tmp_path, make_shop(20, 24))
    now = edit(home.shop, Edits(gone=[3], new=2, rows={5: rows[5]}), version=2)
    table = now.table.to_pylist()
    for row in table:
        if row["item_id"] == "item-00021":
            row.update(rows[21])
        row["in_stock"] = True
    now = type(now)(pa.Table.from_pylist(table, now.table.schema), now.rows, now.described, 2)
    home.refresh(now)
    bundles = home.settings.home / "bundles"
    bundle = open_bundle(bundles / home.bundle_id)
    assert bundle.items.schema.field("updated_at").type == now.table.schema.field("updated_at").type
    searcher = Searcher(bundle, TierShelf(bundles).open(bundle), popularity="price")
    named = [
        row["item_id"]
        for row in searcher.view.item_rows([h.item for h in searcher.stand_ins(Rules(limit=99))])
    ]
    assert len(named) == len(set(named)) == 21
    assert "item-00003" not in named
    newest = Searcher(bundle, searcher.view.tier)
    assert newest.stand_in == "newest"
    first = [
        row["item_id"]
        for row in newest.view.item_rows([h.item for h in newest.stand_ins(Rules(limit=2))])
    ]
    assert first == ["item-00005", "item-00021"]


def test_a_bundle_of_before_has_no_newest(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "old"))
    write_table(
        copy / "items.arrow", map_table(folder / "items.arrow").drop_columns(["updated_at"])
    )
    assert Searcher(open_bundle(copy, proven=False)).stand_in is None
