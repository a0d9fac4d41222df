"""What is sent compressed, to whom, and that it is the same answer."""

from __future__ import annotations

import gzip

import brotli
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.replies import coding_of, compressed, has
from tests.serving.shop_bundle import PLAIN

SIMILAR = f"/v1/items/{PLAIN}/similar"
WITHOUT = ("query_id", "age_seconds")


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (b"", None),
        (b"identity", None),
        (b"gzip", "gzip"),
        (b"GZIP", "gzip"),
        (b"gzip, deflate, br, zstd", "br"),
        (b"gzip;q=1.0, br;q=0", "gzip"),
        (b"br;q=0.1,gzip;q=0.9", "br"),
        (b"gzip;q=0", None),
        (b"gzip;q=0.000", None),
        (b"*", "br"),
        (b"*;q=0", None),
        (b"br;q=0, *", "gzip"),
        (b"x-gzip", None),
        (b"gzip;q=much", None),
        (b"gzip ; q=0.5", "gzip"),
    ],
)
def test_what_a_client_accepts(accept: bytes, coding: str | None) -> None:
    assert coding_of(accept) == coding


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_header_is_understood_somehow(accept: bytes) -> None:
    assert coding_of(accept) in ("br", "gzip", None)


@settings(deadline=None)
@given(st.binary(max_size=5000))
def test_compressed_bodies_are_the_same_bodies(body: bytes) -> None:
    assert gzip.decompress(compressed(body, "gzip")) == body
    assert brotli.decompress(compressed(body, "br")) == body


@pytest.mark.parametrize(
    ("known", "is_known"),
    [
        ("", False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
    ],
)
def test_what_a_client_has(known: str, is_known: bool) -> None:
    assert has(known, 'W/"a"') is is_known


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("path", [SIMILAR, f"/v1/items/{PLAIN}", "/v1/bundle", "/openapi.json"])
def test_long_answers_are_compressed(client: httpx.Client, path: str, coding: str) -> None:
    packed = client.get(path, headers={"Accept-Encoding": coding})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    if len(plain.content) < 1000:
        assert "Content-Encoding" not in packed.headers
    else:
        assert packed.headers["Content-Encoding"] == coding
        assert int(packed.headers["Content-Length"]) < 0.7 * len(plain.content)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert bare(packed) == bare(plain)


def bare(answer: httpx.Response) -> object:
    return {name: value for name, value in answer.json().items() if name not in WITHOUT}


def test_batches_are_compressed(client: httpx.Client) -> None:
    answer = client.post(
        "/v1/search",
        json={"queries": [{"item_id": PLAIN}]},
        headers={"Accept-Encoding": "br"},
    )
    assert answer.headers["Content-Encoding"] == "br"
    assert answer.json()["answers"][0]["item_id"] == PLAIN


def test_short_answers_are_not(client: httpx.Client) -> None:
    answer = client.get("/healthz", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in answer.headers
