from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Bundle, open_bundle
from feature_store.bundle.format import digest_file
from feature_store.bundle.tier import (
    TierPointer,
    open_tier,
    parse_tier_manifest,
    read_pointer,
    tier_id_of,
    tiers_folder,
)
from feature_store.bundle.tiers import TierShelf
from feature_store.errors import BundleError
from feature_store.fresh import refresh
from tests.feature_store.fresh.shops import Edits, Home, edit
from tests.feature_store.nightly.fake_shop import FakeStore, make_shop


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A bundle of 20 items and its tier: two new ones, one gone, one with another row."""
    home = Home(tmp_path_factory.mktemp("tier"), make_shop(20, 24))
    home.refresh(edit(home.shop, Edits(gone=[3], new=2, rows={5: {"price": 1.0}}), version=2))
    return home


@pytest.fixture
def bundles(made: Home, tmp_path: Path) -> Path:
    """Its folder of bundles, which may be damaged."""
    return Path(shutil.copytree(made.settings.home / "bundles", tmp_path / "bundles"))


@pytest.fixture
def bundle(made: Home, bundles: Path) -> Bundle:
    return open_bundle(bundles / made.bundle_id)


@pytest.fixture
def folder(made: Home, bundles: Path) -> Path:
    """The tier's."""
    pointer = read_pointer(bundles, made.bundle_id)
    assert pointer is not None
    return tiers_folder(bundles, made.bundle_id) / pointer.tier_id


def test_a_tier_opens(bundle: Bundle, folder: Path) -> None:
    tier = open_tier(folder, bundle)
    assert tier.tier_id == folder.name
    assert (tier.manifest.items, tier.manifest.gone) == (3, 1)
    assert tier.items["item_id"].to_pylist() == ["item-00005", "item-00020", "item-00021"]
    assert tier.alias[[2, 3, 5]].tolist() == [2, -1, 20]
    assert tier.vectors.dtype == np.float32


@pytest.mark.parametrize(
    "name", ["items.arrow", "regions.arrow", "facets.arrow", "vectors.npy", "alias.npy"]
)
def test_a_flipped_byte_or_a_missing_file_is_named(bundle: Bundle, folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=rf"{name} is damaged"):
        open_tier(folder, bundle)
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf"{name} is missing"):
        open_tier(folder, bundle)


def test_what_is_no_tier_is_refused(bundle: Bundle, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no tier"):
        open_tier(tmp_path / "nothing", bundle)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
        open_tier(folder, bundle)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format_version": 99}, "format version 99"),
        ({"bundle_id": "another"}, "not that of its content"),
        ({"tier_id": "0" * 16}, "not that of its content"),
        ({"files": {}}, "does not list the files"),
    ],
)
def test_a_manifest_that_lies_is_refused(
    bundle: Bundle, folder: Path, change: dict[str, object], complaint: str
) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError, match=complaint):
        open_tier(folder, bundle)


def sealed_again(folder: Path) -> None:
    """Make a manifest that vouches for whatever the files are now."""
    manifest = parse_tier_manifest((folder / "manifest.json").read_bytes(), "here")
    files = {name: digest_file(folder / name) for name in manifest.files}
    told = json.loads(manifest.to_json())
    told["files"] = {name: {"sha256": d.sha256, "bytes": d.bytes} for name, d in files.items()}
    told["tier_id"] = tier_id_of(manifest.bundle_id, files)
    (folder / "manifest.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("alias.npy", lambda a: np.where(np.arange(len(a)) == 2, 23, a).astype(np.int32)),
        ("alias.npy", lambda a: np.where(np.arange(len(a)) == 2, 4, a).astype(np.int32)),
        ("alias.npy", lambda a: a[:-1]),
        ("alias.npy", lambda a: a.astype(np.int64)),
        ("vectors.npy", lambda a: a[:, :-1]),
        ("vectors.npy", lambda a: a[:-1]),
    ],
)
def test_numbers_that_lead_nowhere_are_refused(
    bundle: Bundle, folder: Path, name: str, spoil: object
) -> None:
    np.save(folder / name, spoil(np.load(folder / name)))  # type: ignore[operator]
    sealed_again(folder)
    with pytest.raises(BundleError, match=rf"{name} does not fit bundle"):
        open_tier(folder, bundle)


def test_a_tier_of_another_bundle_is_refused(
    folder: Path, tmp_path: Path, made: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Home(tmp_path / "elsewhere", make_shop(20, 24))
    assert elsewhere.bundle_id != made.bundle_id
    other = open_bundle(elsewhere.settings.home / "bundles" / elsewhere.bundle_id)
    with pytest.raises(BundleError, match="not of this one"):
        open_tier(folder, other)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[1]", "[" * 50_000),
        '{"tier_id": "../../etc", "at": "", "snapshot_version": 1}',
        '{"tier_id": "0123456789abcdef", "at": "", "snapshot_version": Infinity}',
    ],
)
def test_a_damaged_pointer_is_named(made: Home, bundles: Path, text: str) -> None:
    path = tiers_folder(bundles, made.bundle_id) / "CURRENT"
    path.write_text(text)
    with pytest.raises(BundleError, match="CURRENT is damaged"):
        read_pointer(bundles, made.bundle_id)
    assert read_pointer(bundles, "no-such-bundle") is None


def test_a_pointer_says_what_was_written(made: Home, bundles: Path) -> None:
    pointer = TierPointer("0123456789abcdef", "2026-01-01T00:00:00+00:00", 7, waiting=3)
    TierShelf(bundles).point_at(made.bundle_id, pointer)
    assert read_pointer(bundles, made.bundle_id) == pointer


def test_a_reader_that_is_overtaken_opens_the_newer_tier(
    made: Home, bundles: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = TierShelf(bundles)
    now = shelf.pointer(made.bundle_id)
    assert now is not None
    told = iter([TierPointer("f" * 16, now.at, 1), now])
    monkeypatch.setattr(TierShelf, "pointer", lambda *_: next(told))
    tier = shelf.open(bundle)
    assert tier is not None
    assert tier.tier_id == now.tier_id


def test_a_tier_that_is_pointed_at_but_missing_is_told(
    made: Home, bundles: Path, bundle: Bundle
) -> None:
    shelf = TierShelf(bundles)
    shelf.point_at(made.bundle_id, TierPointer("f" * 16, "now", 1))
    with pytest.raises(BundleError, match="is no tier"):
        shelf.open(bundle)


def test_listings_of_bundles_do_not_show_tiers(made: Home) -> None:
    from feature_store.bundle import BundleRegistry

    registry = BundleRegistry(made.settings.home / "bundles")
    assert [row.bundle_id for row in registry.list()] == [made.bundle_id]
    assert registry.prune(1) == ()
    assert refresh(made.settings, store=FakeStore(made.shop))  # type: ignore[arg-type]
