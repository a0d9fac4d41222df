"""What is shown where there are no look-alikes, how it is marked, and what facets say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN, SLASHED

DEAREST = 6500.0


@pytest.fixture(scope="module")
def popular(shop_home: Path) -> Iterator[httpx.Client]:
    """A service that takes the dearest items for those that sell."""
    with (
        ServiceProcess(shop_home, popularity="price") as service,
        httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client,
    ):
        yield client


def similar(client: httpx.Client, item_id: str, **params: object) -> dict[str, Any]:
    answer = client.get(f"/v1/items/{item_id}/similar", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_unknown_item_is_answered_by_what_sells(popular: httpx.Client) -> None:
    answer = similar(popular, "unknown", fallback="true", limit=5)
    assert answer["fallback"] == "unknown_item"
    assert answer["answered_by"] == "fallback"
    assert answer["item_id"] == "unknown"
    assert answer["region_id"] is None
    assert len(answer["hits"]) == 5
    assert {(hit["score"], hit["fallback"]) for hit in answer["hits"]} == {(0, "popular")}
    prices = [hit["price"] for hit in answer["hits"]]
    assert prices == sorted(prices, reverse=True)
    assert all(hit["in_stock"] for hit in answer["hits"])


def test_filters_hold_for_stand_ins_and_pages_join_up(popular: httpx.Client) -> None:
    def page(offset: int) -> list[str]:
        found = similar(
            popular, "unknown", fallback="true", limit=4, offset=offset, filter="category:mugs"
        )
        assert {hit["category"] for hit in found["hits"]} == {"mugs"}
        return [hit["item_id"] for hit in found["hits"]]

    whole = similar(popular, "unknown", fallback="true", limit=8, filter="category:mugs")["hits"]
    assert [*page(0), *page(4)] == [hit["item_id"] for hit in whole]


def test_too_few_hits_are_filled_up_with_marked_stand_ins(popular: httpx.Client) -> None:
    shoes = similar(popular, PLAIN, filter="category:shoes", limit=30)["hits"]
    wish = {"filter": "category:shoes", "threshold": shoes[3]["score"], "limit": 30}
    few = similar(popular, PLAIN, **wish)["hits"]
    answer = similar(popular, PLAIN, **wish, fallback="true")
    assert 4 <= len(few) < len(shoes) == 13
    assert answer["hits"][: len(few)] == few
    stand_ins = answer["hits"][len(few) :]
    assert {hit["fallback"] for hit in stand_ins} == {"popular"}
    assert {hit["category"] for hit in stand_ins} == {"shoes"}
    ids = [hit["item_id"] for hit in answer["hits"]]
    assert len(set(ids)) == len(ids) == 13  # all shoes but the asked ones
    assert PLAIN not in ids
    assert answer["fallback"] == "too_few_hits"
    assert answer["answered_by"] != "fallback"


def test_no_hit_at_all_is_answered_by_stand_ins_of_its_category_first(
    popular: httpx.Client,
) -> None:
    answer = similar(popular, PLAIN, threshold=100, fallback="true", limit=3)
    assert answer["answered_by"] == "fallback"
    assert answer["fallback"] == "too_few_hits"
    assert {hit["category"] for hit in answer["hits"]} == {"shoes"}


@pytest.mark.parametrize("wish", [{}, {"fallback": "false"}])
def test_nothing_stands_in_unasked(popular: httpx.Client, wish: dict[str, str]) -> None:
    assert popular.get("/v1/items/unknown/similar", params=wish).status_code == 404
    answer = similar(popular, PLAIN, threshold=100, **wish)
    assert (answer["hits"], answer["fallback"]) == ([], None)


def test_enough_hits_and_later_pages_need_no_stand_ins(popular: httpx.Client) -> None:
    full = similar(popular, PLAIN, fallback="true")
    assert full["fallback"] is None
    assert not any("fallback" in hit for hit in full["hits"])
    last = similar(popular, PLAIN, fallback="true", offset=60)
    assert last["fallback"] is None
    assert len(last["hits"]) == 2


def test_a_region_that_is_not_the_items_is_no_reason(popular: httpx.Client) -> None:
    params = {"fallback": "true", "region": "0" * 16}
    answer = popular.get(f"/v1/items/{PLAIN}/similar", params=params)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:nitamono:problem:unknown-region"


def test_batches_have_stand_ins_too(popular: httpx.Client) -> None:
    queries = [
        {"item_id": "unknown", "fallback": True, "limit": 2},
        {"positive": ["unknown"], "fallback": True, "limit": 2},
        {"vector": [1.0] * 32, "threshold": 100, "fallback": True, "limit": 2},
    ]
    answers = popular.post("/v1/search", json={"queries": queries}).json()["answers"]
    assert [answer["fallback"] for answer in answers] == [
        "unknown_item", "unknown_item", "too_few_hits",
    ]  # fmt: skip
    assert all(len(answer["hits"]) == 2 for answer in answers)


def test_the_service_says_what_it_can(popular: httpx.Client, client: httpx.Client) -> None:
    assert popular.get("/v1/bundle").json()["capabilities"]["fallback"] == "popular"
    assert client.get("/v1/bundle").json()["capabilities"]["fallback"] is None


def test_answers_are_not_taken_for_those_of_another_setting(
    popular: httpx.Client, client: httpx.Client
) -> None:
    path = f"/v1/items/{PLAIN}/similar"
    assert popular.get(path).headers["ETag"] != client.get(path).headers["ETag"]


def test_without_anything_to_go_by_nothing_stands_in(client: httpx.Client) -> None:
    """The shop's items say neither what sells nor when they came."""
    answer = similar(client, "unknown", fallback="true")
    assert answer["hits"] == []
    assert answer["fallback"] == "unknown_item"


