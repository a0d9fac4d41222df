"""The registry in a bucket, against a real emulator: two publishers, killed ones, damaged ones."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import shutil
import signal
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry, RemoteRegistry, open_registry
from feature_store.bundle import remote as remote_module
from feature_store.bundle.format import prove, read_manifest
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Bucket

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def remote(registry: BundleRegistry, bucket: str) -> RemoteRegistry:
    """Nothing is published yet; the bundles a, b and c wait in the local folder."""
    return RemoteRegistry(f"gs://{bucket}/shop/bundles", registry.folder)


@pytest.fixture
def objects(bucket: str, remote: RemoteRegistry) -> Bucket:
    return Bucket(bucket)


def names(objects: Bucket, bundle_id: str = "") -> set[str]:
    prefix = f"shop/bundles/{bundle_id}"
    return {entry.name.removeprefix(prefix).lstrip("/") for entry in objects.list(prefix)}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def overwrite(objects: Bucket, name: str, data: bytes) -> None:
    name = f"shop/bundles/{name}"
    objects.write(name, data, if_generation=objects.about(name).generation)


def other(remote: RemoteRegistry, folder: Path) -> RemoteRegistry:
    """The same place, seen from another machine, which has bundles of its own."""
    return RemoteRegistry(remote.location, folder)


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


def test_the_loser_of_a_race_is_told_who_won(
    remote: RemoteRegistry, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.publish("c")
    rival = other(remote, remote.folder)
    real = remote_module.send

    def send_while_another_publishes(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(remote_module, "send", real)
        monkeypatch.setattr(rival, "_local", BundleRegistry(remote.folder.parent / "elsewhere"))
        rival.publish("b")

    monkeypatch.setattr(remote_module, "send", send_while_another_publishes)
    with pytest.raises(BundleError, match=r"somebody published b .* publish a again"):
        remote.publish("a")
    assert remote.current() == "b"
    assert names(objects, "a") == files(remote.folder / "a")
    remote.publish("a")
    assert remote.rollback() == "b"


def test_of_many_publishers_at_once_none_is_lost_unnoticed(
    remote: RemoteRegistry, tmp_path: Path
) -> None:
    remote.publish("c")
    start = threading.Barrier(4)
    told: dict[str, list[str]] = {"won": [], "lost": []}

    def publish(number: int) -> None:
        bundle_id = "ab"[number % 2]
        folder = tmp_path / f"machine-{number}"
        shutil.copytree(remote.folder / bundle_id, folder / bundle_id)
        machine = other(remote, folder)
        start.wait()
        try:
            machine.publish(bundle_id)
            told["won"].append(bundle_id)
        except BundleError as error:
            told["lost" if "meanwhile" in str(error) else str(error)].append(bundle_id)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flips = [entry["bundle_id"] for entry in remote.pointer().flips]
    assert sorted(flips) == sorted(["c", *told["won"]])
    assert len(told["won"]) + len(told["lost"]) == 4
    assert told["won"]
    assert remote.current() == flips[-1]


def test_the_answer_that_was_lost_is_no_conflict(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Bucket.write

    def write_and_lose_the_answer(
        self: Bucket, name: str, data: bytes, *, if_generation: int
    ) -> int:
        generation = real(self, name, data, if_generation=if_generation)
        if name.endswith("CURRENT"):
            raise StorageError("changed", "as the library says when it tries again")
        return generation

    monkeypatch.setattr(Bucket, "write", write_and_lose_the_answer)
    remote.publish("a")
    assert remote.current() == "a"
    assert len(remote.pointer().flips) == 1


def _publish_until_killed(location: str, folder: Path, files_sent: int) -> None:
    real = Bucket.upload
    sent = []

    def upload(self: Bucket, name: str, path: Path, *, if_generation: int) -> int:
        if len(sent) == files_sent:
            os.kill(os.getpid(), signal.SIGKILL)
        sent.append(name)
        return real(self, name, path, if_generation=if_generation)

    Bucket.upload = upload  # type: ignore[method-assign]
    RemoteRegistry(location, folder).publish("b")


@pytest.mark.parametrize("files_sent", [0, 1, 5, 13])
def test_a_publisher_that_was_killed_is_completed_by_the_next(
    remote: RemoteRegistry, objects: Bucket, files_sent: int
) -> None:
    remote.publish("a")
    assert len(files(remote.folder / "b")) > 13
    killed = multiprocessing.get_context("spawn").Process(
        target=_publish_until_killed, args=(remote.location, remote.folder, files_sent)
    )
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    assert len(names(objects, "b") - {".unfinished"}) == files_sent
    assert remote.current() == "a"
    with pytest.raises(BundleError, match="is no bundle"):
        remote.manifest("b")
    # Sealed once more meanwhile: nobody has seen the half bundle, so that it may change.
    from feature_store.bundle.write import seal

    seal(remote.folder / "b", True, {"again": True}, "another page")
    remote.publish("b")
    assert remote.current() == "b"
    assert names(objects, "b") == files(remote.folder / "b")
    assert remote.rollback() == "a"


def test_a_half_bundle_that_others_write_into_is_never_finished(
    remote: RemoteRegistry, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Bucket.upload

    def upload_and_be_overwritten(
        self: Bucket, name: str, path: Path, *, if_generation: int
    ) -> int:
        generation = real(self, name, path, if_generation=if_generation)
        if name.endswith("/items.arrow"):
            return self.write(name, b"another's", if_generation=generation)
        return generation

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "upload", upload_and_be_overwritten)
        with pytest.raises(BundleError, match=r"items\.arrow is not what"):
            remote.publish("a")
    assert "manifest.json" not in names(objects, "a")
    assert remote.current() is None
    remote.publish("a")
    assert names(objects, "a") == files(remote.folder / "a")


def aged(remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, days: int = 2) -> None:
    """Let everything that is in the bucket now be some days old."""
    monkeypatch.setattr(remote_module, "GRACE", dt.timedelta(days=-days))


def test_pruning_keeps_what_may_still_be_read(
    remote: RemoteRegistry, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(("a", "b", "c")):
        path = remote.folder / name / "manifest.json"
        path.write_text(
            path.read_text().replace(
                read_manifest(path.parent).created_at, f"2026-01-0{number + 1}T00:00:00+00:00"
            )
        )
        remote.publish(name)
    assert remote.prune(keep=1) == ()  # all were live within the last day
    aged(remote, monkeypatch)
    assert remote.prune(keep=1, dry_run=True) == ("a",)
    assert names(objects, "a")
    assert remote.prune(keep=1) == ("a",)
    assert names(objects, "a") == set()
    assert not (remote.folder / "a").exists()
    assert remote.current() == "c"
    assert remote.rollback() == "b"
    assert remote.prune(keep=1) == ()
    assert remote.current() == "b"


def test_a_bundle_that_is_being_pruned_cannot_be_flipped_to(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        remote.publish(name)
    aged(remote, monkeypatch)
    real = remote_module.send

    def send_while_another_prunes(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(remote_module, "send", real)
        rival = other(remote, tmp_path / "elsewhere")
        removed = [row.bundle_id for row in rival.list() if row.bundle_id not in ("b", "c")]
        assert set(rival.prune(keep=0)) == set(removed) == {"a"}

    monkeypatch.setattr(remote_module, "send", send_while_another_prunes)
    with pytest.raises(BundleError, match="was removed meanwhile"):
        remote.rollback("a")
    assert remote.current() == "c"


def test_pruning_in_a_race_with_a_flip_removes_nothing(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, objects: Bucket, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        remote.publish(name)
    aged(remote, monkeypatch)
    real = remote_module.superfluous

    def choose_while_another_goes_back(*arguments: object) -> tuple[str, ...]:
        chosen = real(*arguments)  # type: ignore[arg-type]
        other(remote, tmp_path / "elsewhere").rollback("a")
        return chosen

    monkeypatch.setattr(remote_module, "superfluous", choose_while_another_goes_back)
    assert remote.prune(keep=0) == ()
    assert remote.current() == "a"
    assert names(objects, "a")


def test_only_leftovers_of_our_own_are_swept_up(
    remote: RemoteRegistry, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.publish("a")
    foreign = {"photos/1.jpg", "photos/manifest.json", "notes/today.txt", "readme"}
    for name in foreign:
        objects.write(f"shop/bundles/{name}", b"{}", if_generation=0)
    for name in ("half/items.arrow", "half/.unfinished"):
        objects.write(f"shop/bundles/{name}", b"", if_generation=0)
    remote.prune(keep=0)
    assert names(objects, "half") == {"items.arrow", ".unfinished"}
    aged(remote, monkeypatch)
    assert remote.prune(keep=0) == ()
    assert names(objects, "half") == set()
    assert foreign <= names(objects)
    assert names(objects, "a/") == files(remote.folder / "a")


def test_a_removal_that_was_cut_short_is_swept_up(
    remote: RemoteRegistry, objects: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        remote.publish(name)
    aged(remote, monkeypatch)
    real, left = Bucket.delete, [3]

    def delete(self: Bucket, name: str) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(self, name)

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "delete", delete)
        with pytest.raises(KeyboardInterrupt):
            remote.prune(keep=0)
    assert names(objects, "a")
    with pytest.raises(BundleError, match="is no bundle"):
        remote.manifest("a")
    remote.prune(keep=0)
    assert names(objects, "a") == set()


@pytest.mark.parametrize(
    "name", ["../escaped", "/etc/escaped", "a/../../escaped", "", ".", "a//b", "gate.json", "a\0b"]
)
def test_a_manifest_cannot_name_files_outside(
    remote: RemoteRegistry, objects: Bucket, tmp_path: Path, name: str
) -> None:
    remote.publish("a")
    manifest = asdict(remote.manifest("a"))
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 3}
    overwrite(objects, "a/manifest.json", json.dumps(manifest).encode())
    mirror = tmp_path / "deep" / "mirror"
    with pytest.raises(BundleError, match="names the file"):
        remote.receive("a", mirror)
    assert [path.name for path in mirror.iterdir()] == [".receiving"]


@pytest.mark.parametrize("fault", ["gone", "swapped", "longer", "no gate", "no manifest"])
def test_a_bad_bundle_is_not_received(
    remote: RemoteRegistry, objects: Bucket, tmp_path: Path, fault: str
) -> None:
    remote.publish("a")
    vectors = (remote.folder / "a" / "vectors.npy").read_bytes()
    if fault == "swapped":
        overwrite(objects, "a/vectors.npy", vectors[:-1] + bytes([vectors[-1] ^ 1]))
    elif fault == "longer":
        overwrite(objects, "a/vectors.npy", vectors + b"1")
    else:
        gone = {"gone": "vectors.npy", "no gate": "gate.json", "no manifest": "manifest.json"}
        objects.delete(f"shop/bundles/a/{gone[fault]}")
    with pytest.raises(BundleError):
        remote.receive("a", tmp_path / "mirror")
    assert [path.name for path in (tmp_path / "mirror").iterdir()] == [".receiving"]


def test_a_damaged_copy_is_received_again(remote: RemoteRegistry, tmp_path: Path) -> None:
    remote.publish("a")
    mirror = tmp_path / "mirror"
    received = remote.receive("a", mirror)
    untouched = (received / "items.arrow").stat().st_mtime_ns
    remote.receive("a", mirror)
    assert (received / "items.arrow").stat().st_mtime_ns == untouched
    (received / "items.arrow").write_bytes(b"damaged")
    remote.receive("a", mirror)
    prove(received)
    assert sorted(path.name for path in mirror.iterdir()) == [".receiving", "a"]


def test_a_bucket_that_cannot_be_reached_is_an_error_of_its_own(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_store.storage import Timing

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", NOBODY)
    far = RemoteRegistry(remote.location, remote.folder, Timing(retry_seconds=0.1))
    with pytest.raises(StorageError) as failed:
        far.publish("a")
    assert failed.value.reason == "unreachable"
