"""Hosts are asked no more often than agreed, wait for nobody else, and are obeyed when busy."""

from __future__ import annotations

import datetime as dt
import email.utils
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from feature_store.errors import ImageError
from feature_store.images.answers import MayPassError, retry_after_seconds
from feature_store.images.fetch import Fetcher
from feature_store.images.loader import ImageLoader, Loaded
from feature_store.images.pacing import Pace
from feature_store.images.settings import ImageSettings
from tests.feature_store.images.files import encode, quarters
from tests.feature_store.images.shop_server import ShopServer, running

OPEN: dict[str, Any] = {"allow_http": True, "allow_private_hosts": True, "backoff_seconds": 0.01}


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with running(encode(quarters(), "JPEG")) as shop:
        yield shop


def loader(**options: Any) -> ImageLoader:
    settings = ImageSettings(**{**OPEN, **options})
    fetcher = Fetcher(settings, resolve=lambda host, port: ["127.0.0.1"])
    return ImageLoader(settings, fetcher=fetcher)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def test_a_slow_host_holds_up_nobody_else(server: ShopServer) -> None:
    """Twenty images of a host that hangs are ahead of five of another, which arrive meanwhile."""
    slow = [server.url(f"/held?{n}", f"slow{n % 2}.example") for n in range(20)]
    quick = [server.url(f"/photo.jpg?{n}", "quick.example") for n in range(5)]
    found: list[Loaded] = []
    with loader(per_host_concurrency=3, concurrency=7, look_ahead=32) as images:
        reader = threading.Thread(target=lambda: found.extend(images.load_many(slow + quick)))
        reader.start()
        until(lambda: server.requests["/photo.jpg"] == 5)
        until(lambda: server.held["all"] == 6)
        assert server.requests["/held"] == 6
        server.let_go.set()
        reader.join()
    assert [each.uri for each in found] == slow + quick
    assert all(each.image is not None and each.attempts == 1 for each in found)
    assert server.most_held["slow0.example"] == server.most_held["slow1.example"] == 3


def test_no_more_than_the_places_are_taken(server: ShopServer) -> None:
    urls = [server.url("/held", f"host{n}.example") for n in range(12)]
    with loader(concurrency=5) as images, ThreadPoolExecutor(1) as reader:
        reading = reader.submit(lambda: list(images.load_many(urls)))
        until(lambda: server.held["all"] == 5)
        server.let_go.set()
        assert all(each.image is not None for each in reading.result())
    assert server.most_held["all"] == 5


def test_who_stops_reading_waits_for_nothing_that_has_not_begun(server: ShopServer) -> None:
    held = [server.url(f"/held?{n}", "slow.example") for n in range(20)]
    with loader(per_host_concurrency=2, look_ahead=20) as images, ThreadPoolExecutor(1) as other:
        results = images.load_many([server.url("/photo.jpg", "quick.example"), *held])
        assert next(results).image is not None
        until(lambda: server.held["slow.example"] == 2)
        closing = other.submit(results.close)  # type: ignore[attr-defined]
        until(lambda: not images._fetcher.pace._hosts["slow.example"].waiting)
        server.let_go.set()
        closing.result()
    assert server.requests["/held"] == 2


def test_waiting_for_a_host_is_not_taken_from_the_image_s_time(server: ShopServer) -> None:
    """Ten at a time, one after the other, take longer than any one of them may."""
    urls = [server.url("/slow-photo?0.15", "slow.example")] * 10
    with loader(per_host_concurrency=1, total_seconds=1.0) as images:
        found = list(images.load_many(urls))
    assert [each.error for each in found] == [None] * 10


def test_a_host_is_asked_no_more_often_than_agreed(server: ShopServer) -> None:
    urls = [server.url("/photo.jpg", "one.example")] * 5 + [server.url("/photo.jpg", "two.example")]
    begun = time.monotonic()
    with loader(per_host_per_second=10.0) as images:
        assert all(each.image for each in images.load_many(urls))
    assert time.monotonic() - begun >= 0.4  # a lower bound: the fifth begins 4 x 0.1 s after


def test_a_host_that_says_when_to_ask_again_is_obeyed(server: ShopServer) -> None:
    with loader() as images:
        (found,) = images.load_many([server.url("/busy?1")])
    assert found.image is not None
    assert found.attempts == 2
    assert server.times[1] - server.times[0] >= 1.0


def test_its_other_images_wait_as_well() -> None:
    pace = Pace(ImageSettings())
    pace.pause("a.example", 0.2)
    begun = time.monotonic()
    assert pace.try_enter("b.example")
    assert not pace.try_enter("a.example")
    with pace.turn() as turn:
        turn.enter("a.example")
        turn.leave("a.example")
    assert time.monotonic() - begun >= 0.2


def test_who_asks_for_more_time_than_is_left_is_not_waited_for(server: ShopServer) -> None:
    with loader() as images:
        (found,) = images.load_many([server.url("/busy?3600")])
    assert found.error is not None
    assert (found.error.reason, found.attempts) == ("unreachable", 1)
    assert "127.0.0.1 answered 429, to be asked again in 3600 s" in found.error.detail


def test_retry_after_in_every_form() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
    assert 60 < retry_after_seconds(email.utils.format_datetime(soon, usegmt=True)) <= 90
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    assert retry_after_seconds(email.utils.format_datetime(past, usegmt=True)) == 0.0
    assert retry_after_seconds(" 7 ") == 7.0
    assert retry_after_seconds("9" * 4000) < 1e9
    for nonsense in ("", "-5", "1.5", "soon", "²", "Wed, 99 Foo 2020 00:00:00 GMT", "\xe9" * 9):
        assert retry_after_seconds(nonsense) == 0.0


def test_waits_grow_and_spread() -> None:
    fetcher = Fetcher(ImageSettings(backoff_seconds=1.0))
    passing = MayPassError(ImageError("unreachable", "later"))
    for attempt, middle in ((1, 1.0), (2, 2.0), (3, 4.0)):
        waits = {fetcher._wait_seconds(attempt, passing) for _ in range(50)}
        assert middle * 0.5 <= min(waits) < max(waits) <= middle * 1.5
    asked = MayPassError(ImageError("unreachable", "later"), "a.example", 20.0)
    assert fetcher._wait_seconds(1, asked) == 20.0
    fetcher.close()


@pytest.mark.parametrize(
    ("path", "attempts", "reason"),
    [
        ("/photo.jpg", 1, None),
        ("/redirect?/photo.jpg", 1, None),
        ("/flaky?3", 3, None),
        ("/status?503", 3, "unreachable"),
        ("/status?404", 1, "missing"),
        ("/page", 1, "not_an_image"),
    ],
)
def test_attempts_are_counted(
    server: ShopServer, path: str, attempts: int, reason: str | None
) -> None:
    with loader() as images:
        (found,) = images.load_many([server.url(path)])
    assert (found.attempts, found.error and found.error.reason) == (attempts, reason)


def test_addresses_that_are_not_asked_count_as_one_attempt() -> None:
    with loader() as images:
        found = list(images.load_many(["ftp://host/a", "http://user@host/a", "/nowhere.jpg"]))
    assert [each.attempts for each in found] == [1, 1, 1]


def test_hosts_that_are_done_with_are_forgotten() -> None:
    pace = Pace(ImageSettings())
    with pace.turn() as turn:
        for number in range(100):
            turn.enter(f"host{number}.example")
            turn.leave(f"host{number}.example")
    assert not pace._hosts
