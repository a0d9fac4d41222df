"""Two bundles of a small shop, one of which is live."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry
from tests.feature_store.compare.circle import CircleSettings, Made, row_of_things, write_bundle


@pytest.fixture
def settings(tmp_path: Path) -> CircleSettings:
    return CircleSettings(tmp_path)


@pytest.fixture
def pair(settings: CircleSettings) -> tuple[str, str]:
    """`old`, which is live, and `new`, of another extractor, where every second item has moved."""
    things = row_of_things(20, category="bags")
    write_bundle(settings.home, "old", things)
    moved = [
        thing if n % 2 else type(thing)(thing.item_id, thing.degrees + 90, category="hats")
        for n, thing in enumerate(things)
    ]
    write_bundle(settings.home, "new", moved, Made(extractor="lens@111111111111"))
    BundleRegistry(settings.home / "bundles").publish("old")
    return "old", "new"
