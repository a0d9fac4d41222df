"""The registry in a bucket, against a real emulator: publishing, going back, what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry, RemoteRegistry, open_registry
from feature_store.bundle.format import prove, read_manifest
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Bucket
from tests.feature_store.bundle.bucket_objects import files, names, other, overwrite

NOBODY = "http://127.0.0.1:9"


def test_the_location_says_which_registry_it_is(tmp_path: Path) -> None:
    assert isinstance(open_registry(str(tmp_path), tmp_path / "built"), BundleRegistry)
    assert open_registry(str(tmp_path), tmp_path / "built").folder == tmp_path
    remote = open_registry("gs://shop/bundles/", tmp_path / "built")
    assert isinstance(remote, RemoteRegistry)
    assert (remote.location, remote.folder) == ("gs://shop/bundles", tmp_path / "built")
    assert open_registry("GS://shop", tmp_path).location == "gs://shop"
    with pytest.raises(StorageError, match="no possible bucket"):
        open_registry("gs://No Bucket/x", tmp_path)


def test_nothing_is_live_at_first(remote: RemoteRegistry) -> None:
    assert remote.current() is None
    assert {row.bundle_id for row in remote.list()} == {"a", "b", "c", "unjudged"}
    with pytest.raises(BundleError, match="is no bundle"):
        remote.manifest("a")
    with pytest.raises(BundleError, match="no earlier bundle"):
        remote.rollback()


def test_a_published_bundle_is_there_whole_and_live(
    remote: RemoteRegistry, objects: Bucket, tmp_path: Path
) -> None:
    remote.publish("a")
    assert remote.current() == "a"
    assert names(objects, "a") == files(remote.folder / "a")
    assert remote.manifest("a") == read_manifest(remote.folder / "a")
    received = remote.receive("a", tmp_path / "mirror")
    assert files(received) == files(remote.folder / "a")
    prove(received)
    said = json.loads(objects.read("shop/bundles/CURRENT", 1 << 20)[0])
    assert said["bundle_id"] == "a"
    assert [entry["action"] for entry in said["flips"]] == ["publish"]


def test_a_finished_bundle_is_never_written_again(remote: RemoteRegistry, objects: Bucket) -> None:
    remote.publish("a")
    before = {entry.name: entry.generation for entry in objects.list("shop/bundles/a/")}
    remote.publish("a")
    assert {e.name: e.generation for e in objects.list("shop/bundles/a/")} == before
    page = remote.folder / "a" / "report" / "index.html"
    page.write_text("another page")
    manifest = read_manifest(remote.folder / "a")
    with pytest.raises(BundleError, match="damaged"):
        remote.publish("a")
    # Sealed once more, it is a good bundle again, but another one than was published.
    from feature_store.bundle.write import seal

    seal(remote.folder / "a", True, {"again": True}, "another page")
    assert read_manifest(remote.folder / "a") != manifest
    with pytest.raises(BundleError, match="a bundle is never changed"):
        remote.publish("a")
    assert {e.name: e.generation for e in objects.list("shop/bundles/a/")} == before


@pytest.mark.parametrize("bad", ["unjudged", "missing", "../a", "", ".", "a/../b", ".lock"])
def test_what_cannot_be_live_is_refused_and_the_live_one_stays(
    remote: RemoteRegistry, objects: Bucket, bad: str
) -> None:
    remote.publish("a")
    with pytest.raises(BundleError):
        remote.publish(bad)
    with pytest.raises(BundleError):
        remote.rollback(bad or "..")
    assert remote.current() == "a"
    assert names(objects, "unjudged") == set()


def test_a_damaged_bundle_is_not_sent(remote: RemoteRegistry, objects: Bucket) -> None:
    with (remote.folder / "b" / "vectors.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    with pytest.raises(BundleError, match=r"vectors\.npy is damaged"):
        remote.publish("b")
    assert names(objects) == set()


def test_rolling_back_goes_back_step_by_step(remote: RemoteRegistry, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        remote.publish(name)
    assert remote.rollback() == "b"
    elsewhere = other(remote, tmp_path / "elsewhere")  # which fetches what it goes back to
    assert elsewhere.rollback() == "a"
    prove(tmp_path / "elsewhere" / "a")
    with pytest.raises(BundleError, match="no earlier bundle"):
        remote.rollback()
    assert remote.rollback("c") == "c"
    assert remote.rollback() == "a"
    assert remote.current() == "a"


def test_nobody_goes_back_to_a_damaged_bundle(
    remote: RemoteRegistry, objects: Bucket, tmp_path: Path
) -> None:
    remote.publish("a")
    remote.publish("b")
    overwrite(objects, "a/items.arrow", b"damaged")
    with pytest.raises(BundleError, match=r"items\.arrow is not what"):
        remote.rollback()
    with pytest.raises(BundleError, match="damaged"):
        other(remote, tmp_path / "elsewhere").rollback()
    assert remote.current() == "b"
    assert not (tmp_path / "elsewhere" / "a").exists()


def test_a_lost_object_is_sent_again(remote: RemoteRegistry, objects: Bucket) -> None:
    remote.publish("a")
    objects.delete("shop/bundles/a/items.arrow")
    remote.publish("a")
    assert names(objects, "a") == files(remote.folder / "a")


def test_a_current_that_is_no_json_is_a_name(remote: RemoteRegistry, objects: Bucket) -> None:
    remote.publish("a")
    for text, name in ((b"b\n", "b"), (b"\xff\xfe", "\\xff\\xfe"), (b"{", "{"), (b"[1]", "[1]")):
        overwrite(objects, "CURRENT", text)
        assert remote.current() == name
    remote.publish("b")
    assert remote.current() == "b"


def test_a_bucket_that_cannot_be_reached_is_an_error_of_its_own(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_store.storage import Timing

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", NOBODY)
    far = RemoteRegistry(remote.location, remote.folder, Timing(retry_seconds=0.1))
    with pytest.raises(StorageError) as failed:
        far.publish("a")
    assert failed.value.reason == "unreachable"
