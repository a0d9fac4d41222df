from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from feature_store.bundle import BundleRegistry
from feature_store.errors import GateError, IndexBuildError
from feature_store.index.settings import IndexSettings
from feature_store.models import Active, ModelRegistry
from feature_store.nightly import build_and_publish, needs, needs_build
from feature_store.nightly.needs import choose_extractor, features_hash, parameters_digest
from feature_store.vision.identity import extractor_identity
from tests.feature_store.nightly.fake_shop import (
    EXTRACTOR,
    FakeSettings,
    FakeSnapshot,
    FakeStore,
    make_shop,
)


def test_a_build_is_needed_until_the_live_bundle_holds_the_snapshot(
    settings: FakeSettings, store: FakeStore
) -> None:
    assert needs_build(settings, store)
    live = build_and_publish(settings, store)
    assert not needs_build(settings, store)
    assert needs_build(settings, FakeStore(make_shop(53)))
    other = replace(settings, index=replace(settings.index, target_recall=0.95))
    assert needs_build(other, store)
    idle = replace(settings, index=replace(settings.index, threads=1, keep_bundles=3))
    assert not needs_build(idle, store)
    (BundleRegistry(settings.home / "bundles").path(live) / "manifest.json").write_text("{")
    assert needs_build(settings, store)


def test_another_extractor_in_the_settings_is_a_reason_to_build(
    settings: FakeSettings, store: FakeStore
) -> None:
    build_and_publish(settings, store)
    both = make_shop(54, extractor="better@1")
    both = replace(both, described=pa.concat_tables([store.now.described, both.described]))
    assert needs_build(named(settings, "better@1"), FakeStore(both))


def of_two() -> FakeSnapshot:
    """Ten items under `old@1`, four of them under `new@1` too."""
    old, new = make_shop(10, extractor="old@1"), make_shop(4, extractor="new@1")
    return replace(old, described=pa.concat_tables([old.described, new.described]))


def named(settings: FakeSettings, extractor: str) -> FakeSettings:
    return replace(settings, index=replace(settings.index, extractor=extractor))


def test_an_extractor_that_is_alone_in_the_store_is_chosen(settings: FakeSettings) -> None:
    old = make_shop(10, extractor="old@1")
    assert choose_extractor(old, settings) == "old@1"
    assert choose_extractor(old, named(settings, "old@1")) == "old@1"
    with pytest.raises(IndexBuildError, match=r"'other@1', but: old@1"):
        choose_extractor(old, named(settings, "other@1"))


def test_of_several_the_one_that_answers_is_chosen(settings: FakeSettings) -> None:
    both, registry = of_two(), ModelRegistry(settings.home)
    with pytest.raises(IndexBuildError, match="'nitamono models upgrade efficientnet-lite2'"):
        choose_extractor(both, settings)
    registry.switch(
        Active("new", "new@1"), Active("efficientnet-lite2", "old@1"), (4, 10), by_hand=True
    )
    assert choose_extractor(both, settings) == "new@1"
    registry.undo((10, 10))
    assert choose_extractor(both, settings) == "old@1"
    assert choose_extractor(both, named(settings, "new@1")) == "new@1"


def test_before_any_switch_the_settings_name_the_one_that_answers(settings: FakeSettings) -> None:
    identity = extractor_identity(settings.vision)
    mixed = of_two()
    known = pa.array(
        [identity if name == "old@1" else name for name in mixed.described["extractor"].to_pylist()]
    )
    place = mixed.described.column_names.index("extractor")
    mixed = replace(
        mixed,
        described=mixed.described.set_column(place, mixed.described.schema.field(place), known),
    )
    assert choose_extractor(mixed, settings) == identity


def test_a_switch_is_a_reason_to_build_and_so_is_its_undoing(
    settings: FakeSettings, store: FakeStore
) -> None:
    other = make_shop(54, seed=1, extractor="better@1").described
    both = FakeStore(replace(store.now, described=pa.concat_tables([store.now.described, other])))
    registry = ModelRegistry(settings.home)
    registry.switch(
        Active("b", "better@1"), Active("efficientnet-lite2", EXTRACTOR), (54, 54), by_hand=True
    )
    registry.undo((54, 54))
    build_and_publish(settings, both)
    assert not needs_build(settings, both)
    registry.switch(
        Active("b", "better@1"), Active("efficientnet-lite2", EXTRACTOR), (54, 54), by_hand=True
    )
    assert needs_build(settings, both)
    live = build_and_publish(settings, both)
    manifest = BundleRegistry(settings.home / "bundles").open(live).manifest
    assert (manifest.extractor, manifest.counts.regions) == ("better@1", len(other))
    registry.undo((54, 54))
    assert needs_build(settings, both)


