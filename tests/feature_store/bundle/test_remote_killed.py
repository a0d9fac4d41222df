"""Publishing into a bucket, and pruning there, cut short at any step: the next one completes it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from feature_store.bundle import RemoteRegistry
from feature_store.errors import BundleError
from feature_store.storage import Bucket
from tests.feature_store.bundle.bucket_objects import aged, files, names


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
