from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from feature_store.bundle import BundleRegistry
from feature_store.errors import IndexBuildError
from feature_store.index.settings import IndexSettings
from feature_store.nightly import build_and_publish, needs_build
from feature_store.nightly.needs import choose_extractor, parameters_digest
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop


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


def test_a_new_extractor_that_covers_more_is_a_reason_to_build(
    settings: FakeSettings, store: FakeStore
) -> None:
    build_and_publish(settings, store)
    named = replace(settings, index=replace(settings.index, extractor="better@1"))
    both = make_shop(54, extractor="better@1")
    both = replace(both, described=pa.concat_tables([store.now.described, both.described]))
    assert needs_build(named, FakeStore(both))


def test_the_extractor_that_covers_most_is_chosen() -> None:
    old, new = make_shop(10, extractor="old@1"), make_shop(4, extractor="new@1")
    both = replace(old, described=pa.concat_tables([old.described, new.described]))
    assert choose_extractor(old, IndexSettings()) == "old@1"
    assert choose_extractor(both, IndexSettings()) == "old@1"
    assert choose_extractor(both, IndexSettings(extractor="new@1")) == "new@1"
    with pytest.raises(IndexBuildError, match=r"'other@1', but: new@1, old@1"):
        choose_extractor(both, IndexSettings(extractor="other@1"))


def test_an_empty_store_says_what_to_do() -> None:
    shop = make_shop(1)
    empty = replace(shop, described=shop.described.slice(0, 0))
    with pytest.raises(IndexBuildError, match="ingest a catalogue with an image first"):
        choose_extractor(empty, IndexSettings())


def test_the_digest_follows_what_shapes_a_bundle() -> None:
    plain = parameters_digest(IndexSettings())
    assert parameters_digest(IndexSettings(threads=7, extractor="x")) == plain
    assert parameters_digest(IndexSettings(neighbours=7)) != plain
