"""What the tests of the widget share: the tag, and a page that has shown it."""

from __future__ import annotations

import time
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from tests.browser.host_pages import HostPages
from tests.serving.shop_bundle import PLAIN


class _Addressed(Protocol):
    @property
    def address(self) -> str: ...


def tag(service: _Addressed, item_id: str = PLAIN, more: str = "", inside: str = "") -> str:
    """Return the widget's tag, with more attributes and with something inside."""
    return (
        f'<similar-items endpoint="{service.address}" item-id="{item_id}" {more}>'
        f"{inside}</similar-items>"
    )


def opened(page: Page, shop: HostPages, body: str, state: str = "ready") -> Page:
    """Open a page with that body, and wait until its first widget is in that state."""
    shop.body = body
    page.goto(shop.address)
    reached(page, state)
    return page


def reached(page: Page, state: str) -> None:
    """Wait until the page's first widget is in a state."""
    expect(page.locator("similar-items").first).to_have_attribute("data-state", state)


def slides(page: Page) -> Locator:
    """The look-alikes shown, each with its card."""
    return page.locator("similar-items [part=item]")


def status(page: Page) -> Locator:
    """What a screen reader is told."""
    return page.locator("similar-items").get_by_role("status")


def until(page: Page, expression: str) -> None:
    """Wait until an expression holds; the page's policy lets Playwright's own way not in."""
    deadline = time.monotonic() + 20
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)
