"""An index over several extractors: their vectors joined, their cosines weighed."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.bundle import open_bundle
from feature_store.bundle.opening import registry_of
from feature_store.errors import IndexBuildError
from feature_store.nightly import build_and_publish, build_candidate, needs_build
from feature_store.nightly.gather import gather
from feature_store.nightly.needs import choose_parts
from tests.feature_store.nightly.fake_shop import (
    FakeSettings,
    FakeSnapshot,
    FakeStore,
    make_shop,
)

SHAPE, COLOUR = "shape@0123456789ab", "colour@ba9876543210"


def both(items: int = 54, *, dims: tuple[int, int] = (64, 24)) -> FakeSnapshot:
    """A shop described by two extractors."""
    shop = make_shop(items, dims[0], extractor=SHAPE)
    other = make_shop(items, dims[1], seed=1, extractor=COLOUR).described
    return replace(shop, described=pa.concat_tables([shop.described, other]))


def weighed(settings: FakeSettings, *weights: str) -> FakeSettings:
    return replace(settings, index=replace(settings.index, weights=weights))


def without(shop: FakeSnapshot, extractor: str, *item_ids: str) -> FakeSnapshot:
    """The shop as far as an extractor has not described some items."""
    rows = shop.described
    gone = pc.and_(
        pc.equal(rows["extractor"], extractor), pc.is_in(rows["item_id"], pa.array(item_ids))
    )
    return replace(shop, described=rows.filter(pc.invert(gone)))


def test_a_cosine_is_the_weighted_mean_of_the_parts_cosines(
    settings: FakeSettings, tmp_path: Path
) -> None:
    shop = both()
    settings = weighed(settings, "shape=3", "colour=1")
    bundle = open_bundle(build_candidate(settings, FakeStore(shop)).path, proven=False)
    assert [(p.extractor, p.dim, p.weight) for p in bundle.manifest.parts] == [
        (SHAPE, 64, 0.75),
        (COLOUR, 24, 0.25),
    ]
    assert bundle.manifest.dim == 88
    assert bundle.manifest.extractor == f"{SHAPE}*0.75 + {COLOUR}*0.25"
    cosines = []
    for name, extractor in (("shape", SHAPE), ("colour", COLOUR)):
        alone = replace(settings, home=tmp_path / name)
        index = replace(alone.index, weights=(), extractor=extractor)
        one = build_candidate(replace(alone, index=index), FakeStore(shop))
        vectors = open_bundle(one.path, proven=False).vectors[:]
        cosines.append(vectors[:40] @ vectors.T)
    together = bundle.vectors[:40] @ bundle.vectors[:].T
    assert np.allclose(together, 0.75 * cosines[0] + 0.25 * cosines[1], atol=1e-5)


def test_a_combination_is_published_and_not_built_again(settings: FakeSettings) -> None:
    store = FakeStore(both())
    settings = weighed(settings, "shape=0.7", "colour=0.3")
    live = build_and_publish(settings, store)
    assert registry_of(settings).manifest(live).measurements["left_out"]["regions"] == 0
    assert not needs_build(settings, store)
    assert needs_build(weighed(settings, "shape=0.6", "colour=0.4"), store)
    assert needs_build(weighed(settings, "shape=1"), store)


def test_what_one_of_them_has_not_described_is_left_out_and_counted(
    settings: FakeSettings, caplog: pytest.LogCaptureFixture
) -> None:
    shop = without(both(), COLOUR, "item-00007", "item-00011")
    settings = weighed(settings, "shape=0.7", "colour=0.3")
    with caplog.at_level(logging.WARNING):
        manifest = build_candidate(settings, FakeStore(shop)).manifest
    assert manifest.counts.items == 52
    lost = manifest.measurements["left_out"]
    assert (lost["regions"], lost["items"]) == (2, 2)
    assert lost["examples"] == ["item-00007", "item-00011"]
    assert "left out, with them 2 items: 'item-00007', 'item-00011'" in caplog.text


def test_vectors_are_joined_by_region_whatever_the_order_of_the_parts(tmp_path: Path) -> None:
    shop = without(both(), SHAPE, "item-00003")
    gathered = gather(shop, [COLOUR, SHAPE], tmp_path)
    assert gathered.dims == (24, 64)
    rows = shop.described.to_pylist()
    of = {
        (row["item_id"], row["image_index"], row["region_id"], row["extractor"]): row["vector"]
        for row in rows
    }
    ids = gathered.items["item_id"].to_pylist()
    images: dict[tuple[int, str], int] = {}
    for region, vector in zip(gathered.regions.to_pylist(), gathered.vectors, strict=True):
        item = region["item"]
        index = images.setdefault(
            (item, region["image_id"]), sum(1 for owner, _ in images if owner == item)
        )
        key = (ids[item], index, region["region_id"])
        parts = [np.asarray(of[(*key, extractor)]) for extractor in (COLOUR, SHAPE)]
        expected = np.hstack([part / np.linalg.norm(part) for part in parts])
        assert np.allclose(vector, expected, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["joined.f32"]


def test_extractors_without_a_common_region_are_named(settings: FakeSettings) -> None:
    every = [f"item-{number:05d}" for number in range(54)]
    shop = without(both(), COLOUR, *every[:30])
    shop = without(shop, SHAPE, *every[30:])
    with pytest.raises(IndexBuildError, match=f"described by {SHAPE} and {COLOUR}"):
        build_candidate(weighed(settings, "shape=1", "colour=1"), FakeStore(shop))
    assert list((settings.home / "bundles").iterdir()) == []


def test_a_name_means_the_only_identity_of_it(settings: FakeSettings) -> None:
    parts = choose_parts(both(4), weighed(settings, "colour=1", f"{SHAPE}=1"))
    assert [(part.extractor, part.weight) for part in parts] == [(COLOUR, 0.5), (SHAPE, 0.5)]


def test_a_name_of_several_identities_or_of_none_is_refused(settings: FakeSettings) -> None:
    shop = both(4)
    again = make_shop(4, 64, extractor="shape@ffffffffffff").described
    shop = replace(shop, described=pa.concat_tables([shop.described, again]))
    with pytest.raises(IndexBuildError, match=r"'shape', which is not one .*: shape@0123.*ffff"):
        choose_parts(shop, weighed(settings, "shape=1", "colour=1"))
    with pytest.raises(IndexBuildError, match=r"'texture', which is none .*: colour@.*shape@"):
        choose_parts(shop, weighed(settings, "texture=1"))
    with pytest.raises(IndexBuildError, match="names one extractor twice"):
        choose_parts(shop, weighed(settings, "colour=1", f"{COLOUR}=1"))
