"""A home whose store holds two days of a small shop; none of its files is younger than a month."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from PIL import Image

from feature_store.nightly import build_candidate
from feature_store.settings import Settings
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import image_id, make_batch
from tests.feature_store.upkeep.ages import age

ITEMS = [f"item {number}" for number in range(6)]
FIRST, SECOND = "2026-03-01", "2026-03-02"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The first day sells six items; each has a photo with a thumbnail."""
    settings = Settings(home=tmp_path / "home")
    store(settings, days=30).replace_partition(FIRST, make_batch(FIRST, ITEMS))
    for item in ITEMS:
        thumbnail(settings, item, 0)
    return settings


def store(settings: Settings, days: float) -> DeltaFeatureStore:
    """Open the store of a home whose clock shows the time `days` ago."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    return DeltaFeatureStore(settings.home / "store", clock=lambda: then)


def thumbnail(settings: Settings, item: str, seed: int, days: float = 30) -> Path:
    """Write the thumbnail of an item's photo, `days` old."""
    name = image_id(item, 0, seed)
    path = settings.thumbnails / name[:2] / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), "teal").save(path)
    return age(path, days)


def second_day(settings: Settings, days: float) -> None:
    """Give item 0 another photo, and take item 1 from the shop; that was `days` ago."""
    batch = make_batch(SECOND, ITEMS[:1], deleted=ITEMS[1:2], seed=1)
    store(settings, days).replace_partition(SECOND, batch)
    thumbnail(settings, ITEMS[0], 1)


@pytest.fixture
def bundle(settings: Settings) -> Path:
    """A bundle of the first day."""
    return build_candidate(settings).path
