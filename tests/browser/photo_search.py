"""Photo search as the contract has it, for a service whose bundle carries no models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Page, Route


@dataclass
class PhotoSearch:
    """Answers photo searches in the browser's stead, out of a service's answers about items."""

    address: str
    status: int = 200
    """What is answered; other than 200 it is a problem."""
    sent: list[bytes] = field(default_factory=list)
    """The bodies of all questions so far."""

    def stand_in(self, page: Page) -> None:
        """Answer all photo searches of a page from now on, and say that they are offered."""
        page.route("**/v1/bundle", self._offer)
        page.route("**/v1/search/image?*", self._answer)

    def _offer(self, route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        offered = {**body["capabilities"], "photo": True}
        route.fulfill(response=answer, json={**body, "capabilities": offered})

    def _answer(self, route: Route) -> None:
        self.sent.append(route.request.post_data_buffer or b"")
        if self.status != 200:
            route.fulfill(status=self.status, json={"status": self.status, "detail": "no"})
            return
        regions = [
            self._region("product", [0.2, 0.25, 0.8, 0.95], "shoes-04"),
            self._region("product", [0.5, 0.5, 0.7, 0.7], "bags-04"),
            self._region("whole", [0, 0, 1, 1], "mugs-04"),
        ]
        route.fulfill(json={"query_id": "q", "bundle": "shop-1", "regions": regions})

    def _region(self, kind: str, box: list[float], item_id: str) -> dict[str, Any]:
        address = f"{self.address}/v1/items/{item_id}/similar?limit=24"
        hits = httpx.get(address, trust_env=False).json()["hits"]
        return {"kind": kind, "box": box, "confidence": 0.9, "hits": hits}
