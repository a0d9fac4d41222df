"""The demo shop's listing: filtered, and counted so that another value can be chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import NAMELESS, SLASHED, build_shop
from tests.serving.shop_tier import build_tier


def listed(client: httpx.Client, *filters: str, **parameters: str) -> dict[str, Any]:
    given = [*{"limit": "200", **parameters}.items(), *(("filter", text) for text in filters)]
    answer = client.get("/demo/items.json", params=given)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_filters_leave_what_passes_all_of_them(client: httpx.Client) -> None:
    everything = listed(client)["items"]
    page = listed(client, "in_stock:true", "price:2000..3000", category="mugs")
    expected = [
        item["item_id"]
        for item in everything
        if item["in_stock"] and item["category"] == "mugs" and 2000 <= item["price"] <= 3000
    ]
    assert [item["item_id"] for item in page["items"]] == expected
    assert 0 < page["total"] == len(expected) < 12


def test_facets_are_counted_without_their_own_filter(client: httpx.Client) -> None:
    page = listed(client, "brand:Kumo", "price:2000..3000", category="mugs")
    assert page["facets"]["brand"] == [{"value": "Kumo", "count": 3}]
    assert page["facets"]["price"] == {"low": 1000, "high": 6500, "currency": "JPY"}


def test_a_range_over_several_currencies_is_none(client: httpx.Client) -> None:
    assert listed(client)["facets"]["price"] is None
    assert listed(client, category="cars")["facets"] == {"brand": [], "price": None}


def test_pages_of_a_filtered_shelf_join_up(client: httpx.Client) -> None:
    whole = listed(client, "in_stock:true")
    pages = [
        listed(client, "in_stock:true", limit="20", offset=str(offset))
        for offset in range(0, whole["total"], 20)
    ]
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert NAMELESS not in {item["item_id"] for item in whole["items"]}


@pytest.mark.parametrize("text", ["season:spring", "price:cheap", "nonsense"])
def test_a_filter_that_cannot_be_used_is_a_problem(client: httpx.Client, text: str) -> None:
    answer = client.get("/demo/items.json", params={"filter": text})
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "filter"


def test_the_fresh_tier_is_on_the_shelf(tmp_path: Path) -> None:
    build_shop(tmp_path)
    build_tier(tmp_path, new=["shoes-new"], titles={SLASHED: "Renamed"}, gone=["shoes-00"])
    with (
        ServiceProcess(tmp_path) as running,
        httpx.Client(base_url=running.address, trust_env=False) as client,
    ):
        page = listed(client, "price:4200..4200", category="shoes")
        assert [item["item_id"] for item in page["items"]] == ["shoes-new"]
        shoes = listed(client, "brand:Kumo", category="shoes")
        assert shoes["facets"]["brand"] == [{"value": "Kumo", "count": shoes["total"]}]
        assert "shoes-00" not in {item["item_id"] for item in shoes["items"]}
