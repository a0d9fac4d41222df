"""A source is known again by its fingerprint, and only a host's word for its own address counts."""

from __future__ import annotations

import datetime as dt
import email.utils
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_store.errors import ImageError
from feature_store.images.fetch import Fetcher
from feature_store.images.loader import ImageLoader
from feature_store.images.settings import ImageSettings
from feature_store.images.source import (
    Source,
    conditions,
    fingerprint_of_answer,
    fingerprint_of_file,
)
from tests.feature_store.images.files import encode, quarters
from tests.feature_store.images.shop_server import ShopServer, running

PHOTO, OTHER = encode(quarters(), "PNG"), encode(quarters(40, 64), "PNG")
OPEN: dict[str, Any] = {"allow_http": True, "allow_private_hosts": True, "backoff_seconds": 0.01}
YESTERDAY = email.utils.format_datetime(dt.datetime.now(dt.UTC) - dt.timedelta(days=1), usegmt=True)


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with running(PHOTO) as shop:
        yield shop


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    fetcher = Fetcher(ImageSettings(**OPEN), resolve=lambda host, port: ["127.0.0.1"])
    yield fetcher
    fetcher.close()


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', '""'])
def test_an_unchanged_etag_saves_the_bytes(server: ShopServer, fetcher: Fetcher, etag: str) -> None:
    server.etag = etag
    url = server.url("/versioned")
    first = fetcher.fetch(url)
    assert first == Source(PHOTO, f"etag:{etag}")
    assert "If-None-Match" not in server.headers
    assert fetcher.fetch(url, first.fingerprint) == Source(None, first.fingerprint)
    assert server.headers["If-None-Match"] == etag
    server.etag, server.photo = '"v2"', OTHER
    assert fetcher.fetch(url, first.fingerprint) == Source(OTHER, 'etag:"v2"')
    assert server.connections == 1


def test_an_unchanged_date_saves_the_bytes(server: ShopServer, fetcher: Fetcher) -> None:
    server.modified = YESTERDAY
    url = server.url("/versioned")
    first = fetcher.fetch(url)
    assert first == Source(PHOTO, f"modified:{YESTERDAY}:{len(PHOTO)}")
    assert fetcher.fetch(url, first.fingerprint) == Source(None, first.fingerprint)
    assert server.headers["If-Modified-Since"] == YESTERDAY


def test_a_host_that_cannot_answer_304_is_believed_on_its_tag_alone(
    server: ShopServer, fetcher: Fetcher
) -> None:
    url = server.url("/stubborn")
    server.etag = '"v1"'
    assert fetcher.fetch(url, 'etag:"v1"') == Source(None, 'etag:"v1"')
    server.photo, server.etag = OTHER, '"v2"'
    assert fetcher.fetch(url, 'etag:"v1"') == Source(OTHER, 'etag:"v2"')
    server.etag, server.modified = None, YESTERDAY
    dated = f"modified:{YESTERDAY}:{len(OTHER)}"
    assert fetcher.fetch(url, dated) == Source(OTHER, dated)  # a date says less than a tag


def test_nothing_is_claimed_to_be_unchanged_unasked(server: ShopServer, fetcher: Fetcher) -> None:
    assert fetcher.fetch(server.url("/photo.jpg")) == Source(PHOTO, None)
    for known in ("", "file:1:2", "generation:7", 'etag:v1"', "etag:\r\nX: 1", "modified::", "x"):
        assert fetcher.fetch(server.url("/photo.jpg"), known) == Source(PHOTO, None)
        assert not {"If-None-Match", "If-Modified-Since", "X"} & set(server.headers)
    with pytest.raises(ImageError, match="answered 304"):
        fetcher.fetch(server.url("/status?304"))


def test_behind_a_redirect_the_tag_is_asked_for_where_it_came_from(
    server: ShopServer, fetcher: Fetcher
) -> None:
    server.etag = '"1"'
    url = server.url("/redirect?/versioned")
    first = fetcher.fetch(url)
    assert first.fingerprint is not None
    assert first.fingerprint.startswith('etag:"1" at ')
    server.asked.clear()
    assert fetcher.fetch(url, first.fingerprint) == Source(None, first.fingerprint)
    sent = [(path, headers.get("If-None-Match")) for path, headers in server.asked]
    assert sent == [("/redirect?/versioned", None), ("/versioned", '"1"')]


def test_a_redirect_to_elsewhere_is_another_source(server: ShopServer, fetcher: Fetcher) -> None:
    """Each address counts its own versions: the same tag there means nothing."""
    server.etag = '"1"'
    known = fetcher.fetch(server.url("/redirect?/versioned")).fingerprint
    server.photo = OTHER
    server.asked.clear()
    moved = fetcher.fetch(server.url("/redirect?/other-versioned"), known)
    assert moved.data == OTHER
    assert moved.fingerprint != known
    direct = fetcher.fetch(server.url("/redirect?/versioned"), 'etag:"1"')
    assert direct.data == OTHER
    elsewhere = server.url("/versioned", "other.example")
    assert fetcher.fetch(server.url(f"/redirect?{elsewhere}"), known).data == OTHER
    at_targets = [headers for path, headers in server.asked if not path.startswith("/redirect")]
    assert len(at_targets) == 3
    assert not any("If-None-Match" in headers for headers in at_targets)


