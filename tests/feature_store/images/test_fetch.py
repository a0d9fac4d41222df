"""Fetching from a real server, with every limit reached once, and from the file system."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_store.errors import ImageError
from feature_store.images.fetch import Fetcher
from feature_store.images.settings import ImageSettings
from tests.feature_store.images.shop_server import ShopServer, running

PHOTO = b"not decoded here" * 100
OPEN: dict[str, Any] = {"allow_http": True, "allow_private_hosts": True, "backoff_seconds": 0.01}


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with running(PHOTO) as shop:
        yield shop


def fetch(uri: str, **options: Any) -> bytes:
    fetcher = Fetcher(ImageSettings(**{**OPEN, **options}))
    try:
        data = fetcher.fetch(uri).data
    finally:
        fetcher.close()
    assert data is not None
    return data


def refusal(uri: str, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        fetch(uri, **options)
    return caught.value


def test_bytes_arrive_as_they_are(server: ShopServer) -> None:
    assert fetch(server.url("/photo.jpg?size=1")) == PHOTO
    assert server.headers["User-Agent"] == "Nitamono"
    assert server.headers["Accept-Encoding"] == "identity"


def test_connections_are_kept_and_cookies_are_not(server: ShopServer) -> None:
    fetcher = Fetcher(ImageSettings(**OPEN))
    for path in ("/photo.jpg", "/photo.jpg", "/redirect?/photo.jpg", "/photo.jpg"):
        fetcher.fetch(server.url(path))
    fetcher.close()
    assert server.connections == 1
    assert "Cookie" not in server.headers


def test_loopback_and_http_are_refused_by_default(server: ShopServer) -> None:
    error = refusal(server.url("/photo.jpg"), allow_private_hosts=False)
    assert error.reason == "blocked_host"
    assert "127.0.0.1, which is not a public address" in error.detail
    assert refusal(server.url("/photo.jpg"), allow_http=False).reason == "blocked_host"
    assert not server.requests


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f.1", "0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_other_spellings_of_loopback_are_refused(server: ShopServer, host: str) -> None:
    error = refusal(server.url("/photo.jpg", host), allow_private_hosts=False)
    assert error.reason in ("blocked_host", "unreachable")
    assert not server.requests


def test_the_name_is_kept_for_the_host_while_the_address_is_connected_to(
    server: ShopServer,
) -> None:
    asked = []

    def pinned(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    fetcher = Fetcher(ImageSettings(**OPEN), resolve=pinned)
    assert fetcher.fetch(server.url("/photo.jpg", "photos.example")).data == PHOTO
    fetcher.close()
    assert asked == [("photos.example", server.server_port)]
    assert server.headers["Host"] == f"photos.example:{server.server_port}"


def test_redirects_are_followed_and_each_is_checked(server: ShopServer) -> None:
    assert fetch(server.url("/redirect?/redirect?/photo.jpg")) == PHOTO

    def by_name(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    settings = ImageSettings(**OPEN, allowed_hosts=("127.0.0.1",))
    fetcher = Fetcher(settings, resolve=by_name)
    elsewhere = server.url("/photo.jpg", "metadata.internal")
    with pytest.raises(ImageError, match=r"metadata\.internal is not among the allowed_hosts"):
        fetcher.fetch(server.url(f"/redirect?{elsewhere}"))
    fetcher.close()
    assert server.requests["/photo.jpg"] == 1


def test_a_redirect_from_a_public_to_a_private_host_is_refused(
    server: ShopServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No public server is at hand: the loopback is declared public, the private one stays."""
    monkeypatch.setattr(
        "feature_store.images.network.is_public", lambda address: address == "127.0.0.1"
    )
    answers = {"outer.example": "127.0.0.1", "inner.example": "10.0.0.1"}
    fetcher = Fetcher(
        ImageSettings(**{**OPEN, "allow_private_hosts": False}),
        resolve=lambda host, port: [answers[host]],
    )
    private = server.url("/photo.jpg", "inner.example")
    with pytest.raises(ImageError, match=r"inner\.example is at 10\.0\.0\.1") as caught:
        fetcher.fetch(server.url(f"/redirect?{private}", "outer.example"))
    fetcher.close()
    assert caught.value.reason == "blocked_host"
    assert server.requests == {"/redirect": 1}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("ftp://example.com/a", "blocked_host"),
        ("file:///etc/passwd", "blocked_host"),
        ("http://user:pass@127.0.0.1/a", "blocked_host"),
        ("http://[bad", "unreachable"),
        ("http://127.0.0.1:99999/", "unreachable"),
        ("http:///nowhere", "missing"),
    ],
)
def test_redirects_to_nonsense(server: ShopServer, target: str, reason: str) -> None:
    assert refusal(server.url(f"/redirect?{target}")).reason == reason


def test_redirects_end(server: ShopServer) -> None:
    error = refusal(server.url("/loop"), max_redirects=3)
    assert (error.reason, error.detail) == ("unreachable", "more than 3 redirects")
    assert server.requests["/loop"] == 4


@pytest.mark.parametrize("path", ["/flaky?3", "/reset?3"])
def test_passing_failures_are_tried_again(server: ShopServer, path: str) -> None:
    assert fetch(server.url(path), attempts=3) == PHOTO
    server.requests.clear()
    assert refusal(server.url(path), attempts=2).reason == "unreachable"


