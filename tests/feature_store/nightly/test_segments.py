"""A bundle cut into segments: an index for each value of an attribute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.bundle import Searcher, open_bundle
from feature_store.bundle.opening import registry_of
from feature_store.errors import IndexBuildError
from feature_store.nightly import build_and_publish, build_candidate, build_segments, plan_build
from feature_store.nightly.build_plan import cut_segments
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop


def by(settings: FakeSettings, attribute: str, **changed: object) -> FakeSettings:
    index = replace(settings.index, segment_by=attribute, **changed)  # type: ignore[arg-type]
    return replace(settings, index=index)


def test_each_value_gets_an_index_that_answers_from_its_own_items(
    settings: FakeSettings, large_store: FakeStore
) -> None:
    settings = by(settings, "category")
    live = build_and_publish(settings, large_store)
    bundle = registry_of(settings).open(live)  # type: ignore[attr-defined]
    manifest = bundle.manifest
    assert manifest.segmented_by == "category"
    assert [segment.name for segment in manifest.segments] == [
        "Chairs, folding",
        "bags",
        "lamps",
        "shoes",
    ]
    assert {segment.search.method for segment in manifest.segments} == {"onng"}
    assert sum(segment.regions for segment in manifest.segments) == len(bundle.regions)
    assert set(manifest.measurements["segments"]) == {s.name for s in manifest.segments}
    categories = np.array(bundle.items["category"].to_pylist())[bundle.owners]
    near = bundle.neighbours
    assert (categories[near][near >= 0] == np.repeat(categories, (near >= 0).sum(axis=1))).all()
    for segment in bundle.segments:
        assert set(categories[segment.rows]) == {segment.name}
    drawing = (bundle.folder / "report" / "recall.svg").read_text()
    assert all(name in drawing for name in ("bags", "lamps", "shoes"))


def test_items_without_a_value_are_a_segment_of_their_own(
    settings: FakeSettings, store: FakeStore
) -> None:
    bundle = open_bundle(build_candidate(by(settings, "brand"), store).path, proven=False)
    assert [segment.name for segment in bundle.segments] == ["", "Acme"]
    brands = np.array(bundle.items["brand"].to_pylist(), object)[bundle.owners]
    assert set(brands[bundle.segments[0].rows]) == {None}
    assert set(brands[bundle.segments[1].rows]) == {"Acme"}


def test_yes_and_no_are_values_and_so_are_the_catalogue_s_own(
    settings: FakeSettings, store: FakeStore, tmp_path: Path
) -> None:
    plan = plan_build(by(settings, "in_stock"), store)
    assert [segment.name for segment in plan.names] == ["", "false", "true"]
    elsewhere = replace(by(settings, "size"), home=tmp_path / "elsewhere")
    assert [one.name for one in plan_build(elsewhere, store).names] == ["", "1", "3", "5"]


def test_segments_of_one_item_have_no_neighbours_and_answer(
    settings: FakeSettings, store: FakeStore
) -> None:
    items = store.now.table
    names = pa.array([f"kind {n % 3}" if n < 9 else f"lone {n}" for n in range(len(items))])
    place = items.column_names.index("category")
    shop = replace(store.now, table=items.set_column(place, items.schema.field(place), [names]))
    candidate = build_candidate(by(settings, "category", neighbours=100), FakeStore(shop))
    bundle = open_bundle(candidate.path, proven=False)
    assert len(bundle.segments) == 3 + len(items) - 9
    lone = bundle.item_number("item-00020")
    regions = list(bundle.regions_of(lone))
    assert (bundle.neighbours[regions] == -1).all()
    assert bundle.neighbours.shape[1] == 100
    searcher = Searcher(bundle)
    assert searcher.similar("item-00020").hits == []
    assert {hit.item % 3 for hit in searcher.similar("item-00004").hits} == {1}


def test_a_value_whose_items_have_no_feature_is_no_segment(
    settings: FakeSettings, store: FakeStore
) -> None:
    bags = [f"item-{number:05d}" for number in range(0, 54, 4)]
    described = store.now.described
    without = described.filter(pc.invert(pc.is_in(described["item_id"], pa.array(bags))))
    shop = replace(store.now, described=without)
    plan = plan_build(by(settings, "category"), FakeStore(shop))
    assert [segment.name for segment in plan.names] == ["Chairs, folding", "lamps", "shoes"]


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("colours", "an attribute that no item has; there are: .*colour"),
        ("price", "is a number"),
    ],
)
def test_what_cannot_cut_an_index_is_said(
    attribute: str, message: str, settings: FakeSettings, store: FakeStore
) -> None:
    with pytest.raises(IndexBuildError, match=message):
        plan_build(by(settings, attribute), store)
    assert list((settings.home / "bundles").iterdir()) == []


def test_ids_and_values_of_two_kilobytes_are_borne(
    settings: FakeSettings, store: FakeStore
) -> None:
    long = "x" * 2000

    def prefixed(table: pa.Table, column: str) -> pa.Table:
        place = table.column_names.index(column)
        values = pa.array([None if v is None else long + v for v in table[column].to_pylist()])
        return table.set_column(place, table.schema.field(place), values)

    shop = store.now
    shop = replace(
        shop,
        table=prefixed(prefixed(shop.table, "item_id"), "category"),
        rows=prefixed(shop.rows, "item_id"),
        described=prefixed(shop.described, "item_id"),
    )
    candidate = build_candidate(by(settings, "category"), FakeStore(shop))
    bundle = open_bundle(candidate.path, proven=False)
    assert [segment.name for segment in bundle.segments][1] == f"{long}bags"
    assert Searcher(bundle).similar(f"{long}item-00004").hits


def test_no_more_segments_than_airflow_maps() -> None:
    names = pa.array([f"name {number}" for number in range(1001)]).dictionary_encode()
    owners = np.repeat(np.arange(1001), 2).astype(np.int32)
    with pytest.raises(IndexBuildError, match="1,001 values, more than the 1,000 segments"):
        cut_segments(pa.table({"name": names}), owners, "name")
    found = cut_segments(pa.table({"name": names.slice(0, 1000)}), owners[:2000], "name")
    assert len(found) == 1000
    assert np.array_equal(np.sort(np.concatenate([rows for _, rows in found])), np.arange(2000))
    assert all((np.diff(rows) > 0).all() for _, rows in found)


@pytest.mark.parametrize("stored", ["float16", "int8"])
def test_vectors_stored_smaller_pass_the_same_gate(
    stored: str, settings: FakeSettings, large_store: FakeStore
) -> None:
    settings = by(settings, "", stored=stored)
    live = build_and_publish(settings, large_store)
    bundle = registry_of(settings).open(live)  # type: ignore[attr-defined]
    assert bundle.manifest.stored == stored
    assert bundle.vectors.values.dtype == np.dtype(stored)
    assert np.allclose(np.linalg.norm(bundle.vectors[:50], axis=1), 1, atol=0.01)


def test_what_serving_may_take_decides_how_short_vectors_are(settings: FakeSettings) -> None:
    store = FakeStore(make_shop(675, 1024))
    regions = len(store.now.described)
    settings = by(settings, "", serving_memory_mb=6, reduced_dim=0)
    room = (6e6 / regions - 4 * 1024 - 10 * build_segments.SERVED_EDGES) / 4
    assert 1 <= room < 48
    manifest = build_candidate(settings, store).manifest
    assert manifest.segments[0].reduced_dim <= room
    less = by(settings, "", serving_memory_mb=5)
    with pytest.raises(IndexBuildError, match="MB at the least as float32; store them smaller"):
        build_candidate(less, store)
