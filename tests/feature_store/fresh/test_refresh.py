from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry, Searcher, open_bundle
from feature_store.bundle.tier import tiers_folder
from feature_store.bundle.tiers import TierShelf
from feature_store.errors import FreshTierError, IndexBuildError, NoBundleError, UnknownItemError
from feature_store.fresh import refresh
from feature_store.fresh.settings import FreshSettings
from feature_store.nightly import build_candidate, check_candidate, publish_candidate
from feature_store.schemas import FEATURES
from tests.feature_store.fresh.shops import Edits, Home, edit, item_id, table
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeSnapshot, FakeStore


def shelf(home: Home) -> TierShelf:
    return TierShelf(home.settings.home / "bundles")


def tiers(home: Home, bundle_id: str = "") -> set[str]:
    folder = tiers_folder(home.settings.home / "bundles", bundle_id or home.bundle_id)
    return {path.name for path in folder.glob("*") if path.is_dir()}


def searcher(home: Home) -> Searcher:
    bundle = open_bundle(home.settings.home / "bundles" / home.bundle_id)
    return Searcher(bundle, shelf(home).open(bundle))


def arrivals(home: Home, count: int, version: int) -> FakeSnapshot:
    return edit(home.shop, Edits(new=count), version=version)


def test_without_a_bundle_there_is_nothing_to_refresh(tmp_path: Path) -> None:
    with pytest.raises(NoBundleError, match="nothing has been published"):
        refresh(FakeSettings(tmp_path))


def test_a_bundle_that_is_up_to_date_needs_no_tier(home: Home) -> None:
    assert home.refresh(home.shop).tier_id is None
    done = home.refresh(replace(home.shop, version=2))  # other rows of the ledger, say
    assert (done.tier_id, done.written) == (None, False)
    assert shelf(home).pointer(home.bundle_id) is None


def test_refreshing_again_writes_nothing(home: Home) -> None:
    snapshot = arrivals(home, 3, 2)
    first = home.refresh(snapshot)
    assert (first.written, first.items, first.gone) == (True, 3, 0)
    pointer = shelf(home).pointer(home.bundle_id)
    again = home.refresh(snapshot)
    assert (again.written, again.tier_id) == (False, first.tier_id)
    assert shelf(home).pointer(home.bundle_id) == pointer
    later = home.refresh(replace(snapshot, version=3))
    assert (later.written, later.tier_id) == (False, first.tier_id)
    assert tiers(home) == {first.tier_id}


def test_a_tier_is_named_for_its_content(home: Home) -> None:
    one = home.refresh(arrivals(home, 1, 2))
    two = home.refresh(arrivals(home, 2, 3))
    back = home.refresh(arrivals(home, 1, 4))
    assert one.tier_id == back.tier_id != two.tier_id
    assert shelf(home).pointer(home.bundle_id).tier_id == one.tier_id  # type: ignore[union-attr]
    searcher(home).similar(item_id(20))
    with pytest.raises(UnknownItemError):
        searcher(home).similar(item_id(21))


def test_what_is_undone_needs_an_empty_tier(home: Home) -> None:
    home.refresh(arrivals(home, 2, 2))
    done = home.refresh(replace(home.shop, version=3))
    assert (done.written, done.items, done.gone) == (True, 0, 0)
    answers = searcher(home)
    assert answers.view.item_count == 20
    with pytest.raises(UnknownItemError, match="not in bundle"):
        answers.similar(item_id(20))


def test_too_much_that_is_new_leaves_the_tier_as_it_was(home: Home) -> None:
    first = home.refresh(arrivals(home, 1, 2))
    home.settings = replace(home.settings, fresh=FreshSettings(max_regions=3))
    with pytest.raises(FreshTierError, match=r"a fresh tier may have 3 .*a new bundle is due"):
        home.refresh(arrivals(home, 6, 3))
    assert shelf(home).pointer(home.bundle_id).tier_id == first.tier_id  # type: ignore[union-attr]


def test_a_vector_that_cannot_be_used_is_named_and_changes_nothing(home: Home) -> None:
    snapshot = arrivals(home, 2, 2)
    rows = snapshot.described.to_pylist()
    rows[-1]["vector"] = [0.0] * len(rows[-1]["vector"])
    broken = replace(snapshot, described=table(rows, FEATURES))
    with pytest.raises(IndexBuildError, match=rf"{item_id(21)}.* is zero"):
        home.refresh(broken)
    assert shelf(home).pointer(home.bundle_id) is None
    assert tiers(home) == set()


