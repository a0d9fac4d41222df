"""Addresses, hosts and files that mean harm: each is refused with a reason, soon and in little.

What is no image or a bomb by its bytes alone is in test_decode, memory in test_memory.
"""

from __future__ import annotations

import gzip
import io
import os
import socket
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from feature_store.errors import ImageError
from feature_store.images.fetch import Fetcher
from feature_store.images.loader import ImageLoader, Loaded
from feature_store.images.network import resolve
from feature_store.images.settings import ImageSettings
from feature_store.schemas import REASONS
from tests.feature_store.images.files import encode, quarters
from tests.feature_store.images.shop_server import ShopServer, running

OPEN: dict[str, Any] = {
    "allow_http": True,
    "allow_private_hosts": True,
    "backoff_seconds": 0.01,
    "total_seconds": 5.0,
}


@pytest.fixture
def server() -> Iterator[ShopServer]:
    with running(encode(quarters(400, 300), "JPEG", quality=95)) as shop:
        yield shop


def load(uri: str, **options: Any) -> Loaded:
    with ImageLoader(ImageSettings(**{**OPEN, **options})) as loader:
        (found,) = loader.load_many([uri])
    return found


def refusal(uri: str, **options: Any) -> ImageError:
    error = load(uri, **options).error
    assert error is not None
    assert error.reason in REASONS
    return error


PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[64:ff9b::7f00:1]",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "127.0.0.1.",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_no_spelling_of_this_machine_is_asked(server: ShopServer, host: str) -> None:
    error = refusal(server.url("/photo.jpg", host), allow_private_hosts=False)
    assert error.reason in ("blocked_host", "unreachable")
    assert not server.asked


