from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.errors import IndexBuildError
from feature_store.nightly.gather import Gathered, gather
from tests.feature_store.nightly.fake_shop import EXTRACTOR, FakeSnapshot, make_shop

SHOP = make_shop(31)


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Gathered:
    return gather(SHOP, [EXTRACTOR], tmp_path_factory.mktemp("scratch"))


def test_every_feature_keeps_its_vector_and_its_item(gathered: Gathered) -> None:
    rows = SHOP.described.to_pylist()
    ids = gathered.items["item_id"].to_pylist()
    regions = gathered.regions.to_pylist()
    assert len(rows) == len(regions) == len(gathered.vectors)
    for row, region, vector in zip(rows, regions, gathered.vectors, strict=True):
        assert ids[region["item"]] == row["item_id"]
        assert region["region_id"] == row["region_id"]
        assert np.array_equal(vector, np.float32(row["vector"]))


def test_items_know_their_regions_and_pictures(gathered: Gathered) -> None:
    first = 0
    owners = gathered.owners
    for number, item in enumerate(gathered.items.to_pylist()):
        assert item["first_region"] == first
        assert (owners[first : first + item["region_count"]] == number).all()
        first += item["region_count"]
    items = gathered.items.to_pylist()
    assert items[1]["images"] == ["https://shop.example/1.jpg"]
    image_id = gathered.regions["image_id"][0].as_py()
    assert items[0]["images"][0] == f"/images/{image_id}.jpg"
    assert len(items[0]["images"]) == 2
    assert int(gathered.photos.image[-1]) + 1 == len(SHOP.rows)


def test_attributes_can_be_filtered_by(gathered: Gathered) -> None:
    assert gathered.facets.column_names[-2:] == ["colour", "size"]
    assert gathered.facets["size"].to_pylist()[:4] == [None, "1", None, "3"]


def test_items_without_a_feature_are_left_out(tmp_path: Path) -> None:
    without = SHOP.described.filter(pc.not_equal(SHOP.described["item_id"], "item-00007"))
    found = gather(replace(SHOP, described=without), [EXTRACTOR], tmp_path)
    assert "item-00007" not in found.items["item_id"].to_pylist()
    assert len(found.items) == 30


def changed(row: int, **values: object) -> FakeSnapshot:
    rows = SHOP.described.to_pylist()
    rows[row] |= values
    return replace(SHOP, described=pa.Table.from_pylist(rows, SHOP.described.schema))


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([0.0] * 64, "item 'item-00003'.* is zero"),
        ([float("nan")] * 64, "item 'item-00003'.* is not finite"),
        ([1.0] * 63, "item 'item-00003'.* has 63 numbers, others have 64"),
    ],
)
def test_an_unusable_vector_names_its_item(
    vector: list[float], message: str, tmp_path: Path
) -> None:
    row = SHOP.described["item_id"].to_pylist().index("item-00003")
    with pytest.raises(IndexBuildError, match=message):
        gather(changed(row, vector=vector), [EXTRACTOR], tmp_path)


def test_an_item_without_a_row_is_named(tmp_path: Path) -> None:
    lost = SHOP.table.filter(pc.not_equal(SHOP.table["item_id"], "item-00007"))
    with pytest.raises(IndexBuildError, match="'item-00007' has features but no row"):
        gather(replace(SHOP, table=lost), [EXTRACTOR], tmp_path)


def test_another_extractor_has_no_features(tmp_path: Path) -> None:
    with pytest.raises(IndexBuildError, match="no features of other@1"):
        gather(SHOP, ["other@1"], tmp_path)


@pytest.mark.parametrize(
    "disorder",
    [lambda rows: rows[::-1], lambda rows: rows[6:] + rows[:6], lambda rows: rows[5:] + rows[:5]],
)
def test_features_out_of_order_are_noticed(
    disorder: Callable[[list[object]], list[object]], tmp_path: Path
) -> None:
    rows = disorder(SHOP.described.to_pylist())
    table = pa.Table.from_pylist(rows, SHOP.described.schema)
    with pytest.raises(IndexBuildError, match="another order"):
        gather(replace(SHOP, described=table), [EXTRACTOR], tmp_path)
