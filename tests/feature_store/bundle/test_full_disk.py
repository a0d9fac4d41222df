"""A disk that is full while something is published: a clear error, and all as it was before."""

from __future__ import annotations

import multiprocessing
import resource
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import BundleRegistry, RemoteRegistry, open_registry
from feature_store.errors import BundleError

# What is live, and what is said of it, after each thing that somebody tries.
TRIED = {
    "publish": ("b", "CURRENT"),
    "rollback": ("a", "CURRENT"),
    "pin": (None, "PIN"),
    "canary": ("c", "CANARY"),
}


def with_room(
    room_bytes: int, location: str, folder: Path, action: str, bundle_id: str | None
) -> str:
    """Do something while no file can grow beyond so many bytes; return the error, or nothing."""
    spawn = multiprocessing.get_context("spawn")
    told = spawn.Queue()
    given = (room_bytes, location, folder, action, bundle_id, told)
    process = spawn.Process(target=_try, args=given)
    process.start()
    said: str = told.get(timeout=60)
    process.join(60)
    return said


def _try(
    room_bytes: int, location: str, folder: Path, action: str, bundle_id: str | None, told: Any
) -> None:
    registry = open_registry(location, folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, room_bytes))
    more = {"share": 0.5} if action == "canary" else {}
    try:
        if action == "receive":
            assert isinstance(registry, RemoteRegistry)
            registry.receive(str(bundle_id), folder)
        else:
            getattr(registry, action)(bundle_id, **more)
        told.put("")
    except BundleError as error:
        told.put(str(error))
    except Exception as error:  # noqa: BLE001 - no clear error, which the test tells
        told.put(repr(error))


def state(registry: BundleRegistry) -> dict[str, bytes]:
    """All small files of the registry."""
    files = (path for path in registry.folder.iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.parametrize("action", TRIED)
def test_nothing_changes_and_the_file_is_named(registry: BundleRegistry, action: str) -> None:
    for name in ("a", "b"):
        registry.publish(name)
    before = state(registry)
    bundle_id, named = TRIED[action]
    bundle_id = "c" if action == "publish" else bundle_id
    said = with_room(0, registry.location, registry.folder, action, bundle_id)
    assert said.startswith(f"{registry.folder / named} cannot be written (")
    assert "File too large" in said
    assert state(registry) == before
    assert registry.open().bundle_id == "b"
    getattr(registry, action)(bundle_id, **({"share": 0.5} if action == "canary" else {}))


def test_a_flip_that_cannot_be_noted_has_happened_all_the_same(registry: BundleRegistry) -> None:
    for name in ("a", "b"):
        registry.publish(name)
    noted = len(registry.journal())
    full = (registry.folder / "PUBLISHED.jsonl").stat().st_size
    assert with_room(full + 20, registry.location, registry.folder, "publish", "c") == ""
    assert registry.current() == "c"
    assert len(registry.journal()) == noted
    assert registry.previous() == "b"
    # What was cut short spoils no line after it.
    registry.publish("a")
    assert len(registry.journal()) == noted + 2, "the one that was missed is noted, too"
    assert registry.rollback() == "c"


def test_a_bundle_that_has_no_room_is_not_received(remote: RemoteRegistry, tmp_path: Path) -> None:
    remote.publish("a")
    mirror = tmp_path / "mirror"
    said = with_room(4096, remote.location, mirror, "receive", "a")
    assert said.startswith(f"{mirror / 'a'} cannot be written (")
    assert [path.name for path in mirror.iterdir()] == [".receiving"]
    assert remote.receive("a", mirror) == mirror / "a"
