"""Photos that change behind an unchanged address are noticed; a look that finds nothing is free."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from feature_store.errors import GateError
from feature_store.images.settings import ImageSettings
from feature_store.ingest.looks import FILE
from feature_store.ingest.revisit import Check
from feature_store.ingest.settings import IngestSettings
from feature_store.runs import read_runs
from feature_store.schemas import LEDGER
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.feature_store.images.shop_server import running
from tests.feature_store.ingest.days import FIRST, Run, ledger, name, partition
from tests.feature_store.ingest.shop import Shop


def touch(path: Path) -> None:
    """Make a file look new, with the same bytes."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))


def test_a_photo_changed_in_place_is_noticed_the_next_day(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Run(settings, 1)
    before = ledger(settings)
    shop.draw("0.png", 99)
    second = Run(settings, 2)
    assert (second.commit.items, second.commit.images, second.seen) == (1, 1, (1, 2))
    after = ledger(settings)
    assert after["item 00"]["image_id"] != before["item 00"]["image_id"]
    assert {key: after[key] for key in ("item 01", "item 02")} == {
        key: before[key] for key in ("item 01", "item 02")
    }
    assert Run(settings, 3).commit.items == 0


def test_a_file_that_only_looks_new_leaves_the_day_as_it_would_be(
    shop: Shop, tmp_path: Path
) -> None:
    shop.stock(3)
    touched, other = (shop.settings(tmp_path / which) for which in ("touched", "other"))
    for settings in (touched, other):
        Run(settings, 1)
    shop.sell("new", shop.draw("new.png", 50))
    shop.write()
    expected = Run(other, 2).commit
    touch(shop.folder / "0.png")
    found = Run(touched, 2)
    assert (found.commit.content_hash, found.seen) == (expected.content_hash, (1, 2))
    assert found.commit.items == 1


def test_a_file_that_only_looks_new_is_read_once(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    first = Run(settings, 1).commit
    touch(shop.folder / "0.png")
    looked = []
    for day in (2, 3, 4):
        Run(settings, day)
        looked.append(read_runs(home)[-1].images)
    assert looked == [1, 0, 0]
    assert Run(settings, 1, FIRST + dt.timedelta(days=5)).commit == first
    shop.draw("0.png", 99)  # and another photo is noticed all the same
    assert Run(settings, 5).commit.items == 1
    (home / FILE).write_bytes(b"torn")
    assert Run(settings, 6).commit.items == 0


def test_a_day_that_noticed_a_change_keeps_it_when_it_is_run_again(shop: Shop, home: Path) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Run(settings, 1)
    shop.draw("0.png", 99)
    second = Run(settings, 2).commit
    again = Run(settings, 2, FIRST + dt.timedelta(hours=30))
    assert (again.commit, again.seen) == (second, (0, 0))
    shop.sell("new", shop.draw("new.png", 50))
    Run(replace(settings, catalogue_location=str(shop.write("third.csv"))), 3)
    late = Run(settings, 2, FIRST + dt.timedelta(days=9))
    assert late.commit.content_hash == second.content_hash


def test_a_day_before_the_newest_looks_at_nothing_but_its_own_changes(
    shop: Shop, home: Path
) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Run(settings, 1)
    Run(settings, 3)
    shop.draw("0.png", 99)
    assert Run(settings, 2).commit.items == 0
    assert Run(settings, 4).commit.items == 1


@pytest.mark.parametrize("trouble", ["gone", "broken"])
def test_a_photo_in_use_that_is_gone_stays_and_one_that_is_broken_does_not(
    shop: Shop, home: Path, trouble: str
) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    Run(settings, 1)
    before = ledger(settings)["item 00"]
    if trouble == "gone":
        (shop.folder / "0.png").unlink()
        assert Run(settings, 2).commit.items == 0
        assert ledger(settings)["item 00"] == before
    else:
        (shop.folder / "0.png").write_text("no photo")
        assert Run(settings, 2).commit.items == 1
        assert ledger(settings)["item 00"]["reason"] == "not_an_image"
        assert Run(settings, 3).commit.items == 0  # it is known to be as it is


def remote(shop: Shop, home: Path, **ingest: int) -> Settings:
    images = ImageSettings(allow_http=True, allow_private_hosts=True, attempts=1)
    return replace(shop.settings(home, **ingest), images=images)


def test_a_remote_photo_is_asked_for_only_if_it_has_changed(shop: Shop, home: Path) -> None:
    photo = (shop.folder / shop.draw("photo.png", 5)).read_bytes()
    with running(photo) as server:
        server.etag = '"one"'
        shop.sell("item", server.url("/versioned"))
        settings = remote(shop, home, recheck_days=1)
        Run(settings, 1)
        assert Run(settings, 2).commit.items == 0
        assert server.headers["If-None-Match"] == '"one"'
        server.etag = '"two"'
        server.photo = (shop.folder / shop.draw("photo.png", 6)).read_bytes()
        assert Run(settings, 3).commit.items == 1
        asked = server.requests["/versioned"]
        again = Run(settings, 3, FIRST + dt.timedelta(days=2))
        assert (again.seen, server.headers["If-None-Match"]) == ((0, 0), '"two"')
        assert server.requests["/versioned"] == asked + 1
    # The host is down for a night: nothing is lost.
    assert Run(settings, 4).commit.items == 0
    assert ledger(settings)["item"]["fingerprint"] == 'etag:"two"'


def rows(*uris: str, tried_at: dt.datetime | None = FIRST, **columns: object) -> pa.Table:
    known = {"ds": name(1), "image_index": 0, "status": "indexed", "regions": 1, **columns}
    return pa.Table.from_pylist(
        [{**known, "item_id": uri, "image_uri": uri, "tried_at": tried_at} for uri in uris],
        schema=LEDGER,
    )


def test_remote_photos_have_their_turn_once_within_the_days() -> None:
    uris = [f"https://shop.example/{n}.jpg" for n in range(40)]
    turns = [
        Check(name(day), FIRST + dt.timedelta(days=day), IngestSettings(recheck_days=5)).items(
            rows(*uris)
        )
        for day in range(2, 12)
    ]
    assert sorted(uri for day in turns[:5] for uri in day) == sorted(uris)
    assert turns[:5] == turns[5:]
    assert all(2 <= len(day) <= 20 for day in turns)


def test_remote_photos_are_left_alone_if_they_were_asked_for_lately_or_never_should_be() -> None:
    ledger = rows(*(f"gs://shop/{n}.jpg" for n in range(40)))
    everyday = IngestSettings(recheck_days=1)
    hour, day = dt.timedelta(hours=1), dt.timedelta(days=1)
    assert len(Check(name(2), FIRST + day, everyday).items(ledger)) == 40
    assert not Check(name(2), FIRST + hour, everyday).items(ledger)
    assert len(Check(name(2), FIRST - 3650 * day, everyday).items(ledger)) == 40  # a wrong clock
    assert not Check(name(2), FIRST + day, IngestSettings(recheck_days=0)).items(ledger)


def test_files_of_a_store_that_kept_no_books_have_their_turn(shop: Shop) -> None:
    paths = [str(shop.folder / shop.draw(f"{n}.png", n)) for n in range(12)]
    settings = IngestSettings(recheck_days=3)
    old = rows(*paths, tried_at=None)
    turns = [Check(name(day), FIRST, settings).items(old) for day in (2, 3, 4)]
    assert sorted(path for turn in turns for path in turn) == sorted(paths)


def test_photos_that_all_break_in_one_night_stop_the_day(shop: Shop, home: Path) -> None:
    shop.stock(30)
    settings = shop.settings(home, items_per_shard=100)
    Run(settings, 1)
    for number in range(30):
        (shop.folder / f"{number}.png").write_bytes(b"")
    with pytest.raises(GateError, match="photos kept: 30 photos of unchanged items"):
        Run(settings, 2)  # that all of them broke in one night is news
    assert partition(settings, 2).num_rows == 0
    assert len(open_store(settings).snapshot().items()) == 30


def test_looks_that_say_what_the_ledger_says_are_not_remembered(shop: Shop, home: Path) -> None:
    photo = (shop.folder / shop.draw("photo.png", 5)).read_bytes()
    with running(photo) as server:
        server.etag = '"one"'
        shop.sell("item", server.url("/versioned"))
        settings = remote(shop, home, recheck_days=1)
        Run(settings, 1)
        Run(settings, 2)
        assert not (home / FILE).exists()
        server.etag = '"two"'  # another server of the same host, say
        Run(settings, 3)
        Run(settings, 4)
        assert server.headers["If-None-Match"] == '"two"'