@pytest.mark.parametrize(
    "etag", ["v1", '"v1', "W/v1", '"' + "x" * 5000 + '"', '"a" "b"', '"\xe9"', "*", '"a b"']
)
def test_a_tag_that_is_none_makes_no_fingerprint(
    server: ShopServer, fetcher: Fetcher, etag: str
) -> None:
    server.etag = etag
    assert fetcher.fetch(server.url("/stubborn")) == Source(PHOTO, None)


@pytest.mark.parametrize(
    "modified",
    [
        "yesterday",
        "Wed, 99 Foo 2020 00:00:00 GMT",
        "Fri, 01 Jan 9999 00:00:00 GMT",
        email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(days=1), usegmt=True),
        "0",
    ],
)
def test_a_date_that_is_none_or_too_new_makes_no_fingerprint(
    server: ShopServer, fetcher: Fetcher, modified: str
) -> None:
    server.modified = modified
    assert fetcher.fetch(server.url("/stubborn")) == Source(PHOTO, None)


def test_a_date_of_the_answer_s_own_second_is_not_settled() -> None:
    second, later = "Tue, 03 Mar 2026 10:00:00 GMT", "Tue, 03 Mar 2026 10:00:01 GMT"
    headers = {"last-modified": second, "date": second, "content-length": "7"}
    assert fingerprint_of_answer(headers, "https://a/", "https://a/") is None
    headers["date"] = later
    assert fingerprint_of_answer(headers, "https://a/", "https://a/") == f"modified:{second}:7"
    headers["date"] = "nonsense"
    assert fingerprint_of_answer(headers, "https://a/", "https://a/") is None


def test_conditions_hold_for_the_fingerprint_s_own_address_only() -> None:
    moved = fingerprint_of_answer({"etag": '"1"'}, "https://a/", "https://b/")
    assert conditions(moved, "https://a/", "https://b/") == {"If-None-Match": '"1"'}
    assert conditions(moved, "https://a/", "https://a/") == {}
    assert conditions(moved, "https://a/", "https://c/") == {}
    assert conditions('etag:"1"', "https://a/", "https://a/") == {"If-None-Match": '"1"'}
    assert conditions('etag:"1"', "https://a/", "https://b/") == {}
    assert conditions(None, "https://a/", "https://a/") == {}


def test_files_are_known_by_size_and_time(tmp_path: Path, fetcher: Fetcher) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PHOTO)
    os.utime(path, ns=(5, 1_700_000_000_123_456_789))
    first = fetcher.fetch(str(path))
    assert first == Source(PHOTO, f"file:{len(PHOTO)}:1700000000123456789")
    assert fingerprint_of_file(str(path)) == first.fingerprint
    assert fetcher.fetch(str(path), first.fingerprint) == Source(None, first.fingerprint)
    os.utime(path, ns=(5, 1_700_000_000_123_456_790))
    assert fetcher.fetch(str(path), first.fingerprint).data == PHOTO
    path.write_bytes(OTHER)
    assert fetcher.fetch(str(path), first.fingerprint).data == OTHER


def test_what_is_no_file_has_no_fingerprint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "none", tmp_path / "pipe", "/dev/zero", "/a\0b", "/\ud800"):
        assert fingerprint_of_file(str(path)) is None


def test_known_files_outside_the_roots_are_refused_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PHOTO)
    fetcher = Fetcher(ImageSettings(local_roots=(str(tmp_path / "photos"),)))
    with pytest.raises(ImageError, match="outside the local_roots"):
        fetcher.fetch(str(path), fingerprint_of_file(str(path)))
    fetcher.close()


def test_many_images_say_which_are_unchanged(tmp_path: Path, server: ShopServer) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PHOTO)
    server.etag = '"v1"'
    uris = [str(path), server.url("/versioned"), server.url("/photo.jpg"), server.url("/gone")]
    with ImageLoader(ImageSettings(**OPEN)) as loader:
        first = list(loader.load_many(uris))
        known = {each.uri: each.fingerprint for each in first if each.fingerprint}
        again = list(loader.load_many(uris, known))
    assert [each.uri for each in again] == uris
    assert [each.image is not None for each in first] == [True, True, True, False]
    assert [each.image is not None for each in again] == [False, False, True, False]
    assert [each.error and each.error.reason for each in again] == [None, None, None, "missing"]
    assert [each.fingerprint for each in again] == [each.fingerprint for each in first]
    assert [each.attempts for each in again] == [1, 1, 1, 1]
