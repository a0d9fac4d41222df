"""What browsers may keep, which origins may read, and the headers that protect."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN

CACHED = [f"/v1/items/{PLAIN}/similar", f"/v1/items/{PLAIN}", "/demo/items.json", "/demo/shop.css"]


@pytest.mark.parametrize("path", CACHED)
def test_an_answer_that_the_client_has_is_not_sent_again(client: httpx.Client, path: str) -> None:
    fresh = client.get(path)
    assert fresh.headers["Cache-Control"]
    again = client.get(path, headers={"If-None-Match": fresh.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["ETag"] == fresh.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_answers_are_kept_only_as_long_as_their_bundle(client: httpx.Client) -> None:
    answer = client.get(CACHED[0])
    assert answer.headers["ETag"].startswith('W/"shop-1.')
    # Each answer has its own query_id, so no shared cache may hand it to another shopper.
    assert answer.headers["Cache-Control"] == "private, max-age=60"


def test_a_bad_question_is_refused_even_to_a_client_that_has_an_answer(
    client: httpx.Client,
) -> None:
    known = {"If-None-Match": client.get(CACHED[0]).headers["ETag"]}
    assert client.get(f"{CACHED[0]}?limit=0", headers=known).status_code == 400


def test_any_origin_may_read_by_default(client: httpx.Client) -> None:
    origin = {"Origin": "https://shop.example"}
    for path in ("/v1/bundle", "/widget/", "/v1/items/unknown"):
        assert client.get(path, headers=origin).headers["Access-Control-Allow-Origin"] == "*"


def preflight(client: httpx.Client, method: str, **headers: str) -> httpx.Response:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": method}
    return client.options(f"/v1/items/{PLAIN}/similar", headers={**asked, **headers})


def test_a_page_of_another_origin_may_ask_and_send_but_nothing_else(client: httpx.Client) -> None:
    for method in ("GET", "POST"):
        allowed = preflight(client, method)
        assert allowed.status_code == 204
        assert allowed.headers["Access-Control-Allow-Origin"] == "*"
        assert method in allowed.headers["Access-Control-Allow-Methods"].split(", ")
        assert "Content-Type" in allowed.headers["Access-Control-Allow-Headers"].split(", ")
        assert int(allowed.headers["Access-Control-Max-Age"]) > 0
    refused = preflight(client, "DELETE")
    assert refused.status_code == 400
    assert refused.json()["type"] == "urn:nitamono:problem:cors-refused"


def test_problems_can_be_read_by_pages_too(client: httpx.Client) -> None:
    origin = {"Origin": "https://shop.example"}
    for answer in (
        client.get("/v1/items/unknown/similar", headers=origin),
        client.get(f"/v1/items/{PLAIN}/similar?limit=0", headers=origin),
        client.post("/v1/search", content=b"", headers=origin),
        client.get("/nothing", headers=origin),
    ):
        assert answer.status_code >= 400
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_the_service_can_be_kept_to_some_origins(shop_home: Path) -> None:
    with (
        ServiceProcess(shop_home, cors_origins="https://shop.example", demo="false") as service,
        httpx.Client(base_url=service.address, trust_env=False) as client,
    ):
        ours = client.get("/v1/bundle", headers={"Origin": "https://shop.example"})
        assert ours.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Origin" in ours.headers["Vary"]
        other = client.get("/v1/bundle", headers={"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in other.headers["Vary"]
        similar = client.get(CACHED[0], headers={"Origin": "https://shop.example"})
        assert similar.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert set(similar.headers["Vary"].split(", ")) == {"Accept-Encoding", "Origin"}
        assert preflight(client, "POST").status_code == 204
        assert preflight(client, "POST", Origin="https://other.example").status_code == 400
        assert preflight(client, "POST", Origin="null").status_code == 400
        assert client.get("/demo/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [CACHED[0], f"{CACHED[0]}?limit=0", f"/v1/items/{PLAIN}", "/demo/", "/nothing", "/widget/"],
)
def test_every_answer_has_the_headers_that_protect(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "server" not in headers


def test_the_shop_allows_no_inline_script_or_style(client: httpx.Client) -> None:
    for page in ("/demo/", "/demo/item.html"):
        answer = client.get(page)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "style=" not in answer.text
        assert "<style" not in answer.text
        assert "<script>" not in answer.text


def test_files_are_compressed_for_clients_that_can(client: httpx.Client) -> None:
    zipped = client.get("/demo/shop.css", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/demo/shop.css", headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.text == plain.text
    assert zipped.headers["Vary"].startswith("Accept-Encoding")
