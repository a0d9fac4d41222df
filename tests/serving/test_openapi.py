"""The OpenAPI document is true: every path exists, and real answers are what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator

from feature_store.bundle import BundleRegistry
from tests.serving.service_process import ServiceProcess, until
from tests.serving.shop_bundle import NAMELESS, PLAIN, SLASHED, build_shop
from tests.serving.shop_tier import build_tier, name_tier

SLASHED_SENT = quote(SLASHED, safe="")
ASKED = [
    ("/v1/items/{item_id}/similar", f"/v1/items/{PLAIN}/similar"),
    ("/v1/items/{item_id}/similar", f"/v1/items/{PLAIN}/similar?limit=100"),
    ("/v1/items/{item_id}/similar", f"/v1/items/{PLAIN}/similar?limit=9&filter=in_stock:false"),
    ("/v1/items/{item_id}/similar", f"/v1/items/{SLASHED_SENT}/similar"),
    ("/v1/items/{item_id}/similar", f"/v1/items/{PLAIN}/similar?facets=category,price,colour"),
    ("/v1/items/{item_id}/similar", f"/v1/items/{PLAIN}/similar?threshold=99&fallback=true"),
    ("/v1/items/{item_id}/similar", "/v1/items/unknown/similar?fallback=true"),
    ("/v1/items/{item_id}/similar", f"/v1/items/{PLAIN}/similar?limit=none"),
    ("/v1/items/{item_id}/similar", "/v1/items/unknown/similar"),
    ("/v1/items/{item_id}", f"/v1/items/{PLAIN}"),
    ("/v1/items/{item_id}", f"/v1/items/{NAMELESS}"),
    ("/v1/items/{item_id}", "/v1/items/unknown"),
    ("/v1/items/{item_id}", f"/v1/items/{PLAIN}?limit=3"),
    ("/v1/bundle", "/v1/bundle"),
    ("/healthz", "/healthz"),
    ("/readyz", "/readyz"),
    ("/widget/", "/widget/"),
]


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    return client.get("/openapi.json").json()


@pytest.mark.parametrize(("path", "asked"), ASKED)
def test_answers_are_as_described(
    client: httpx.Client, document: dict[str, Any], path: str, asked: str
) -> None:
    hold_to_its_description(client, document, path, asked)


def test_so_they_are_with_a_canary_and_a_tier_and_when_each_is_refused(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    for name in ("shop-1", "shop-2"):
        build_shop(tmp_path, name)
    registry = BundleRegistry(tmp_path / "bundles")
    registry.canary("shop-1", 0.5)
    build_tier(tmp_path, "shop-2", new=["brand-new"], gone=["bags-00"])
    with (
        ServiceProcess(tmp_path, poll_seconds=0.05) as service,
        httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client,
    ):
        assert client.get("/v1/bundle").json()["canary"]["share"] == 0.5
        asked = [*ASKED, ("/v1/items/{item_id}", "/v1/items/brand-new")]
        for path, of in asked:
            hold_to_its_description(client, document, path, of)
        name_tier(tmp_path, "shop-2", "0123456789abcdef")
        for pointer in ("CURRENT", "CANARY"):
            (tmp_path / "bundles" / pointer).write_text("nothing-like-this")
        kinds = ("refused", "canary_refused", "tier_refused")
        until(lambda: all(client.get("/readyz").json()[kind] for kind in kinds))
        hold_to_its_description(client, document, "/readyz", "/readyz")


def hold_to_its_description(
    client: httpx.Client, document: dict[str, Any], path: str, asked: str
) -> None:
    answer = client.get(asked)
    validate(answer, document, document["paths"][path]["get"])


def validate(answer: httpx.Response, document: dict[str, Any], operation: dict[str, Any]) -> None:
    described = operation["responses"][str(answer.status_code)]["content"]
    [(media_type, content)] = described.items()
    assert answer.headers["Content-Type"] == media_type
    schema = {**content["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())


QUERIES: list[Any] = [
    {"item_id": PLAIN, "limit": 3},
    {"item_id": "unknown"},
    {"item_id": "unknown", "fallback": True},
    {"positive": [PLAIN], "negative": ["bags-01"], "offset": 2},
    {"vector": [1.0] * 32, "filters": ["category:shoes"]},
    {"vector": [1.0]},
    None,
]
SENT: list[tuple[str, Any, int]] = [
    ("/v1/search", {"queries": QUERIES}, 200),
    ("/v1/search", {"queries": []}, 400),
    ("/v1/search/image", {}, 404),
    ("/v1/events", {}, 400),
]


@pytest.mark.parametrize(("path", "body", "status"), SENT)
def test_answers_to_what_is_sent_are_as_described(
    client: httpx.Client, document: dict[str, Any], path: str, body: object, status: int
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    validate(answer, document, document["paths"][path]["post"])


@pytest.mark.parametrize("path", ["/v1/search", "/v1/events"])
def test_a_body_of_another_kind_and_a_long_one_are_described_problems(
    client: httpx.Client, document: dict[str, Any], path: str
) -> None:
    operation = document["paths"][path]["post"]
    page = client.post(path, content=b"<p>", headers={"Content-Type": "text/html"})
    assert page.status_code == 415
    validate(page, document, operation)
    long = client.post(path, json={"queries": "a" * 5_000_000})
    assert long.status_code == 413
    validate(long, document, operation)


def test_every_described_answer_in_json_is_held_to_its_description(
    document: dict[str, Any],
) -> None:
    in_json = {
        path
        for path, methods in document["paths"].items()
        if "schema" in json_of(methods.get("get", {"responses": {}}))
    }
    assert in_json == {path for path, _ in ASKED}
    assert {path for path, methods in document["paths"].items() if "post" in methods} == {
        path for path, _, _ in SENT
    }


def json_of(operation: dict[str, Any]) -> dict[str, Any]:
    answers = operation["responses"].get("200", {"content": {}})["content"]
    found: dict[str, Any] = answers.get("application/json", {})
    return found


def test_described_files_have_the_described_type(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    photo = client.get(f"/v1/items/{PLAIN}").json()["images"][0]["image_url"]
    script = client.get("/widget/").json()["versions"][0]["url"]
    for path, asked in {
        "/images/{image_id}.jpg": photo,
        "/widget/{version}/similar-items.js": script,
        "/metrics": "/metrics",
    }.items():
        [media_type] = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert client.get(asked).headers["Content-Type"].startswith(media_type)


def test_described_parameters_are_the_ones_there_are(
    client: httpx.Client, document: dict[str, Any]
) -> None:
    described = document["paths"]["/v1/items/{item_id}/similar"]["get"]["parameters"]
    query = {each["name"]: each for each in described if each["in"] == "query"}
    refused = client.get(f"/v1/items/{PLAIN}/similar?nothing=1").json()
    assert refused["allowed"] == f"only {', '.join(sorted(query))}"
    default = query["limit"]["schema"]["default"]
    assert len(client.get(f"/v1/items/{PLAIN}/similar").json()["hits"]) == default


def test_the_document_is_valid_json_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert document["openapi"] == "3.1.0"
