"""Which bundles leave a bucket, and what never does."""

from __future__ import annotations

import pytest

from feature_store.bundle import RemoteRegistry
from feature_store.bundle.format import read_manifest
from feature_store.storage import Bucket
from tests.feature_store.bundle.bucket_objects import aged, files, names


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