@pytest.mark.parametrize("host", PRIVATE)
def test_no_spelling_of_this_machine_is_redirected_to(
    server: ShopServer, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """The outer name's address, spelt as no resolver does, passes for the one public address."""
    monkeypatch.setattr("feature_store.images.network.is_public", lambda found: found == "127.1")
    settings = ImageSettings(**{**OPEN, "allow_private_hosts": False})
    fetcher = Fetcher(
        settings,
        resolve=lambda name, port: ["127.1"] if name == "outer.example" else resolve(name, port),
    )
    private = urllib.parse.quote(server.url("/photo.jpg", host), safe=":/[]")
    with pytest.raises(ImageError) as caught:
        fetcher.fetch(server.url(f"/redirect?{private}", "outer.example"))
    fetcher.close()
    assert caught.value.reason in ("blocked_host", "unreachable")
    assert server.requests == {"/redirect": 1}


def test_a_name_that_rebinds_between_two_connections_is_refused(
    server: ShopServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public for the first request; private once its own redirect asks for a second connection."""
    monkeypatch.setattr(
        "feature_store.images.network.is_public", lambda address: address == "127.0.0.1"
    )
    answers = iter([["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"]])
    settings = ImageSettings(**{**OPEN, "allow_private_hosts": False})
    fetcher = Fetcher(settings, resolve=lambda host, port: next(answers))
    url = server.url("/moved-and-closed?/photo.jpg", "rebind.example")
    with pytest.raises(ImageError, match=r"rebind\.example is at 10\.0\.0\.1") as caught:
        fetcher.fetch(url)
    fetcher.close()
    assert caught.value.reason == "blocked_host"
    assert server.requests == {"/moved-and-closed": 1}


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "file:/etc/passwd",
        "data:image/png;base64,iVBORw0KGgo=",
        "ftp://127.0.0.1/a.jpg",
        "gopher://127.0.0.1:25/_QUIT",
        "dict://127.0.0.1:11211/stat",
        "jar:https://host/a.jar!/a.jpg",
        "javascript:alert(1)",
        "gs://bucket/a.jpg",
        "s3://bucket/a.jpg",
        "//user:secret@127.0.0.1/photo.jpg",
    ],
)
def test_redirects_lead_to_https_alone(server: ShopServer, target: str) -> None:
    assert refusal(server.url(f"/redirect?{target}")).reason == "blocked_host"
    assert sum(server.requests.values()) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "file:/etc/passwd",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "ftp://host/a.jpg",
        "php://input",
        "http+unix://%2Frun%2Fdocker.sock/a",
        "https://user@host/a.jpg",
        "https://user:secret@host/a.jpg",
        "https://photos.example@127.0.0.1/a.jpg",
    ],
)
def test_addresses_lead_to_https_alone(uri: str) -> None:
    error = refusal(uri)
    assert error.reason == "blocked_host"
    assert "secret" not in error.detail


@pytest.mark.parametrize(
    "end",
    [
        "a\r\nX-Injected: 1",
        "a HTTP/1.1\r\nHost: other\r\n\r\nGET /photo.jpg",
        "a\nX-Injected: 1",
        "a\x00b",
        "a\x7fb",
    ],
)
def test_line_ends_in_an_address_reach_no_host(server: ShopServer, end: str) -> None:
    error = refusal(server.url("/") + end)
    assert error.reason == "unreachable"
    assert "not a valid address" in error.detail
    assert not server.asked


@pytest.mark.parametrize(
    "end",
    [
        "photo.jpg?%0d%0aX-Injected:%201",
        "photo.jpg?' OR 1=1; DROP TABLE items; --",
        "photo.jpg?$(touch /tmp/x)`id`",
        "photo.jpg?{{ 7*7 }}",
        "photo.jpg?\u202egpj.\U0001f45c",
        "photo.jpg?" + "x" * 2048,
        "photo.jpg?%zz%",
    ],
)
def test_what_an_address_carries_is_only_sent(server: ShopServer, end: str) -> None:
    """Escaped line ends stay escaped, and nothing else in an address means anything here."""
    assert load(server.url("/") + end).image is not None
    ((path, headers),) = server.asked
    assert path.startswith("/photo.jpg?")
    assert path.isascii()
    assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


def test_foreign_names_are_asked_for_in_ascii(server: ShopServer) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetcher = Fetcher(ImageSettings(**OPEN), resolve=resolve)
    assert fetcher.fetch(server.url("/photo.jpg", "münchen.example")).data == server.photo
    fetcher.close()
    assert asked == ["xn--mnchen-3ya.example"]
    listed = {"allowed_hosts": ("munchen.example",)}
    assert refusal(server.url("/photo.jpg", "münchen.example"), **listed).reason == "blocked_host"
    assert refusal("http://xn--a/a.jpg").reason in ("unreachable", "blocked_host")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/endless", "too_large"),
        ("/endless-body", "too_large"),
        ("/endless-headers", "unreachable"),
        ("/endless-hints", "timed_out"),
        ("/drip", "timed_out"),
        ("/drip-headers", "timed_out"),
        ("/silent", "timed_out"),
        ("/loop", "unreachable"),
        ("/announced?99999999999", "too_large"),
        ("/redirect?/" + "x" * 60_000, "missing"),
    ],
)
def test_whatever_has_no_end_is_ended(server: ShopServer, path: str, reason: str) -> None:
    limits = {"max_bytes": 2**20, "total_seconds": 0.6, "read_seconds": 0.5, "attempts": 2}
    assert refusal(server.url(path), **limits).reason == reason


@pytest.mark.parametrize("kind", ["svg", "html", "pdf", "zip", "elf"])
def test_what_is_no_image_is_found_out_under_any_type_and_name(
    server: ShopServer, kind: str
) -> None:
    assert refusal(server.url(f"/disguised.jpg?{kind}")).reason == "not_an_image"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_compressed_bodies_are_never_inflated(server: ShopServer, encoding: str) -> None:
    error = refusal(server.url(f"/gzip?{encoding.replace(', ', ',')}"))
    assert (error.reason, "nobody asked for" in error.detail) == ("not_an_image", True)


@pytest.mark.parametrize("how", ["length", "chunks"])
def test_a_body_cut_short_is_a_failure_that_may_pass(server: ShopServer, how: str) -> None:
    found = load(server.url(f"/cut?{how}"), attempts=2)
    assert found.error is not None
    assert (found.error.reason, found.attempts) == ("unreachable", 2)


def test_a_body_cut_short_without_a_length_is_corrupt(server: ShopServer) -> None:
    assert refusal(server.url("/cut?open")).reason == "corrupt"


def test_swapped_bytes_are_corrupt_or_no_image(server: ShopServer) -> None:
    assert refusal(server.url("/swapped")).reason in ("corrupt", "not_an_image")
    server.photo = encode(quarters(400, 300), "PNG")
    assert refusal(server.url("/swapped")).reason in ("corrupt", "not_an_image")


def polyglots() -> dict[str, bytes]:
    """Files that are pictures to Pillow, and something else to others."""
    picture = encode(quarters(), "JPEG")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../evil.py", "import os")
    comment = b"\xff\xfe" + (len(b"<?php system($_GET[0]) ?>") + 2).to_bytes(2, "big")
    return {
        "zip behind": picture + archive.getvalue(),
        "php inside": picture[:2] + comment + b"<?php system($_GET[0]) ?>" + picture[2:],
        "script behind": encode(quarters(), "GIF") + b"<script>alert(1)</script>",
        "gzip behind": encode(quarters(), "PNG") + gzip.compress(b"more"),
    }


@pytest.mark.parametrize("name", polyglots())
def test_a_polyglot_is_only_its_picture(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(polyglots()[name])
    image = load(str(tmp_path / "a.jpg")).image
    assert image is not None
    assert image.pixels.shape == (40, 64, 3)


def test_of_countless_frames_one_is_decoded(tmp_path: Path) -> None:
    frames = [Image.new("P", (32, 32), n % 200) for n in range(3000)]
    for frame in frames:
        frame.putpalette(list(range(256)) * 3)
    path = tmp_path / "many.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], optimize=False)
    image = load(str(path)).image
    assert image is not None
    assert (image.pixels == (0, 1, 2)).all()  # the first colour of the palette


SPECIAL = [
    "/dev/zero",
    "/dev/null",
    "/dev/urandom",
    "/dev/tty",
    "/dev/stdin",
    "/proc/self/mem",
    "/proc/self/environ",
    "/proc/self/maps",
    "/proc/self/fd",
    "/proc/self/root",
    "/sys/kernel",
    "/",
    "",
    ".",
]


@pytest.mark.parametrize("path", SPECIAL)
def test_windows_into_the_system_are_not_read(path: str) -> None:
    error = refusal(path)
    assert error.reason in ("not_an_image", "unreachable", "missing")
    assert "HOME=" not in error.detail


def test_pipes_sockets_and_links_to_them_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.jpg"))
        for name in ("pipe.jpg", "link.jpg", "zero.jpg", "socket.jpg"):
            assert refusal(str(tmp_path / name)).reason == "not_an_image"


@pytest.mark.parametrize(
    "path",
    ["/a\x00.jpg", "/\ud800.jpg", "/" + "x" * 2048, "/x" * 4096, "/%2e%2e/%2e%2e/etc/passwd.jpg"],
)
def test_impossible_paths_are_told(path: str) -> None:
    assert refusal(path).reason in ("missing", "unreachable")


def test_no_link_and_no_dots_lead_out_of_the_roots(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (tmp_path / "secret.jpg").write_bytes(encode(quarters(), "JPEG"))
    (root / "link.jpg").symlink_to("../secret.jpg")
    (root / "up").symlink_to("..")
    for path in ("link.jpg", "up/secret.jpg", "../secret.jpg", "./.././secret.jpg"):
        assert refusal(f"{root}/{path}", local_roots=(str(root),)).reason == "blocked_host"
    assert refusal("/proc/self/environ", local_roots=(str(root),)).reason == "blocked_host"