def test_facets_count_the_nearest_hits(client: httpx.Client) -> None:
    hits = similar(client, PLAIN, limit=100)["hits"]
    facets = similar(client, PLAIN, limit=2, facets="category,price,colour")["facets"]
    counted = Counter(hit["category"] for hit in hits if hit["category"])
    assert {each["value"]: each["count"] for each in facets["category"]} == counted
    counts = [each["count"] for each in facets["category"]]
    assert counts == sorted(counts, reverse=True)
    prices = [hit["price"] for hit in hits if hit["price"] is not None]
    assert facets["price"] == {"low": min(prices), "high": max(prices)}
    assert facets["colour"][0]["value"] == "blue"


def test_a_facet_is_counted_without_its_own_filter(client: httpx.Client) -> None:
    filters = ["category:bags", "price:..2000"]
    found = similar(client, PLAIN, filter=filters, facets="category,price")
    assert {hit["category"] for hit in found["hits"]} == {"bags"}
    assert {each["value"] for each in found["facets"]["category"]} > {"bags", "shoes"}
    assert found["facets"]["price"]["high"] > 2000


def test_facets_of_an_item_with_anything_in_its_id(client: httpx.Client) -> None:
    answer = client.get(
        "/v1/items/" + "a%2Fb%3Fc%3D%22quoted%22%20%26%20100%25%20%F0%9F%A7%A6/similar?facets=brand"
    )
    assert answer.json()["item_id"] == SLASHED
    assert answer.json()["facets"]["brand"][0]["value"] == "Kumo"


def test_pages_join_up_and_share_nothing(client: httpx.Client) -> None:
    whole = [hit["item_id"] for hit in similar(client, PLAIN, limit=30)["hits"]]
    pages = [
        hit["item_id"]
        for offset in (0, 10, 20)
        for hit in similar(client, PLAIN, limit=10, offset=offset)["hits"]
    ]
    assert pages == whole


def test_at_most_so_many_of_a_kind(client: httpx.Client) -> None:
    hits = similar(client, PLAIN, limit=8, at_most="category:2")["hits"]
    assert max(Counter(hit["category"] for hit in hits if hit["category"]).values()) == 2
    assert len(hits) == 8


def test_what_is_much_alike_collapses(client: httpx.Client) -> None:
    alike = similar(client, PLAIN, limit=30)["hits"]
    collapsed = similar(client, PLAIN, limit=30, collapse=80)["hits"]
    assert collapsed[0] == alike[0]
    assert len(collapsed) < len(alike)
    assert {hit["item_id"] for hit in collapsed} <= {
        hit["item_id"] for hit in similar(client, PLAIN, limit=100)["hits"]
    }
