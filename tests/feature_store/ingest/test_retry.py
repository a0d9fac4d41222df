"""Images that failed are tried again, ever more seldom, until a person must ask for it."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.errors import SettingsError
from feature_store.images.settings import ImageSettings
from feature_store.ingest import dead_letters, requeue_items
from feature_store.ingest.requeue import FOLDER, read_requests
from feature_store.ingest.retry import is_dead, is_due
from feature_store.ingest.settings import IngestSettings
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.feature_store.images.shop_server import running
from tests.feature_store.ingest.days import FIRST, Run, ledger
from tests.feature_store.ingest.shop import Shop

HOUR = dt.timedelta(hours=1)
SETTINGS = IngestSettings(retry_after_hours=20, max_attempts=4)


@pytest.mark.parametrize(
    ("attempts", "hours", "due"),
    [(1, 19.9, False), (1, 20, True), (2, 39, False), (2, 40, True), (3, 79, False), (3, 80, True)],
)
def test_the_wait_doubles_with_every_try(attempts: int, hours: float, due: bool) -> None:
    assert is_due("timed_out", attempts, FIRST, FIRST + hours * HOUR, SETTINGS) is due


def test_a_try_that_a_wrong_clock_wrote_down_is_not_waited_for() -> None:
    years = dt.timedelta(days=3650)
    assert is_due("timed_out", 1, FIRST + years, FIRST, SETTINGS)
    assert not is_due("timed_out", 1, FIRST + HOUR, FIRST, SETTINGS)  # clocks differ a little


def test_the_wait_never_leaves_the_calendar() -> None:
    patient = IngestSettings(max_attempts=10_000)
    for attempts in (30, 9_999):
        assert not is_due("missing", attempts, FIRST, FIRST + HOUR, patient)
        assert is_due("missing", attempts, FIRST, FIRST + 100_000 * HOUR, patient)


@pytest.mark.parametrize(
    ("reason", "attempts", "dead"),
    [
        ("timed_out", 3, False),
        ("unreachable", None, False),
        ("missing", 4, True),
        ("corrupt", 1, True),
    ],
)
def test_what_lasts_or_was_tried_often_enough_is_dead(
    reason: str, attempts: int | None, dead: bool
) -> None:
    assert is_dead(reason, attempts, SETTINGS) is dead
    assert is_due(reason, attempts, None, FIRST, SETTINGS) is not dead


def lost(shop: Shop, home: Path, **ingest: int) -> Settings:
    """A shop of four items, one of which has a photo that is not there."""
    shop.stock(3)
    shop.sell("lost", "lost.png")
    return shop.settings(home, **ingest)


def tries(settings: Settings) -> tuple[object, object]:
    row = ledger(settings)["lost"]
    tried_at = row["tried_at"]
    assert isinstance(tried_at, dt.datetime)
    return row["attempts"], (tried_at - FIRST).days


def test_a_lost_photo_is_tried_on_some_days_and_then_left_alone(shop: Shop, home: Path) -> None:
    settings = lost(shop, home, max_attempts=3)
    found = []
    for day in range(1, 9):
        run = Run(settings, day)
        found.append((run.commit.items, *tries(settings)))
        assert run.seen == ((3, 6) if day == 1 else (0, 0))
    # After 20 hours, then after 40, which the fourth day is the first to see; then it is dead.
    assert found == [
        (4, 1, 0), (1, 2, 1), (0, 2, 1), (1, 3, 3), (0, 3, 3), (0, 3, 3), (0, 3, 3), (0, 3, 3),
    ]  # fmt: skip
    dead = dead_letters(open_store(settings).snapshot().ledger(), settings.ingest)
    assert dead["item_id"].to_pylist() == ["lost"]


def test_a_day_run_again_does_not_count_as_another_try(shop: Shop, home: Path) -> None:
    settings = lost(shop, home)
    first = Run(settings, 1)
    again = Run(settings, 1, FIRST + 5 * HOUR)
    assert (again.commit, tries(settings)) == (first.commit, (1, 0))
    second = Run(settings, 2)
    assert Run(settings, 2, FIRST + 30 * HOUR).commit == second.commit
    assert tries(settings) == (2, 1)


def test_a_photo_that_turns_up_is_used_at_once(shop: Shop, home: Path) -> None:
    settings = lost(shop, home)
    Run(settings, 1)
    Run(settings, 2)
    shop.draw("lost.png", 70)
    third = Run(settings, 3)  # the back-off is not over, but the file is there
    assert (third.commit.items, third.seen) == (1, (1, 2))
    assert (ledger(settings)["lost"]["status"], *tries(settings)) == ("indexed", 3, 2)


def test_a_host_that_was_down_is_asked_again(shop: Shop, home: Path) -> None:
    photo = (shop.folder / shop.draw("photo.png", 5)).read_bytes()
    shop.stock(3)
    with running(photo) as server:
        shop.sell("lost", server.url("/flaky?3"))
        images = ImageSettings(allow_http=True, allow_private_hosts=True, attempts=1)
        settings = replace(shop.settings(home), images=images)
        Run(settings, 1)
        assert ledger(settings)["lost"]["reason"] == "unreachable"
        Run(settings, 2)
        assert tries(settings) == (2, 1)
        Run(settings, 3)
        assert server.requests["/flaky"] == 2
        Run(settings, 4)
    assert (ledger(settings)["lost"]["status"], *tries(settings)) == ("indexed", 3, 3)


def test_a_requeued_photo_is_read_whatever_its_fingerprint_says(shop: Shop, home: Path) -> None:
    """A person who sees the wrong picture knows better than a tag that did not change."""
    shop.stock(2)
    settings = shop.settings(home)
    Run(settings, 1)
    path = shop.folder / "0.png"
    before = path.stat()
    shop.draw("0.png", 99)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    [old, _] = open_store(settings).snapshot().ledger()["image_id"].to_pylist()
    requeue_items(home, ["item 00", "item 01"])
    Run(settings, 2)
    batch, _ = open_store(settings).partition("2026-03-02")
    assert batch.ledger["item_id"].to_pylist() == ["item 00"]  # the other one is as it was
    assert batch.ledger["image_id"].to_pylist() != [old]


def test_requeued_items_are_looked_at_whatever_became_of_them(shop: Shop, home: Path) -> None:
    shop.stock(6)
    settings = lost(shop, home, max_attempts=1)
    shop.sell("torn", "torn.png")
    (shop.folder / "torn.png").write_bytes(b"torn")
    shop.write()
    Run(settings, 1)
    assert Run(settings, 2).commit.items == 0
    assert requeue_items(home, ["lost", "torn", "item 00", "never sold"]) == 4
    third = Run(settings, 3)
    assert (third.commit.items, third.seen) == (2, (0, 0))  # nothing is new of item 00
    assert tries(settings) == (1, 2)
    assert not read_requests(home).files
    assert Run(settings, 4).commit.items == 0


def test_a_request_outlives_a_day_that_fails_and_one_made_meanwhile(shop: Shop, home: Path) -> None:
    from feature_store.ingest import check_partition, commit_partition, plan_partition
    from feature_store.ingest.shard import process_shard
    from feature_store.schemas import DataInterval
    from tests.feature_store.ingest.shop import quick_models

    settings = lost(shop, home)
    Run(settings, 1)
    requeue_items(home, ["lost"])
    plan = plan_partition(DataInterval.day("2026-03-02"), settings)
    requeue_items(home, ["lost"])
    for shard in plan.shards:
        process_shard(shard, settings, quick_models())
    assert len(read_requests(home).files) == 2
    assert check_partition("2026-03-02", settings).passed
    commit_partition("2026-03-02", settings)
    assert len(read_requests(home).files) == 1


def test_a_damaged_request_is_passed_over(home: Path) -> None:
    requeue_items(home, ["one"])
    (home / FOLDER / "torn.json").write_text('{"items": ["tw')
    assert read_requests(home).items == {"one"}


def test_many_that_fail_again_do_not_stop_a_day(shop: Shop, home: Path) -> None:
    shop.stock(300)
    for number in range(25):
        shop.sell(f"lost {number:02d}", f"lost {number}.png")
    settings = shop.settings(home, items_per_shard=512)
    Run(settings, 1)
    assert Run(settings, 2).commit.items == 25


@pytest.mark.parametrize(
    ("field", "value"), [("recheck_days", -1), ("retry_after_hours", -1.0), ("max_attempts", 0)]
)
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(SettingsError, match=field):
        IngestSettings(**{field: value})  # type: ignore[arg-type]
