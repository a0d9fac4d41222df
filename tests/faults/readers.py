"""Publishes and rollbacks under a process that opens the live bundle in a loop: no torn reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from feature_store.bundle import BundleRegistry, Registry, RemoteRegistry
from tests.emulators.gcs import make_bucket, running_gcs
from tests.faults.room import Room
from tests.feature_store.bundle.reading import flip, reader

GROUP = "readers"
FLIPS = 100
"""How often each is done: publishing twice, going back once."""

CAUGHT_BY = "the pointer, replaced whole"


def readers(room: Room) -> None:
    """Flip in a folder, then in a bucket, under a reader."""
    times = 10 if room.short else FLIPS
    usual = room.usual()
    usual.put(len(usual.said) - 1)
    bundles = room.folder / "bundles"
    shutil.copytree(usual.home / "bundles", bundles)
    folder = BundleRegistry(bundles)
    names = [row.bundle_id for row in folder.list() if row.gate_passed][:2]
    _flip(room, folder, names, times)
    with running_gcs(room.folder) as gcs:
        before = os.environ.get("STORAGE_EMULATOR_HOST")
        os.environ["STORAGE_EMULATOR_HOST"] = gcs
        try:
            _flip(room, RemoteRegistry(f"gs://{make_bucket(gcs)}/b", bundles), names, times)
        finally:
            if before is None:
                del os.environ["STORAGE_EMULATOR_HOST"]
            else:
                os.environ["STORAGE_EMULATOR_HOST"] = before


def _flip(room: Room, registry: Registry, names: list[str], times: int) -> None:
    kind = "a bucket" if isinstance(registry, RemoteRegistry) else "a folder"
    registry.publish(names[0])
    elsewhere: Path = room.folder / f"read from {kind}"
    with reader(registry.location, elsewhere) as readings:
        flip(registry, names, times)
    count = sum(readings.opened.values())
    fault = room.report.fault(GROUP, f"{3 * times} flips in {kind}")
    wrong = readings.torn[0] if readings.torn else "" if count else "nothing was read"
    room.report.bad_bundles_published += bool(readings.torn)
    fault.judge(wrong, f"{CAUGHT_BY} ({count} whole readings)")
    room.tell(f"{count} readings of {kind}")
