"""The contact sheet and the judging page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from feature_store.bundle import open_bundle
from feature_store.compare import compare_bundles
from feature_store.compare.judge import JudgeServer, running
from feature_store.compare.judgements import Judgements
from feature_store.compare.sides import Pair
from feature_store.compare.trials import Trials
from tests.browser.conftest import watched
from tests.feature_store.compare.circle import (
    CircleSettings,
    Made,
    Thing,
    row_of_things,
    write_bundle,
    write_thumbnails,
)

LONG = "An exceedingly long title of a product, with <b>markup</b> and 似たもの " * 3


@pytest.fixture
def settings(tmp_path: Path) -> CircleSettings:
    settings = CircleSettings(tmp_path)
    things = [Thing(t.item_id, t.degrees, title=LONG) for t in row_of_things(20)]
    moved = [Thing(t.item_id, -3.0 * n * n, title=LONG) for n, t in enumerate(things)]
    write_thumbnails(settings.home, things)
    write_bundle(settings.home, "old", things)
    write_bundle(settings.home, "new", moved, Made(extractor="lens@111111111111"))
    return settings


@pytest.fixture
def judgements(settings: CircleSettings) -> Judgements:
    return Judgements(settings.home, "old", "new")


@pytest.fixture
def judge(settings: CircleSettings, judgements: Judgements) -> Iterator[JudgeServer]:
    sides = Pair(*(open_bundle(settings.home / "bundles" / name) for name in ("old", "new")))
    asked = ["t05", "t06", "t07", "t08", "t09"]
    trials = Trials(sides, judgements, 3, settings.home / "thumbnails", asked)
    with running(JudgeServer(trials)) as server:
        yield server


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_contact_sheet_is_read_without_scrolling_sideways_and_without_scripts(
    settings: CircleSettings, browser: Browser, pictures: Path, width: int, scheme: str
) -> None:
    report = compare_bundles(settings, "old", "new").report
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    try:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        expect(page.locator("h1")).to_be_in_viewport()
        expect(page.locator("svg.bar")).to_be_in_viewport()
        photo = page.locator("article .picture").first
        photo.scroll_into_view_if_needed()
        box = photo.bounding_box()
        assert box is not None
        assert box["width"] > 40
        assert box["height"] > 40
        page.screenshot(path=pictures / f"compare-{width}-{scheme}.png")
        document = page.locator("html").bounding_box()
        assert document is not None
        assert document["width"] <= width
        assert said == [], "its policy stops nothing that it needs"
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    finally:
        context.close()


def test_the_sheet_is_no_wider_than_its_window(settings: CircleSettings, browser: Browser) -> None:
    report = compare_bundles(settings, "old", "new").report
    for width in (320, 390, 768, 1280):
        with browser.new_context(viewport={"width": width, "height": 900}) as context:
            page = context.new_page()
            page.goto(report.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_judging_by_keyboard(page: Page, judge: JudgeServer, judgements: Judgements) -> None:
    with watched(page):
        page.goto(judge.address)
        for number, key in enumerate(("ArrowLeft", "ArrowRight", "=", "s", "ArrowLeft"), start=1):
            expect(page.locator("#progress")).to_have_text(f"{number} of 5")
            expect(page.locator("#left li")).to_have_count(3)
            expect(page.locator("#right li")).to_have_count(3)
            page.keyboard.press(key)
        expect(page.locator("#done")).to_be_visible()
    kept = list(judgements.read())
    assert [entry["item_id"] for entry in kept] == ["t05", "t06", "t07", "t08", "t09"]
    left, right, equal, skip, _ = kept
    assert left["verdict"] == left["left"]
    assert right["verdict"] != right["left"]
    assert (equal["verdict"], skip["verdict"]) == ("equal", "skip")
    tally = judgements.tally()
    page.get_by_text("The tally so far").click()
    expect(page.locator("#tally")).to_contain_text(f"before {tally.before}, after {tally.after}")


def test_judging_by_pointer_on_a_phone(
    browser: Browser, judge: JudgeServer, judgements: Judgements, pictures: Path
) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        with watched(page):
            page.goto(judge.address)
            expect(page.locator("#progress")).to_have_text("1 of 5")
            page.wait_for_load_state("networkidle")
            drawn = "[...document.images].map((image) => image.naturalWidth > 0)"
            assert page.evaluate(drawn) == [True] * 7
            page.screenshot(path=pictures / "judge-390.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            page.get_by_role("button", name="Equal").click()
            expect(page.locator("#progress")).to_have_text("2 of 5")
    assert judgements.tally().equal == 1


def test_titles_are_text(page: Page, judge: JudgeServer) -> None:
    page.goto(judge.address)
    expect(page.locator("#query figcaption")).to_contain_text("<b>markup</b>")
    assert page.locator("figcaption b").count() == 0


def test_a_key_pressed_twice_is_one_judgement(
    page: Page, judge: JudgeServer, judgements: Judgements
) -> None:
    page.goto(judge.address)
    expect(page.locator("#progress")).to_have_text("1 of 5")
    page.evaluate(
        """for (const _ of [1, 2, 3])
             document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }))"""
    )
    expect(page.locator("#progress")).to_have_text("2 of 5")
    assert judgements.tally().decided == 1


def test_an_answer_that_was_not_kept_is_told_and_can_be_given_again(
    page: Page, judge: JudgeServer, judgements: Judgements
) -> None:
    page.goto(judge.address)
    expect(page.locator("#progress")).to_have_text("1 of 5")
    page.route("**/answer", lambda route: route.abort())
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#trouble")).to_contain_text("Is nitamono still running?")
    page.unroute("**/answer")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#progress")).to_have_text("2 of 5")
    expect(page.locator("#trouble")).to_be_hidden()
    assert judgements.tally().decided == 1


def test_another_origin_cannot_judge(
    browser: Browser, judge: JudgeServer, judgements: Judgements
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        stranger = "<!doctype html><title>stranger</title>"
        page.route("http://stranger.example/", lambda r: r.fulfill(body=stranger))
        page.goto("http://stranger.example/")
        said = page.evaluate(
            """async (address) => {
              const tell = (type) => fetch(address + "answer", {
                method: "POST", mode: "no-cors", headers: { "Content-Type": type },
                body: '{"trial": "x", "verdict": "left"}' }).then(() => "sent", () => "stopped");
              const read = fetch(address + "next").then(() => "read", () => "stopped");
              return [await tell("text/plain"), await read];
            }""",
            judge.address,
        )
        assert said[1] == "stopped"
    assert list(judgements.read()) == []
