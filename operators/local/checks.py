"""What `make demo ONCE=1` asks of the running service, by HTTP and of the store."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from feature_store.settings import Settings

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """One figure: what it is, what it came to, and the least it must be (None: only shown)."""

    name: str
    value: float
    least: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the figure reaches its bar, if it has one."""
        return self.least is None or self.value >= self.least


def ledger_findings(settings: Settings) -> list[Finding]:
    """How many images of live items are in the ledger, and the share that is indexed."""
    from feature_store.cli.state import read_status

    state = read_status(settings)
    return [
        Finding("images in the ledger", state["images"], 1),
        Finding("images indexed", state["images_indexed"]),
        Finding("share of images indexed", state["coverage"] or 0.0),
    ]


def answer_findings(
    address: str, bars: Mapping[int, float], progress: Progress | None = None
) -> list[Finding]:
    """Same-category precision at each k of `bars`, over every item that has a category.

    Asks `GET /v1/items/{id}/similar` for each item; precision at k counts the hits of the query's
    own category among the first k, over k or over the number of others there are, if fewer.
    """
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        items = [item for item in all_items(client) if item.get("category")]
        sizes: dict[str, int] = {}
        for item in items:
            sizes[item["category"]] = sizes.get(item["category"], 0) + 1
        scores: dict[int, list[float]] = {k: [] for k in bars}
        for number, item in enumerate(items):
            others = sizes[item["category"]] - 1
            categories = _categories_of_hits(client, item["item_id"], max(bars))
            for k in bars:
                if others:
                    same = sum(name == item["category"] for name in categories[:k])
                    scores[k].append(same / min(k, others))
            if progress is not None:
                progress(number + 1, len(items))
    return [
        Finding(f"same-category precision@{k}", sum(found) / len(found), bars[k] or None)
        for k, found in scores.items()
        if found
    ]


def bundle_findings(address: str) -> list[Finding]:
    """What the gate measured of the bundle that is being served."""
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        bundle: dict[str, Any] = client.get("/v1/bundle").raise_for_status().json()
    return [
        Finding("recall@10 of the index against exact search", bundle["recall_at_10"], 0.99),
        Finding("items served", bundle["counts"]["items"], 1),
    ]


def all_items(client: httpx.Client) -> list[dict[str, Any]]:
    """Every item of the shop's listing, page by page."""
    items: list[dict[str, Any]] = []
    while True:
        page = client.get("/demo/items.json", params={"offset": len(items), "limit": 200})
        found = page.raise_for_status().json()
        items.extend(found["items"])
        if not found["items"] or len(items) >= found["total"]:
            return items


def _categories_of_hits(client: httpx.Client, item_id: str, limit: int) -> Sequence[str | None]:
    path = f"/v1/items/{urllib.parse.quote(item_id, safe='')}/similar"
    answer = client.get(path, params={"limit": limit})
    return [hit["category"] for hit in answer.raise_for_status().json()["hits"]]
