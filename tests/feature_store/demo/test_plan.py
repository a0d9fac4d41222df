"""The shop's life: most items come on the first day, some come, change and go later."""

from __future__ import annotations

from feature_store.demo.listings import LISTINGS
from feature_store.demo.plan import chance_of, plan_items


def test_the_default_shop_is_large_on_the_first_day_and_on_the_last() -> None:
    items = plan_items(1600, 3, 7)
    assert sum(item.live(0) for item in items) >= 1400
    assert sum(item.live(2) for item in items) >= 1500


def test_every_day_after_the_first_brings_takes_and_changes_items() -> None:
    items = plan_items(1600, 3, 7)
    for day in (1, 2):
        assert any(item.first_day == day for item in items)
        assert any(item.last_day == day for item in items)
        assert any(change.day == day for item in items for change in item.changes)
        assert any(
            photo.first_day == day > item.first_day for item in items for photo in item.photos
        )


def test_one_day_has_no_changes() -> None:
    items = plan_items(50, 1, 7)
    assert all(item.live(0) and not item.changes for item in items)


def test_nothing_changes_after_an_item_has_gone() -> None:
    for item in plan_items(1600, 3, 7):
        if item.last_day is not None:
            assert item.first_day < item.last_day
            assert all(change.day < item.last_day for change in item.changes)
            assert all(photo.first_day < item.last_day for photo in item.photos)


def test_a_live_item_always_shows_a_photo() -> None:
    for item in plan_items(800, 3, 1):
        for day in range(item.first_day, 3):
            shown = [p for p in item.photos if p.first_day <= day < (p.last_day or 99)]
            assert shown, (item.item_id, day)


def test_scenes_show_items_of_other_categories_that_stay_in_the_shop() -> None:
    items = plan_items(1600, 3, 7)
    scenes = [(item, photo) for item in items for photo in item.photos if photo.others]
    assert len(scenes) > 50
    assert {len(photo.others) for _, photo in scenes} == {1, 2, 3}
    for item, photo in scenes:
        together = [item, *(items[number] for number in photo.others)]
        categories = [one.listing.category for one in together]
        assert len(set(categories)) == len(categories)
        assert all(other.live(0) and other.last_day is None for other in together[1:])


def test_categories_are_many_and_evenly_stocked() -> None:
    items = plan_items(1600, 3, 7)
    counts = [sum(item.listing is listing for item in items) for listing in LISTINGS]
    assert len(counts) >= 12
    assert max(counts) - min(counts) <= 1


def test_random_sources_repeat_and_differ() -> None:
    assert chance_of(7, "a", 1).random() == chance_of(7, "a", 1).random()
    assert chance_of(7, "a", 1).random() != chance_of(7, "a", 2).random()
    assert chance_of(7, "a", 1).random() != chance_of(8, "a", 1).random()
