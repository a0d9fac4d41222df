"""Slices: every item in one slice of each dimension, samples that are fair, the small judged with
the nearest."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from feature_store.nightly.slices import Dimension, attribute_of, divide, draw, pools
from feature_store.quality.index_gate import read_index_gate

GROUPING = read_index_gate().grouping
SAMPLING = read_index_gate().sampling


def items(**columns: list[Any]) -> pa.Table:
    count = len(next(iter(columns.values())))
    plain = {name: [None] * count for name in ("category", "segment", "brand", "attributes")}
    ids = {"item_id": [f"i{number}" for number in range(count)]}
    return pa.table({**ids, **plain, **columns})


def named(dimensions: list[Dimension], name: str) -> dict[str, list[int]]:
    (found,) = (dimension for dimension in dimensions if dimension.name == name)
    return {
        value: np.flatnonzero(found.codes == code).tolist()
        for code, value in enumerate(found.values)
        if (found.codes == code).any()
    }


def test_a_dimension_that_divides_nothing_is_left_out() -> None:
    assert divide(items(category=["a"] * 9), GROUPING, "", None) == []


def test_items_without_a_value_are_a_slice_too() -> None:
    table = items(category=["a", None, "b", "a"], segment=["m", "m", "m", "m"])
    found = divide(table, GROUPING, "", None)
    assert named(found, "category") == {"a": [0, 3], "": [1], "b": [2]}
    assert "segment" not in {dimension.name for dimension in found}


def test_brands_fall_into_buckets_by_their_size() -> None:
    brands = ["one", *["two"] * 2, *["nine"] * 9, *["ten"] * 10, None]
    found = named(divide(items(brand=brands), GROUPING, "", None), "brand")
    assert found == {
        "1 item": [0],
        "2 to 9 items": list(range(1, 12)),
        "10 to 99 items": list(range(12, 22)),
        "no brand": [22],
    }


def test_the_tail_is_what_together_holds_a_tenth() -> None:
    category = ["large"] * 85 + ["small"] * 10 + ["rare"] * 3 + ["rarer"] * 2
    found = named(divide(items(category=category), GROUPING, "", None), "tail")
    assert found["rare"] == list(range(95, 100))
    tenth = replace(GROUPING, tail_share=0.15)
    assert named(divide(items(category=category), tenth, "", None), "tail")["rare"] == list(
        range(85, 100)
    )


def test_what_the_live_bundle_lacks_is_new() -> None:
    live = pa.array(["i0", "i2", "gone"])
    found = named(divide(items(category=["a"] * 4), GROUPING, "", live), "newness")
    assert found == {"new": [1, 3], "known": [0, 2]}


def test_the_rarest_of_many_values_are_one_slice() -> None:
    category = [f"c{n}" for n in range(6)] + ["c0", "c1"]
    few = replace(GROUPING, most_values=3)
    found = named(divide(items(category=category), few, "", None), "category")
    assert found == {"c0": [0, 6], "c1": [1, 7], "4 rarer ones together": [2, 3, 4, 5]}


def test_the_catalogues_own_attributes_divide_too() -> None:
    attributes = [json.dumps({"colour": "red"}), None, json.dumps({"colour": 3}), "{}"]
    table = items(attributes=attributes)
    assert attribute_of(table, "colour").to_pylist() == ["red", None, "3", None]
    found = named(divide(table, GROUPING, "colour", None), "colour")
    assert found == {"": [1, 3], "3": [2], "red": [0]}


def test_lists_divide_nothing() -> None:
    table = items(images=[["a.jpg"], ["b.jpg", "c.jpg"], []])
    assert attribute_of(table, "images").null_count == 3
    assert divide(table, replace(GROUPING, attributes=("images",)), "", None) == []


def test_an_empty_catalogue_has_no_slices() -> None:
    assert divide(items(category=pa.array([], pa.string())), GROUPING, "", None) == []


def codes_of(sizes: list[int], seed: int = 0) -> np.ndarray:
    codes = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
    return np.random.default_rng(seed).permutation(codes)


def test_every_slice_gets_its_questions_and_the_whole_a_fair_sample() -> None:
    codes = codes_of([50_000, 500, 45, 7])
    few = replace(SAMPLING, queries=400, slice_queries=40)
    sample = draw([codes], len(codes), few, seed=1)
    assert [len(sample.of_slice[0][code]) for code in range(4)] == [40, 40, 40, 7]
    for code, places in sample.of_slice[0].items():
        assert (codes[sample.rows[places]] == code).all()
    assert len(np.unique(sample.rows)) == len(sample.rows) <= 400 + 87
    assert len(sample.overall) == 400
    assert (codes[sample.rows[sample.overall]] == 0).mean() > 0.95, "drawn from all alike"


def test_a_sample_is_bounded_whatever_the_number_of_slices() -> None:
    codes = [codes_of([30] * 400, seed) for seed in range(3)]
    sample = draw(codes, 12_000, SAMPLING, seed=1)
    assert len(sample.rows) <= SAMPLING.most_queries
    assert all(len(of_dimension) == 400 for of_dimension in sample.of_slice)


def test_regions_of_no_slice_speak_for_the_whole_alone() -> None:
    codes = np.full(100, -1, np.int32)
    codes[:5] = 0
    sample = draw([codes], 100, replace(SAMPLING, queries=50), seed=1)
    assert len(sample.of_slice[0][0]) == 5
    assert len(sample.overall) == 50


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing_can_be_drawn_from(count: int) -> None:
    sample = draw([np.zeros(count, np.int32)], count, SAMPLING, seed=1)
    assert len(sample.rows) == len(sample.overall) == count


def test_a_small_slice_is_judged_with_the_nearest_ones() -> None:
    directions = np.eye(4, dtype=np.float32)
    directions[1] = [0.9, 0.1, 0.0, 0.0]
    values = ("small", "like it", "unlike", "large")
    codes = np.repeat(np.arange(4), [3, 10, 30, 60]).astype(np.int32)
    sample = draw([codes], len(codes), replace(SAMPLING, queries=1, slice_queries=40), seed=1)
    asked = directions[codes[sample.rows]]
    found = list(pools(Dimension("category", values, codes), codes, sample.of_slice[0], asked, 12))
    by_value = {pool.value: pool for pool in found}
    assert by_value["small"].merged_with == ("like it",)
    assert len(by_value["small"].sample) == len(by_value["small"].rows) == 13
    assert by_value["like it"].merged_with == ("small",)
    assert by_value["unlike"].merged_with == by_value["large"].merged_with == ()
    assert set(by_value["large"].rows) == set(range(43, 103))


def test_the_rest_of_a_dimension_is_company_but_not_judged() -> None:
    codes = np.repeat([0, 1], [3, 50]).astype(np.int32)
    sample = draw([codes], 53, replace(SAMPLING, queries=1), seed=1)
    asked = np.ones((len(sample.rows), 2), np.float32)
    newness = Dimension("newness", ("new", "known"), codes)
    (pool,) = pools(newness, codes, sample.of_slice[0], asked, 20)
    assert (pool.value, pool.merged_with) == ("new", ("known",))
