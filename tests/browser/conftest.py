"""A real Chromium, a real service, a page of another origin; every page watched for trouble."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.fake_service import FakeService
from tests.browser.host_pages import HostPages
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import build_shop

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=15_000)  # on a busy machine five seconds are soon gone
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) {
      const moved = entry.sources.map((source) => source.node?.outerHTML?.slice(0, 80));
      window.shifts.push([entry.value, moved]);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def _chromium() -> str | None:
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    home = tmp_path_factory.mktemp("browser-shop")
    build_shop(home)
    with ServiceProcess(home) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Without one of the names, the one that Playwright itself has installed.
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    with watched(page):
        yield page


class watched:
    """Fails the test at its end if the page had an error or broke its own policy."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._errors: list[str] = []
        page.add_init_script(WATCH)
        page.on("pageerror", lambda error: self._errors.append(str(error)))

    def __enter__(self) -> Page:
        return self._page

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            assert self._errors == []
            if self._page.url != "about:blank":
                assert self._page.evaluate("window.violations") == []


@pytest.fixture
def shop(service: ServiceProcess) -> Iterator[HostPages]:
    with HostPages(service.address) as pages:
        yield pages


@pytest.fixture
def fake() -> Iterator[FakeService]:
    with FakeService() as running:
        yield running


@pytest.fixture
def fake_shop(fake: FakeService) -> Iterator[HostPages]:
    """A page that embeds the widget of the fake service."""
    with HostPages(fake.address) as pages:
        yield pages


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: NITAMONO_SCREENSHOTS, or a folder that is thrown away."""
    chosen = os.environ.get("NITAMONO_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
