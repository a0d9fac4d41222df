"""Several who publish, pin or prune in one bucket at once: nobody's change is lost unnoticed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry, RemoteRegistry
from feature_store.bundle import remote as remote_module
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Bucket
from tests.feature_store.bundle.bucket_objects import aged, files, names, other


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


def test_a_build_that_is_on_its_way_when_somebody_pins_publishes_nothing(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    remote.publish("c")
    real = remote_module.send

    def send_while_another_pins(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(remote_module, "send", real)
        other(remote, tmp_path / "elsewhere").pin()

    monkeypatch.setattr(remote_module, "send", send_while_another_pins)
    with pytest.raises(BundleError, match=r"c is pinned, .* a is not made live"):
        remote.publish("a", unless_pinned=True)
    assert remote.current() == "c"


def test_a_flip_and_a_canary_at_once_both_count(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("b", "c"):
        remote.publish(name)
    real = remote_module.send

    def send_while_another_sets_a_canary(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(remote_module, "send", real)
        other(remote, tmp_path / "elsewhere").canary("b", 0.5)

    monkeypatch.setattr(remote_module, "send", send_while_another_sets_a_canary)
    remote.publish("a")
    canary = remote.canary_pointer()
    assert canary is not None
    assert (remote.current(), canary.bundle_id) == ("a", "b")
    assert [entry["action"] for entry in remote.journal()][-2:] == ["canary", "publish"]


def test_a_canary_that_was_made_live_or_removed_meanwhile_is_refused(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        remote.publish(name)
    real = remote_module.send

    def meanwhile(change: Callable[[RemoteRegistry], object]) -> None:
        def send(*arguments: object) -> None:
            real(*arguments)  # type: ignore[arg-type]
            monkeypatch.setattr(remote_module, "send", real)
            change(other(remote, tmp_path / "elsewhere"))

        monkeypatch.setattr(remote_module, "send", send)

    meanwhile(lambda rival: rival.publish("b"))
    with pytest.raises(BundleError, match="b is live"):
        remote.canary("b", 0.5)
    aged(remote, monkeypatch)
    meanwhile(lambda rival: rival.prune(keep=0))
    with pytest.raises(BundleError, match="was removed meanwhile"):
        remote.canary("a", 0.5)
    assert remote.canary_pointer() is None


def test_pruning_in_a_race_with_a_canary_removes_nothing(
    remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, objects: Bucket, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        remote.publish(name)
    aged(remote, monkeypatch)
    real = remote_module.superfluous

    def choose_while_another_sets_a_canary(*arguments: object) -> tuple[str, ...]:
        chosen = real(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(remote_module, "superfluous", real)
        other(remote, tmp_path / "elsewhere").canary("a", 0.5)
        return chosen

    monkeypatch.setattr(remote_module, "superfluous", choose_while_another_sets_a_canary)
    assert remote.prune(keep=0) == ()
    assert names(objects, "a")
    assert remote.prune(keep=0) == (), "nor ever while it is the canary"
    remote.no_canary()
    assert remote.prune(keep=0) == ("a",)
