"""Tiers beside bundles in a bucket, against a real emulator: as in a folder."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import RemoteRegistry, Searcher, open_bundle, tiers_remote
from feature_store.bundle.tier import FILES, TierPointer, tiers_folder
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.tiers_remote import RemoteTiers
from feature_store.errors import BundleError, StorageError
from feature_store.fresh.settings import FreshSettings
from feature_store.nightly import build_candidate, check_candidate, publish_candidate
from feature_store.storage import Bucket
from tests.feature_store.fresh.shops import DIM, Edits, Home, edit
from tests.feature_store.nightly.fake_shop import FakeSnapshot, FakeStore, make_shop


@pytest.fixture
def home(tmp_path: Path, bucket: str) -> Home:
    """A small home whose bundles are published in a bucket."""
    return Home(tmp_path / "home", make_shop(20, DIM), bundles_location=f"gs://{bucket}/shop")


@pytest.fixture
def tiers(home: Home) -> RemoteTiers:
    return RemoteTiers(home.settings.bundles)


@pytest.fixture
def objects(bucket: str) -> Bucket:
    return Bucket(bucket)


def arrivals(home: Home, count: int, version: int) -> FakeSnapshot:
    return edit(home.shop, Edits(gone=[3], new=count), version=version)


def names(home: Home, objects: Bucket) -> set[str]:
    prefix = f"shop/_fresh/{home.bundle_id}/"
    return {entry.name.removeprefix(prefix) for entry in objects.list(prefix)}


def test_another_machine_finds_the_tier_and_its_bundle(
    home: Home, tiers: RemoteTiers, objects: Bucket, tmp_path: Path
) -> None:
    done = home.refresh(arrivals(home, 2, 2))
    files = {f"{done.tier_id}/{name}" for name in (*FILES, "manifest.json")}
    assert names(home, objects) == {"CURRENT", *files}
    pointer = tiers.pointer(home.bundle_id)
    assert pointer is not None
    assert (pointer.tier_id, pointer.snapshot_version) == (done.tier_id, 2)
    there = tmp_path / "another machine"
    folder = tiers.receive(home.bundle_id, pointer.tier_id, there)
    assert folder == tiers_folder(there, home.bundle_id) / pointer.tier_id
    TierShelf(there).point_at(home.bundle_id, pointer)
    RemoteRegistry(home.settings.bundles, there).receive(home.bundle_id, there)
    bundle = open_bundle(there / home.bundle_id)
    assert Searcher(bundle, TierShelf(there).open(bundle)).view.item_count == 21
    assert RemoteRegistry(home.settings.bundles, there).current() == home.bundle_id
    assert len(RemoteRegistry(home.settings.bundles, there).list()) == 1


def test_a_machine_without_the_bundle_fetches_it(home: Home, objects: Bucket) -> None:
    shutil.rmtree(home.settings.home)
    done = home.refresh(arrivals(home, 2, 2))
    assert (done.written, done.items) == (True, 2)
    assert "CURRENT" in names(home, objects)


def test_a_new_bundle_is_sent_with_what_changed_while_it_was_built(
    home: Home, tiers: RemoteTiers
) -> None:
    candidate = build_candidate(home.settings, FakeStore(arrivals(home, 1, 2)))  # type: ignore[arg-type]
    check_candidate(candidate.path, home.settings)
    store = FakeStore(arrivals(home, 4, 3))
    live = publish_candidate(candidate.path, home.settings, store)  # type: ignore[arg-type]
    assert live == candidate.path.name
    assert tiers.pointer(live).snapshot_version == 3  # type: ignore[union-attr]


def test_what_is_newer_stays(home: Home, tiers: RemoteTiers) -> None:
    newer = home.refresh(arrivals(home, 2, 5)).tier_id
    older = TierPointer("0" * 16, "before", 4)
    tiers.point_at(home.bundle_id, older)
    assert tiers.pointer(home.bundle_id).tier_id == newer  # type: ignore[union-attr]


def test_a_pointer_that_changes_meanwhile_is_read_again(
    home: Home, tiers: RemoteTiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.refresh(arrivals(home, 2, 2))
    write = Bucket.write
    overtaken: list[str] = []

    def slow(self: Bucket, name: str, data: bytes, *, if_generation: int) -> int:
        if not overtaken:
            overtaken.append(name)
            write(self, name, data.replace(b"later", b"other"), if_generation=if_generation)
        return write(self, name, data, if_generation=if_generation)

    monkeypatch.setattr(Bucket, "write", slow)
    tiers.point_at(home.bundle_id, TierPointer("0" * 16, "later", 9))
    assert overtaken
    assert tiers.pointer(home.bundle_id) == TierPointer("0" * 16, "later", 9)


def test_a_transfer_cut_short_is_completed(
    home: Home, tiers: RemoteTiers, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Bucket.upload

    def cut(self: Bucket, name: str, path: Path, *, if_generation: int) -> int:
        if name.endswith("vectors.npy"):
            raise StorageError("unreachable", "cut")
        return upload(self, name, path, if_generation=if_generation)

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "upload", cut)
        with pytest.raises(StorageError, match="cut"):
            home.refresh(arrivals(home, 2, 2))
    assert tiers.pointer(home.bundle_id) is None
    assert names(home, objects)
    done = home.refresh(arrivals(home, 2, 2))
    assert tiers.pointer(home.bundle_id).tier_id == done.tier_id  # type: ignore[union-attr]
    tiers.receive(home.bundle_id, str(done.tier_id), home.settings.home / "received")


@pytest.mark.parametrize("name", ["vectors.npy", "manifest.json"])
def test_what_is_damaged_or_missing_is_not_taken_over(
    home: Home, tiers: RemoteTiers, objects: Bucket, tmp_path: Path, name: str
) -> None:
    done = home.refresh(arrivals(home, 2, 2))
    path = f"shop/_fresh/{home.bundle_id}/{done.tier_id}/{name}"
    objects.write(path, b"damaged", if_generation=objects.about(path).generation)
    with pytest.raises(BundleError, match=rf"{name} is damaged"):
        tiers.receive(home.bundle_id, str(done.tier_id), tmp_path / "there")
    objects.delete(path)
    with pytest.raises(BundleError, match=r"not whole|no tier's"):
        tiers.receive(home.bundle_id, str(done.tier_id), tmp_path / "there")
    assert not list((tmp_path / "there").rglob("*.npy"))


def test_a_damaged_pointer_is_replaced(home: Home, tiers: RemoteTiers, objects: Bucket) -> None:
    done = home.refresh(arrivals(home, 2, 2))
    path = f"shop/_fresh/{home.bundle_id}/CURRENT"
    objects.write(path, b"{", if_generation=objects.about(path).generation)
    with pytest.raises(BundleError, match="CURRENT is damaged"):
        tiers.pointer(home.bundle_id)
    home.refresh(arrivals(home, 2, 2))
    assert tiers.pointer(home.bundle_id).tier_id == done.tier_id  # type: ignore[union-attr]


def test_old_tiers_go_after_their_time_of_grace(
    home: Home, tiers: RemoteTiers, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.settings = replace(home.settings, fresh=FreshSettings(keep_tiers=1))
    written: list[Any] = [home.refresh(arrivals(home, n, n)).tier_id for n in (2, 3)]
    assert {name.partition("/")[0] for name in names(home, objects)} == {"CURRENT", *written}
    monkeypatch.setattr(tiers_remote, "GRACE", dt.timedelta(0))
    written.append(home.refresh(arrivals(home, 4, 4)).tier_id)
    assert {name.partition("/")[0] for name in names(home, objects)} == {"CURRENT", written[-1]}
    assert set(tiers.prune(1, ())) == {written[-1]}
    assert names(home, objects) == set()