def test_the_gate_refuses_an_index_whose_extractor_describes_only_some_items(
    settings: FakeSettings, store: FakeStore
) -> None:
    few = make_shop(50, seed=1, extractor="better@1").described
    both = FakeStore(replace(store.now, described=pa.concat_tables([store.now.described, few])))
    live = build_and_publish(settings, store)
    with pytest.raises(GateError, match="items present: 4 of 54 live items are not in the index"):
        build_and_publish(named(settings, "better@1"), both)
    assert BundleRegistry(settings.home / "bundles").current() == live


def test_an_upgrade_under_way_builds_nothing(settings: FakeSettings, store: FakeStore) -> None:
    settings = named(settings, EXTRACTOR)
    build_and_publish(settings, store)
    for described in (3, 30):
        more = make_shop(described, seed=1, extractor="better@1").described
        now = replace(store.now, described=pa.concat_tables([store.now.described, more]))
        assert now.content_hash != store.now.content_hash
        assert not needs_build(settings, FakeStore(now))


def changed(shop: FakeSnapshot, table: str, row: int, **values: object) -> FakeSnapshot:
    """The shop with other values in one row of its items, or of its features."""
    rows = getattr(shop, table).to_pylist()
    rows[row] |= values
    return replace(shop, **{table: pa.Table.from_pylist(rows, getattr(shop, table).schema)})


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("table", {"row_digest": "other", "title": "Another title"}),
        ("described", {"confidence": 0.5}),
        ("described", {"x0": 0.2}),
        ("described", {"region_id": "0123456789abcdef"}),
        ("described", {"image_id": "f" * 64}),
        ("described", {"image_uri": "/photos/other.jpg"}),
        ("described", {"detector": "other@1"}),
    ],
)
def test_whatever_a_bundle_takes_from_a_row_is_a_reason_to_build(
    table: str, values: dict[str, object]
) -> None:
    shop = make_shop(20)
    before = features_hash(shop, [EXTRACTOR])
    assert features_hash(make_shop(20), [EXTRACTOR]) == before
    assert features_hash(changed(shop, table, 5, **values), [EXTRACTOR]) != before


def test_what_a_bundle_does_not_take_is_none() -> None:
    shop = make_shop(20)
    same = changed(shop, "table", 5, ds="2026-05-05", updated_at=None)
    assert features_hash(same, [EXTRACTOR]) == features_hash(shop, [EXTRACTOR])


def test_rows_and_values_cannot_be_shifted_into_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = make_shop(6)
    one = changed(changed(shop, "table", 0, row_digest="ab"), "table", 1, row_digest="c")
    two = changed(changed(shop, "table", 0, row_digest="a"), "table", 1, row_digest="bc")
    assert features_hash(one, [EXTRACTOR]) != features_hash(two, [EXTRACTOR])
    monkeypatch.setattr(needs, "HASHED_ROWS", 4)
    assert features_hash(one, [EXTRACTOR]) != features_hash(two, [EXTRACTOR])


def test_a_bundle_of_release_0_1_goes_by_its_snapshot(
    settings: FakeSettings, store: FakeStore
) -> None:
    live = build_and_publish(settings, store)
    path = BundleRegistry(settings.home / "bundles").path(live) / "manifest.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"features_hash": ""}))
    assert not needs_build(settings, store)
    other = changed(store.now, "described", 0, vector=[1.0] + [0.0] * 63)
    assert needs_build(settings, FakeStore(other))


def test_an_empty_store_says_what_to_do(settings: FakeSettings) -> None:
    shop = make_shop(1)
    empty = replace(shop, described=shop.described.slice(0, 0))
    with pytest.raises(IndexBuildError, match="ingest a catalogue with an image first"):
        choose_extractor(empty, settings)


def test_the_digest_follows_what_shapes_a_bundle() -> None:
    plain = parameters_digest(IndexSettings())
    assert parameters_digest(IndexSettings(memory_budget_mb=9000)) == plain
    assert parameters_digest(IndexSettings(weights=("a=1",))) != plain
    assert parameters_digest(IndexSettings(segment_by="segment")) != plain
    assert parameters_digest(IndexSettings(stored="int8")) != plain
    assert parameters_digest(IndexSettings(threads=7, extractor="x")) == plain
    assert parameters_digest(IndexSettings(neighbours=7)) != plain