def test_old_tiers_go_the_served_one_and_open_ones_stay(home: Home) -> None:
    home.settings = replace(home.settings, fresh=FreshSettings(keep_tiers=2))
    written = [home.refresh(arrivals(home, 1, 2)).tier_id]
    held = searcher(home)
    written += [home.refresh(arrivals(home, count, count + 1)).tier_id for count in (2, 3, 4, 5)]
    assert tiers(home) == {written[0], *written[-2:]}
    held.similar(item_id(20))
    del held
    written.append(home.refresh(arrivals(home, 6, 9)).tier_id)
    assert tiers(home) == {*written[-2:]}


def test_the_served_tier_stays_however_old_it_is(home: Home) -> None:
    written = [home.refresh(arrivals(home, count, count)).tier_id for count in (2, 3, 4)]
    home.settings = replace(home.settings, fresh=FreshSettings(keep_tiers=1))
    assert home.refresh(arrivals(home, 2, 9)).tier_id == written[0]  # as it was at first
    assert tiers(home) == {written[0], written[-1]}
    assert searcher(home).view.item_count == 22


def test_tiers_of_removed_bundles_go(home: Home) -> None:
    home.refresh(arrivals(home, 1, 2))
    folder = home.settings.home / "bundles"
    shutil.copytree(tiers_folder(folder, home.bundle_id), tiers_folder(folder, "removed-bundle"))
    home.refresh(arrivals(home, 2, 3))
    assert not tiers_folder(folder, "removed-bundle").exists()
    assert tiers(home)


def test_the_canary_is_brought_up_too(home: Home) -> None:
    candidate = build_candidate(home.settings, FakeStore(arrivals(home, 1, 2)))  # type: ignore[arg-type]
    check_candidate(candidate.path, home.settings)
    registry = BundleRegistry(home.settings.home / "bundles")
    registry.canary(candidate.path.name, 0.1)
    now = FakeStore(arrivals(home, 3, 3))
    live, canary = refresh(home.settings, store=now)  # type: ignore[arg-type]
    assert (live.bundle_id, live.items) == (home.bundle_id, 3)
    assert (canary.bundle_id, canary.items) == (candidate.path.name, 2)
    [only] = refresh(home.settings, candidate.path.name, store=now)  # type: ignore[arg-type]
    assert only == replace(canary, written=False, seconds=only.seconds)


@pytest.mark.parametrize("canary", ["[", '{"bundle_id": "removed-by-hand", "share": 0.5}'])
def test_a_canary_that_cannot_be_read_does_not_keep_the_live_one_back(
    home: Home, canary: str
) -> None:
    (home.settings.home / "bundles" / "CANARY").write_text(canary)
    assert home.refresh(arrivals(home, 1, 2)).written
    searcher(home).similar(item_id(20))


def test_a_damaged_tier_or_pointer_is_written_anew(home: Home) -> None:
    snapshot = arrivals(home, 2, 2)
    first = home.refresh(snapshot)
    folder = tiers_folder(home.settings.home / "bundles", home.bundle_id)
    (folder / str(first.tier_id) / "vectors.npy").write_bytes(b"damaged")
    assert home.refresh(snapshot).tier_id == first.tier_id
    assert searcher(home).view.item_count == 22
    (folder / "CURRENT").write_text("{}")
    home.refresh(snapshot)
    assert json.loads((folder / "CURRENT").read_text())["tier_id"] == first.tier_id


def test_a_damaged_bundle_is_not_built_upon(home: Home) -> None:
    path = home.settings.home / "bundles" / home.bundle_id / "items.arrow"
    path.write_bytes(path.read_bytes().replace(b"Thing", b"Thong", 1))
    with pytest.raises(Exception, match=r"items\.arrow is damaged"):
        home.refresh(arrivals(home, 1, 2))


def test_a_bundle_of_another_store_is_left_alone(home: Home) -> None:
    home.refresh(arrivals(home, 1, 2))
    shop = home.shop
    nothing = FakeSnapshot(
        shop.table.slice(0, 0), shop.rows.slice(0, 0), shop.described.slice(0, 0), version=0
    )
    with pytest.raises(FreshTierError, match="it is another store"):
        home.refresh(nothing)
    assert searcher(home).view.item_count == 21


def test_a_new_bundle_goes_live_with_what_changed_while_it_was_built(home: Home) -> None:
    candidate = build_candidate(home.settings, FakeStore(arrivals(home, 1, 2)))  # type: ignore[arg-type]
    check_candidate(candidate.path, home.settings)
    meanwhile = edit(home.shop, Edits(gone=[4], new=3), version=3)
    home.bundle_id = publish_candidate(candidate.path, home.settings, FakeStore(meanwhile))  # type: ignore[arg-type]
    assert home.bundle_id == candidate.path.name
    answers = searcher(home)
    assert answers.view.item_count == 22
    with pytest.raises(UnknownItemError, match="no longer for sale"):
        answers.similar(item_id(4))
