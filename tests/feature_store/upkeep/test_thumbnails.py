"""A thumbnail goes only when neither a live item nor a kept bundle shows it."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import pytest

from feature_store.bundle.opening import registry_of
from feature_store.bundle.records import CURRENT
from feature_store.settings import Settings
from feature_store.tables import open_store
from feature_store.upkeep.removal import Removal, Remover
from feature_store.upkeep.thumbnails import remove_unseen_thumbnails
from tests.feature_store.batches import image_id
from tests.feature_store.upkeep.ages import tree
from tests.feature_store.upkeep.conftest import ITEMS, second_day, thumbnail


def remove(settings: Settings, *, dry_run: bool = False) -> Removal:
    remover = Remover(time.time() - 7 * 86400, dry_run)
    store, registry = open_store(settings), registry_of(settings)
    return remove_unseen_thumbnails(settings.thumbnails, store, registry, remover)


def left(settings: Settings) -> set[str]:
    return {Path(name).stem for name in tree(settings.thumbnails)}


@pytest.fixture
def days_ago(settings: Settings) -> Settings:
    """The second day was three days ago."""
    second_day(settings, days=3)
    return settings


def test_what_live_items_show_stays(settings: Settings) -> None:
    assert remove(settings) == Removal()
    assert left(settings) == {image_id(item, 0, 0) for item in ITEMS}


def test_what_nothing_shows_goes_and_a_second_time_nothing(days_ago: Settings) -> None:
    gone = {image_id(ITEMS[0], 0, 0), image_id(ITEMS[1], 0, 0)}
    before = left(days_ago)
    found = remove(days_ago, dry_run=True)
    assert found.files == 2
    assert found.freed_bytes > 600
    assert left(days_ago) == before
    assert remove(days_ago) == found
    assert left(days_ago) == before - gone
    assert remove(days_ago) == Removal()


def test_what_was_live_when_a_build_may_have_begun_stays(settings: Settings) -> None:
    second_day(settings, days=0)  # a build of the first day's snapshot may still go on
    before = left(settings)
    assert remove(settings) == Removal()
    assert left(settings) == before


def test_what_a_kept_bundle_shows_stays_and_what_it_does_not_show_goes(
    bundle: Path, days_ago: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (bundle.parent / CURRENT).write_text(f"{bundle.name}\n")  # as when it is published
    thumbnail(days_ago, "an item that nobody shows", 0)
    with caplog.at_level(logging.WARNING):
        assert remove(days_ago).files == 1
    assert not caplog.records
    shutil.rmtree(days_ago.home / "bundles")
    assert remove(days_ago).files == 2


def test_where_a_bundle_cannot_say_what_it_shows_all_stay(
    bundle: Path, days_ago: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    (bundle / "regions.arrow").write_bytes(b"ARROW1 torn")
    with caplog.at_level(logging.WARNING):
        assert remove(days_ago) == Removal()
    assert f"{bundle.name}/regions.arrow cannot be read" in caplog.text


def test_what_an_ingest_has_just_met_stays(days_ago: Settings) -> None:
    thumbnail(days_ago, ITEMS[0], 0, days=0.5)
    thumbnail(days_ago, "an item that is not committed yet", 0, days=0)
    before = left(days_ago)
    assert remove(days_ago).files == 1
    assert before - left(days_ago) == {image_id(ITEMS[1], 0, 0)}


def test_an_empty_store_costs_no_thumbnail(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "other")
    thumbnail(settings, ITEMS[0], 0)
    assert remove(settings) == Removal()
    assert len(left(settings)) == 1
