"""What lies in the bucket of a test, seen past the registry."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from feature_store.bundle import RemoteRegistry
from feature_store.bundle import remote as remote_module
from feature_store.storage import Bucket


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


def aged(remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch, days: int = 2) -> None:
    """Let everything that is in the bucket now be some days old."""
    monkeypatch.setattr(remote_module, "GRACE", dt.timedelta(days=-days))