@pytest.mark.parametrize(
    ("status", "tries", "reason"),
    [
        *((status, 1, "missing") for status in (404, 410)),
        *((status, 1, "unreachable") for status in (204, 304, 400, 401, 403, 451)),
        *((status, 3, "unreachable") for status in (408, 425, 429, 500, 502, 503, 599)),
    ],
)
def test_statuses(server: ShopServer, status: int, tries: int, reason: str) -> None:
    error = refusal(server.url(f"/status?{status}"))
    assert error.reason == reason
    assert error.detail.startswith(f"127.0.0.1 answered {status}")
    assert server.requests["/status"] == tries


def test_too_many_bytes_announced_or_not(server: ShopServer) -> None:
    for path in ("/announced?50000000000", "/announced?" + "9" * 400, "/endless"):
        error = refusal(server.url(path), max_bytes=100_000)
        assert error.reason in ("too_large", "unreachable")  # a 400-digit length is no HTTP
    assert refusal(server.url("/endless"), max_bytes=100_000).reason == "too_large"
    assert refusal(server.url("/announced?100001"), max_bytes=100_000).reason == "too_large"
    assert fetch(server.url("/photo.jpg"), max_bytes=len(PHOTO)) == PHOTO
    assert refusal(server.url("/photo.jpg"), max_bytes=len(PHOTO) - 1).reason == "too_large"


def test_a_body_shorter_than_announced_is_not_taken(server: ShopServer) -> None:
    assert refusal(server.url("/announced?10")).reason == "unreachable"
    assert server.requests["/announced"] == 3


@pytest.mark.parametrize("path", ["/drip", "/drip-headers"])
def test_the_total_time_ends_a_drip_that_no_single_wait_would(
    server: ShopServer, path: str
) -> None:
    error = refusal(server.url(path), total_seconds=0.4, read_seconds=5.0)
    assert (error.reason, error.detail) == ("timed_out", "127.0.0.1 took longer than 0.4 s in all")
    assert server.requests[path] == 1


def test_silence_is_tried_again_and_then_timed_out(server: ShopServer) -> None:
    error = refusal(server.url("/silent"), read_seconds=0.1, attempts=2)
    assert error.reason == "timed_out"
    assert server.requests["/silent"] == 2


def test_nobody_listens_no_such_name_and_compressed_bytes(server: ShopServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert refusal(f"http://127.0.0.1:{port}/a.jpg").reason == "unreachable"

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    fetcher = Fetcher(ImageSettings(), resolve=unknown)
    with pytest.raises(ImageError, match=r"no host named nowhere\.invalid"):
        fetcher.fetch("https://nowhere.invalid/a.jpg")
    fetcher.close()
    assert refusal(server.url("/gzip")).reason == "not_an_image"


@pytest.mark.parametrize(
    ("uri", "reason", "words"),
    [
        ("s3://bucket/a.jpg", "blocked_host", "s3: is not read"),
        ("ftp://host/a.jpg", "blocked_host", "ftp: is not read"),
        ("file:///etc/hosts", "blocked_host", "file: is not read"),
        ("FILE:/etc/hosts", "blocked_host", "file: is not read"),
        ("data:image/png;base64,AAAA", "blocked_host", "data: is not read"),
        ("https://", "blocked_host", ""),
        ("https://host:99999/a", "unreachable", ""),
        (f"https://{'a' * 70}.example/a", "unreachable", ""),
        ("https://a..b/a", "unreachable", ""),
        ("https://exa mple/a", "unreachable", ""),
        ("https://host/\x00", "unreachable", ""),
    ],
)
def test_addresses_that_are_not_fetched(uri: str, reason: str, words: str) -> None:
    error = refusal(uri)
    assert error.reason == reason
    assert words in error.detail


def test_local_files(tmp_path: Path) -> None:
    photo = tmp_path / "a photo.jpg"
    photo.write_bytes(PHOTO)
    assert fetch(str(photo)) == PHOTO
    assert refusal(str(photo), max_bytes=len(PHOTO) - 1).reason == "too_large"
    for path in (tmp_path / "nothing.jpg", photo / "below-a-file.jpg"):
        assert refusal(str(path)).reason == "missing"
    assert "No such file" in refusal(str(tmp_path / "nothing.jpg")).detail
    assert refusal(str(tmp_path / ("x" * 5000))).reason == "unreachable"
    assert refusal("/a\x00b").reason == "unreachable"
    assert refusal("/\ud800").reason == "unreachable"
    assert refusal(str(tmp_path)).detail.endswith("is a folder")
    assert refusal("/dev/zero").reason == "not_an_image"
    os.mkfifo(tmp_path / "pipe.jpg")
    assert refusal(str(tmp_path / "pipe.jpg")).reason == "not_an_image"
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert refusal(str(tmp_path / "loop.jpg")).reason == "unreachable"


def test_local_roots_hold_through_links_and_dots(tmp_path: Path) -> None:
    root, outside = tmp_path / "photos", tmp_path / "photos-private"
    for folder in (root, outside):
        folder.mkdir()
        (folder / "a.jpg").write_bytes(PHOTO)
    (root / "inside.jpg").symlink_to(root / "a.jpg")
    (root / "escape.jpg").symlink_to(outside / "a.jpg")
    (root / "folder").symlink_to(outside)
    roots = {"local_roots": (str(root),)}
    assert fetch(str(root / "a.jpg"), **roots) == PHOTO
    assert fetch(str(root / "inside.jpg"), **roots) == PHOTO
    for path in ("escape.jpg", "folder/a.jpg", "../photos-private/a.jpg"):
        assert refusal(f"{root}/{path}", **roots).reason == "blocked_host"
