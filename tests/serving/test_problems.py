"""Errors are RFC 9457 problem details that name what was wrong and what is allowed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.counters import COLUMNS, Counters
from serving.observed import Draining, Observed, Observer
from serving.origins import Origins
from tests.serving.shop_bundle import PLAIN


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == f"urn:nitamono:problem:{kind}"
    assert {"title", "detail"} <= set(body)
    return body


@pytest.mark.parametrize(
    "path", ["/v1/items/no%20such%2Fthing", "/v1/items/no%20such%2Fthing/similar"]
)
def test_an_unknown_item_is_named(client: httpx.Client, path: str) -> None:
    assert "no such/thing" in problem(client.get(path), 404, "unknown-item")["detail"]


def test_a_region_of_another_item_is_unknown(client: httpx.Client) -> None:
    region = client.get("/v1/items/mugs-00").json()["region_id"]
    answer = client.get(f"/v1/items/{PLAIN}/similar", params={"region": region})
    assert region in problem(answer, 404, "unknown-region")["detail"]


@pytest.mark.parametrize(
    ("query", "parameter", "allowed"),
    [
        ("limit=0", "limit", "1 to 100"),
        ("limit=101", "limit", "1 to 100"),
        ("limit=-1", "limit", "1 to 100"),
        ("limit=1.5", "limit", "whole number"),
        ("limit=", "limit", "whole number"),
        ("limit=%EF%BC%93", "limit", "whole number"),
        ("limit=99999999999999999999999", "limit", "1 to 100"),
        ("limit=3&limit=4", "limit", "once"),
        ("threshold=-0.1", "threshold", "0 to 100"),
        ("threshold=100.1", "threshold", "0 to 100"),
        ("threshold=nan", "threshold", "0 to 100"),
        ("threshold=inf", "threshold", "0 to 100"),
        ("threshold=high", "threshold", "0 to 100"),
        ("threshold=1_0", "threshold", "0 to 100"),
        ("threshold=%EF%BC%93", "threshold", "0 to 100"),
        ("region=nowhere", "region", "16 hexadecimal"),
        ("filter=", "filter", "name:value"),
        ("filter=category", "filter", "name:value"),
        ("filter=taste:sweet", "filter", "name:value"),
        ("filter=price:cheap", "filter", "name:value"),
        ("&".join(["filter=category:bags"] * 17), "filter", "at most 16"),
        ("treshold=80", "treshold", "threshold"),
        ("offset=-1", "offset", "0 to 1000"),
        ("offset=1001", "offset", "0 to 1000"),
        ("collapse=101", "collapse", "0 to 100"),
        ("collapse=", "collapse", "0 to 100"),
        ("at_most=brand", "at_most", "name:count"),
        ("at_most=brand:0", "at_most", "name:count"),
        ("at_most=:2", "at_most", "name:count"),
        ("at_most=taste:2", "at_most", "name:count"),
        ("&".join(["at_most=brand:1"] * 5), "at_most", "at most 4"),
        ("fallback=yes", "fallback", "true or false"),
        ("fallback=", "fallback", "true or false"),
        ("facets=", "facets", "attributes"),
        ("facets=a,,b", "facets", "attributes"),
        ("facets=taste", "facets", "attributes"),
        ("facets=a,b,c,d,e,f,g,h,i", "facets", "1 to 8"),
        ("filter=category:bags&at_most=taste:2", "at_most", "name:count"),
        ("filter=taste:sweet&at_most=brand:2", "filter", "name:value"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(
    client: httpx.Client, query: str, parameter: str, allowed: str
) -> None:
    body = problem(client.get(f"/v1/items/{PLAIN}/similar?{query}"), 400, "bad-parameter")
    assert body["parameter"] == parameter
    assert parameter in body["detail"]
    assert allowed in body["allowed"]


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/items/{'a' * 30_000}",
        f"/v1/items/{PLAIN}/similar?{'a' * 30_000}=1",
        f"/v1/items/{PLAIN}/similar?filter={'a' * 30_000}:1",
        f"/{'a' * 30_000}",
        f"/widget/{'a' * 30_000}/similar-items.js",
    ],
)
def test_a_problem_is_short_however_long_the_question(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "aaaa" in answer.json()["detail"]
    assert len(answer.content) < 10_000


def test_an_unknown_attribute_is_answered_with_those_there_are(client: httpx.Client) -> None:
    answer = client.get(f"/v1/items/{PLAIN}/similar?filter=taste:sweet")
    detail = problem(answer, 400, "bad-parameter")["detail"]
    assert "taste" in detail
    assert "colour" in detail


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/items/", "/v1/items", "/images/x.jpg"])
def test_no_such_path(client: httpx.Client, path: str) -> None:
    problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize("path", [f"/v1/items/{PLAIN}/similar", "/v1/bundle", "/demo/"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_with_those_allowed(
    client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


def test_what_is_posted_to_cannot_be_got(client: httpx.Client) -> None:
    for path in ("/v1/search", "/v1/search/image", "/v1/events"):
        answer = client.get(path)
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("sent", [None, "text/html", "application/jsonp", "", "a" * 9000])
def test_a_body_of_another_kind_is_refused(client: httpx.Client, sent: str | None) -> None:
    headers = {} if sent is None else {"Content-Type": sent}
    body = problem(
        client.post("/v1/search", content=b"{}", headers=headers), 415, "unsupported-media-type"
    )
    assert body["allowed"] == "application/json"


def test_a_compressed_body_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post("/v1/search", content=b"\x1f\x8b", headers=headers)
    problem(answer, 415, "unsupported-media-type")


def test_a_long_body_is_refused_announced_or_not(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    long = b"[" + b" " * (4 * 2**20)

    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    announced = client.post("/v1/search", content=long, headers=headers)
    body = problem(announced, 413, "body-too-long")
    assert body["allowed"] == f"at most {4 * 2**20} bytes"
    assert announced.headers["Connection"] == "close"
    try:
        answer = client.post("/v1/search", content=endless(), headers=headers)
    except (httpx.WriteError, httpx.ReadError):
        return  # it was refused while it was still being sent
    problem(answer, 413, "body-too-long")


def test_head_is_answered_without_a_body(client: httpx.Client) -> None:
    answer = client.head(f"/v1/items/{PLAIN}/similar")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0


def test_a_failure_tells_the_log_and_not_the_client(caplog: pytest.LogCaptureFixture) -> None:
    row = np.zeros(COLUMNS)

    async def similar(request: Request) -> Response:
        raise RuntimeError("the secret is 1234")

    observer = Observer(Counters(row), Draining(), Origins(["*"]), access_log=False)
    observed = Middleware(Observed, observer=observer)
    app = Starlette(routes=[Route("/similar", similar)], middleware=[observed])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get("/similar")

    answer = asyncio.run(ask())
    assert "1234" not in json.dumps(problem(answer, 500, "internal"))
    assert "Traceback" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.search("the secret is 1234", caplog.text)
    assert row.sum() > 0
