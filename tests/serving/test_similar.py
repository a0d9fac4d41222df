"""`GET /v1/items/{item_id}/similar`: the look-alikes of an item."""

from __future__ import annotations

import re
import time
from urllib.parse import quote

import httpx
import pytest

from tests.serving.shop_bundle import NAMELESS, PLAIN, SCRIPTED, SLASHED, SUFFIXED

FIELDS = {
    "item_id", "score", "title", "url", "image_url", "price", "currency", "brand", "category",
    "in_stock", "box",
}  # fmt: skip


def similar(client: httpx.Client, item_id: str, **params: object) -> dict:
    address = f"/v1/items/{quote(item_id, safe='')}/similar"
    answer = client.get(address, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def hits(client: httpx.Client, item_id: str, **params: object) -> list[dict]:
    return similar(client, item_id, **params)["hits"]


def test_an_answer_has_the_documented_members(client: httpx.Client) -> None:
    answer = similar(client, PLAIN)
    assert set(answer) == {
        "query_id",
        "item_id",
        "region_id",
        "bundle",
        "hits",
        "fallback",
        "answered_by",
    }
    assert answer["item_id"] == PLAIN
    assert answer["bundle"] == "shop-1"
    assert len(answer["hits"]) == 12
    assert all(set(hit) == FIELDS for hit in answer["hits"])


def test_hits_are_of_the_same_kind_best_first_once_each_and_never_the_asked_item(
    client: httpx.Client,
) -> None:
    found = hits(client, PLAIN, limit=11)
    assert {hit["category"] for hit in found} == {"shoes"}
    scores = [hit["score"] for hit in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)
    ids = [hit["item_id"] for hit in found]
    assert len(set(ids)) == len(ids)
    assert PLAIN not in ids


@pytest.mark.parametrize("limit", [1, 5, 62, 100])
def test_limit_is_how_many_hits_come_as_far_as_there_are_items(
    client: httpx.Client, limit: int
) -> None:
    assert len(hits(client, PLAIN, limit=limit)) == min(limit, 62)


def test_threshold_cuts_off_the_lower_scores(client: httpx.Client) -> None:
    scores = [hit["score"] for hit in hits(client, PLAIN, limit=30)]
    cut = scores[7]
    assert [hit["score"] for hit in hits(client, PLAIN, limit=30, threshold=cut)] == scores[:8]
    assert hits(client, PLAIN, threshold=100) == []


def test_a_region_asks_about_what_it_shows(client: httpx.Client) -> None:
    item = client.get(f"/v1/items/{PLAIN}").json()
    product, bag = [r for r in item["images"][0]["regions"] if r["kind"] == "product"]
    assert similar(client, PLAIN)["region_id"] == product["region_id"] == item["region_id"]
    answer = similar(client, PLAIN, region=bag["region_id"], limit=5)
    assert answer["region_id"] == bag["region_id"]
    # Shoes whose photo shows a bag as well are hits too, by that bag's box.
    boxes = [hit["box"] for hit in answer["hits"] if hit["category"] == "shoes"]
    assert all(box == bag["box"] for box in boxes)
    assert "bags" in {hit["category"] for hit in answer["hits"]}


def test_filters_mean_and_and_their_commas_or(client: httpx.Client) -> None:
    found = hits(client, PLAIN, limit=100, filter=["category:bags,mugs", "price:..2000"])
    assert {hit["category"] for hit in found} == {"bags", "mugs"}
    assert {hit["price"] for hit in found} == {1000, 1500, 2000}
    sold_out = hits(client, PLAIN, limit=100, filter="in_stock:false")
    assert len(sold_out) == 10
    assert not any(hit["in_stock"] for hit in sold_out)


def test_a_filter_that_leaves_nothing_gives_no_hits(client: httpx.Client) -> None:
    assert hits(client, PLAIN, filter="brand:unheard-of") == []


@pytest.mark.parametrize("item_id", [SLASHED, SUFFIXED, NAMELESS])
def test_any_id_of_a_catalogue_can_be_asked_for(client: httpx.Client, item_id: str) -> None:
    answer = similar(client, item_id)
    assert answer["item_id"] == item_id
    assert len(answer["hits"]) == 12


def test_plain_slashes_in_an_id_are_borne_with(client: httpx.Client) -> None:
    assert client.get(f"/v1/items/{SUFFIXED}/similar").json()["item_id"] == SUFFIXED


def test_texts_of_the_catalogue_come_as_they_are(client: httpx.Client) -> None:
    titles = [hit["title"] for hit in hits(client, PLAIN) if hit["item_id"] == SCRIPTED]
    assert titles == ["<img src=x onerror=\"document.title='owned'\"><b>bold</b>"]


def test_missing_texts_and_prices_are_null(client: httpx.Client) -> None:
    [found] = [hit for hit in hits(client, PLAIN, limit=100) if hit["item_id"] == NAMELESS]
    assert {name for name, value in found.items() if value is None} == {
        "title", "url", "price", "currency", "brand", "category", "in_stock",
    }  # fmt: skip


def test_each_answer_has_its_own_query_id_and_they_sort_by_time(client: httpx.Client) -> None:
    first = similar(client, PLAIN)["query_id"]
    time.sleep(0.005)
    second = similar(client, PLAIN)["query_id"]
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first < second


def test_the_answer_says_how_long_the_search_took(client: httpx.Client) -> None:
    timing = client.get(f"/v1/items/{PLAIN}/similar").headers["Server-Timing"]
    stages = dict(stage.split(";dur=") for stage in timing.split(", "))
    assert list(stages) == ["read", "search", "write", "total"]
    parts = [float(stages[name]) for name in ("read", "search", "write")]
    assert sum(parts) <= float(stages["total"]) + 0.02
