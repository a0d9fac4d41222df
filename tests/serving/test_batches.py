"""`POST /v1/search`: several questions at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from feature_store.bundle import BundleRegistry
from serving.answers import Answers
from serving.batches import MAX_QUERIES, MAX_WAITING, Batches, read_query
from serving.counters import Counters, board_for
from serving.limits import Limits
from serving.observed import NOTES, Draining
from serving.problems import ProblemError
from serving.served import Served
from serving.service import Service
from serving.settings import ServingSettings
from tests.serving.shop_bundle import DIM, PLAIN, SLASHED


def search(client: httpx.Client, *queries: object) -> list[dict[str, Any]]:
    answer = client.post("/v1/search", json={"queries": queries})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"bundle", "answers"}
    assert body["bundle"] == "shop-1"
    assert len(body["answers"]) == len(queries)
    return body["answers"]


def ids(answer: dict[str, Any]) -> list[str]:
    return [hit["item_id"] for hit in answer["hits"]]


def similar(client: httpx.Client, item_id: str, **params: object) -> dict[str, Any]:
    return client.get(f"/v1/items/{item_id}/similar", params=params).json()


def problem(answer: dict[str, Any], kind: str, parameter: str | None = None) -> dict[str, Any]:
    assert set(answer) == {"problem"}
    found = answer["problem"]
    assert found["type"] == f"urn:nitamono:problem:{kind}"
    assert found.get("parameter") == parameter
    return found


def test_items_are_answered_as_one_by_one(client: httpx.Client) -> None:
    region = client.get("/v1/items/shoes-00").json()["images"][0]["regions"][2]["region_id"]
    queries = [
        {"item_id": PLAIN},
        {"item_id": "shoes-00", "region_id": region, "limit": 5},
        {"item_id": PLAIN, "filters": ["category:bags", "price:..3000"], "offset": 1},
        {"item_id": PLAIN, "threshold": 50, "at_most": ["category:3"], "collapse": 99.5},
    ]
    singly = [
        similar(client, PLAIN),
        similar(client, "shoes-00", region=region, limit=5),
        similar(client, PLAIN, filter=["category:bags", "price:..3000"], offset=1),
        similar(client, PLAIN, threshold=50, at_most="category:3", collapse=99.5),
    ]
    answers = search(client, *queries)
    for found, expected in zip(answers, singly, strict=True):
        assert {**found, "query_id": ""} == {**expected, "query_id": ""}
    assert len({answer["query_id"] for answer in answers}) == len(answers)


def test_a_region_alone_is_its_items_region(client: httpx.Client) -> None:
    region = similar(client, PLAIN)["region_id"]
    [found] = search(client, {"region_id": region})
    assert ids(found) == ids(similar(client, PLAIN))
    assert found["region_id"] == region


def test_vectors_and_items_liked_and_disliked(client: httpx.Client) -> None:
    vector = np.random.default_rng(1).normal(size=DIM).tolist()
    by_vector, likes, without = search(
        client,
        {"vector": vector},
        {"positive": [PLAIN, "shoes-06"], "limit": 8},
        {"positive": [PLAIN], "negative": ["bags-01", SLASHED]},
    )
    assert by_vector["item_id"] is by_vector["region_id"] is None
    assert len(by_vector["hits"]) == 12
    scores = [hit["score"] for hit in by_vector["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert len(likes["hits"]) == 8
    assert not {PLAIN, "shoes-06"} & set(ids(likes))
    assert {hit["category"] for hit in likes["hits"]} == {"shoes"}
    assert not {PLAIN, "bags-01", SLASHED} & set(ids(without))


def test_members_that_are_null_are_as_if_they_were_not_there(client: httpx.Client) -> None:
    names = ("limit", "offset", "threshold", "filters", "at_most", "collapse", "fallback")
    others = ("region_id", "vector", "positive", "negative")
    [found] = search(client, {"item_id": PLAIN, **dict.fromkeys((*names, *others))})
    assert ids(found) == ids(similar(client, PLAIN))


BAD: list[tuple[Any, str, str | None]] = [
    ({"item_id": "nothing like this"}, "unknown-item", None),
    ({"item_id": PLAIN, "region_id": "0" * 16}, "unknown-region", None),
    ({"region_id": "0" * 16}, "unknown-region", None),
    ({"positive": [PLAIN, "nothing like this"]}, "unknown-item", None),
    ({"region_id": "nowhere"}, "bad-parameter", "region_id"),
    ({"item_id": 7}, "bad-parameter", "item_id"),
    ({"vector": [1.0] * (DIM - 1)}, "bad-parameter", "vector"),
    ({"vector": [0.0] * DIM}, "bad-parameter", "vector"),
    ({"vector": ["a"] * DIM}, "bad-parameter", "vector"),
    ({"vector": [True] * DIM}, "bad-parameter", "vector"),
    ({"vector": [1e200] * DIM}, "bad-parameter", "vector"),
    ({"vector": [10**400] * DIM}, "bad-parameter", "vector"),
    ({"vector": []}, "bad-parameter", "vector"),
    ({"vector": "1,2"}, "bad-parameter", "vector"),
    ({"positive": []}, "bad-parameter", "positive"),
    ({"positive": [PLAIN] * 65}, "bad-parameter", "positive"),
    ({"positive": [PLAIN], "negative": PLAIN}, "bad-parameter", "negative"),
    ({"item_id": PLAIN, "negative": [PLAIN]}, "bad-parameter", "negative"),
    ({"item_id": PLAIN, "vector": [1.0] * DIM}, "bad-parameter", "queries"),
    ({}, "bad-parameter", "queries"),
    ([], "bad-parameter", "queries"),
    (None, "bad-parameter", "queries"),
    ({"item_id": PLAIN, "limit": 0}, "bad-parameter", "limit"),
    ({"item_id": PLAIN, "limit": True}, "bad-parameter", "limit"),
    ({"item_id": PLAIN, "limit": "3"}, "bad-parameter", "limit"),
    ({"item_id": PLAIN, "limit": 1.0}, "bad-parameter", "limit"),
    ({"item_id": PLAIN, "offset": 1001}, "bad-parameter", "offset"),
    ({"item_id": PLAIN, "threshold": 101}, "bad-parameter", "threshold"),
    ({"item_id": PLAIN, "threshold": 10**400}, "bad-parameter", "threshold"),
    ({"item_id": PLAIN, "collapse": "98"}, "bad-parameter", "collapse"),
    ({"item_id": PLAIN, "fallback": "yes"}, "bad-parameter", "fallback"),
    ({"item_id": PLAIN, "filters": "price:..3"}, "bad-parameter", "filters"),
    ({"item_id": PLAIN, "filters": ["price"]}, "bad-parameter", "filters"),
    ({"item_id": PLAIN, "filters": [3]}, "bad-parameter", "filters"),
    ({"item_id": PLAIN, "filters": ["taste:sweet"]}, "bad-parameter", "filter"),
    ({"item_id": PLAIN, "at_most": ["brand:0"]}, "bad-parameter", "at_most"),
    ({"item_id": PLAIN, "at_most": ["taste:1"]}, "bad-parameter", "at_most"),
    ({"item_id": PLAIN, "treshold": 3}, "bad-parameter", "treshold"),
]


@pytest.mark.parametrize(("query", "kind", "parameter"), BAD)
def test_one_bad_question_costs_itself_alone(
    client: httpx.Client, query: object, kind: str, parameter: str | None
) -> None:
    first, bad, last = search(client, {"item_id": PLAIN}, query, {"item_id": SLASHED})
    found = problem(bad, kind, parameter)
    assert found["detail"]
    assert found["status"] == (400 if kind == "bad-parameter" else 404)
    assert len(first["hits"]) == len(last["hits"]) == 12


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"queries": []}',
        b'{"queries": {}}',
        b'{"queries": [{}], "more": 1}',
        b'{"queries": [NaN]}',
        b'{"queries": [{"item_id": "\\ud800"}]}',
        b'{"queries": "\xff"}',
        b"[" * 100_000,
        b'{"queries": [' + b"null," * MAX_QUERIES + b"null]}",
        b"9" * 5000,
    ],
)
def test_a_bad_body_is_refused_whole(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:nitamono:problem:bad-body"
    assert len(answer.content) < 2000


def test_no_parameter_is_ignored(client: httpx.Client) -> None:
    answer = client.post("/v1/search?limit=3", json={"queries": [{"item_id": PLAIN}]})
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "limit"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
members = st.sampled_from(
    [
        *("item_id", "region_id", "vector", "positive", "negative", "limit", "offset"),
        *("threshold", "filters", "at_most", "collapse", "fallback"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(json_values | st.dictionaries(members, json_values, max_size=4))
def test_whatever_a_question_is_it_is_read_or_refused(sent: object) -> None:
    with contextlib.suppress(ProblemError):
        read_query(sent)


@pytest.fixture
def batches(shop_home: Path) -> Batches:
    registry = BundleRegistry(shop_home / "bundles")
    answers = Answers(registry.open("shop-1"), shelf=False)
    board = board_for(1)
    counters = Counters(board.claim())
    service = Service(Served(answers), ServingSettings(), board, counters, Draining())
    return Batches(service, Limits(0, 0))


def request(queries: list[Any]) -> Request:
    body = json.dumps({"queries": queries}).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "query_string": b"", "headers": headers, NOTES: {}}
    return Request(scope, receive)


def test_whoever_asks_meanwhile_waits_for_one_question_and_not_for_all(batches: Batches) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def ask() -> int:
        other = asyncio.create_task(others())
        answer = await batches.answer(request([{"item_id": PLAIN}] * MAX_QUERIES))
        other.cancel()
        return len(json.loads(answer.body)["answers"])

    assert asyncio.run(ask()) == MAX_QUERIES
    assert turns >= MAX_QUERIES


def test_only_so_many_batches_wait(batches: Batches) -> None:
    async def ask() -> list[Any]:
        several = [
            batches.answer(request([{"item_id": PLAIN}] * 5)) for _ in range(MAX_WAITING + 3)
        ]
        return await asyncio.gather(*several, return_exceptions=True)

    answers = asyncio.run(ask())
    refused = [answer for answer in answers if isinstance(answer, ProblemError)]
    assert [(problem.status, problem.kind) for problem in refused] == [(503, "busy")] * 3
    assert all(problem.members["retry_after_seconds"] == 1 for problem in refused)
    assert len(asyncio.run(ask())) == MAX_WAITING + 3, "the places are free again"
