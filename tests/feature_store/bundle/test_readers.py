"""A reader never meets anything but a whole live bundle, whatever happens to the pointer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from feature_store.bundle import BundleRegistry, RemoteRegistry
from tests.feature_store.bundle.reading import flip, reader

TIMES = 10
"""`make faults` does a hundred."""


def test_in_a_folder(registry: BundleRegistry, tmp_path: Path) -> None:
    registry.publish("a")
    with reader(registry.location, tmp_path / "none") as readings:
        flip(registry, ["a", "b"], TIMES)
    assert readings.torn == []
    assert set(readings.opened) == {"a", "b"}
    assert len(registry.journal()) == 1 + 3 * TIMES


def test_in_a_bucket(remote: RemoteRegistry, tmp_path: Path) -> None:
    remote.publish("a")
    with reader(remote.location, tmp_path / "elsewhere") as readings:
        flip(remote, ["a", "b"], TIMES)
    assert readings.torn == []
    assert readings.opened
    assert len(remote.journal()) == 1 + 3 * TIMES


def test_in_a_folder_where_bundles_come_and_go(registry: BundleRegistry, tmp_path: Path) -> None:
    registry.publish("a")
    sample = shutil.copytree(registry.path("a"), tmp_path / "sample")
    manifest = (sample / "manifest.json").read_text()
    with reader(registry.location, tmp_path / "none") as readings:
        for number in range(2 * TIMES):
            name = f"night-{number:03d}"
            built = registry.folder / f".building-{name}"
            shutil.copytree(sample, built)
            renamed = json.dumps(json.loads(manifest) | {"bundle_id": name})
            (built / "manifest.json").write_text(renamed)
            built.rename(registry.path(name))
            registry.publish(name)
            registry.prune(keep=0)
    assert readings.torn == []
    assert len(readings.opened) > 1
    assert len(registry.list()) < TIMES


def test_what_is_opened_anew_when_it_has_just_been_removed(registry: BundleRegistry) -> None:
    registry.publish("a")
    looks = []
    real = registry.current

    def current_of_before() -> str | None:
        looks.append(real())
        if len(looks) == 1:
            registry.publish("b")
            registry.discard("a")
            return "a"
        return real()

    registry.current = current_of_before  # type: ignore[method-assign]
    assert registry.open().bundle_id == "b"
