"""The steps over a home: reruns, late files, later purchases, the page; folder and bucket."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.bundle import BundleRegistry
from feature_store.events import (
    forget_events,
    gather_events,
    known_bundles,
    open_summaries,
    read_overview,
    report_events,
    summarise_events,
)
from feature_store.settings import Settings
from feature_store.storage import Bucket
from tests.feature_store.events.shoppers import (
    crowd,
    drop,
    encoded,
    event,
    query_id,
    table,
)

DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    remember(tmp_path, "b1", "b2")
    return replace(Settings(), home=tmp_path)


def remember(home: Path, *bundles: str) -> None:
    """Have the registry know that these bundles were live once, and are removed since."""
    (home / "bundles").mkdir(exist_ok=True)
    lines = (json.dumps({"action": "publish", "bundle_id": name}) + "\n" for name in bundles)
    (home / "bundles" / "PUBLISHED.jsonl").write_text("".join(lines))


def run(settings: Settings, day: str) -> list[dict[str, Any]]:
    gathered = gather_events(settings, day)
    return [summarise_events(settings, each) for each in gathered.days]


def overview(settings: Settings) -> dict[str, Any]:
    summaries = open_summaries(settings)
    return read_overview(summaries, summaries.days()).to_dict()


def test_a_day_is_counted_and_counting_it_again_changes_nothing(settings: Settings) -> None:
    made = crowd(np.random.default_rng(1), DAYS[0], {"b1": 0.5, "b2": 0.3}, answers=60)
    for part in range(6):
        drop(settings.home / "events", DAYS[0], str(part), made[part::5])  # some of it twice
    [told] = run(settings, DAYS[0])
    assert told == {
        "ds": DAYS[0],
        "events": len(made),
        "counted": len(made),
        "aside": {"unknown_bundle": 0, "impossible": 0, "program": 0, "unseen": 0},
    }
    counted = (settings.home / "shoppers" / f"ds={DAYS[0]}.parquet").read_bytes()
    assert run(settings, DAYS[0]) == [told]
    assert (settings.home / "shoppers" / f"ds={DAYS[0]}.parquet").read_bytes() == counted
    assert [shown["answers"] for shown in overview(settings)["bundles"]] == [60, 60]


def test_a_day_without_events_is_no_day(settings: Settings) -> None:
    assert gather_events(settings, DAYS[0]).days == ()
    assert gather_events(settings, DAYS[0]).files == 0


def test_what_came_late_has_its_own_day_counted_anew(settings: Settings) -> None:
    events = settings.home / "events"
    drop(events, DAYS[0], "a", [event("view", query_id(DAYS[0], 1), 1)])
    run(settings, DAYS[0])
    drop(events, DAYS[0], "late", [event("view", query_id(DAYS[0], 2), 1)])
    drop(events, DAYS[1], "b", [event("view", query_id(DAYS[1], 1), 1)])
    drop(events, DAYS[2], "c", [event("view", query_id(DAYS[2], 1), 1)])
    assert [told["ds"] for told in run(settings, DAYS[1])] == [DAYS[0], DAYS[1]]
    [shown] = overview(settings)["bundles"]
    assert (shown["answers"], shown["days"]) == (3, list(DAYS[:2]))
    assert [told["ds"] for told in run(settings, DAYS[1])] == [DAYS[1]]


def test_a_purchase_counts_on_its_own_day_if_the_hit_was_seen_in_time(settings: Settings) -> None:
    events = settings.home / "events"
    seen = query_id(DAYS[0], 1)
    drop(events, DAYS[0], "a", [event("view", seen, 1), event("click", seen, 1)])
    bought = [event("conversion", seen, 1), event("conversion", query_id(DAYS[0], 9), 1)]
    drop(events, DAYS[2], "b", [*bought, event("click", seen, 1)])  # the click is told once more
    run(settings, DAYS[0])
    [told] = run(settings, DAYS[2])
    assert told["aside"]["unseen"] == 1
    [shown] = overview(settings)["bundles"]
    assert (shown["clicked"]["count"], shown["converted"]["count"]) == (1, 1)
    strict = replace(settings, events=replace(settings.events, window_days=1))
    assert summarise_events(strict, DAYS[2])["aside"]["unseen"] == 3


def test_bundles_that_never_were_do_not_count(settings: Settings) -> None:
    forged = [event("view", query_id(DAYS[0], n), 1, bundle=f"x{n}") for n in range(50)]
    drop(settings.home / "events", DAYS[0], "a", forged)
    [told] = run(settings, DAYS[0])
    assert (told["counted"], told["aside"]["unknown_bundle"]) == (0, 50)
    assert overview(settings)["bundles"] == []


def test_a_bundle_is_known_by_every_way_it_can_have_been_shown(tmp_path: Path) -> None:
    registry = BundleRegistry(tmp_path)
    lines = [
        {"action": "publish", "bundle_id": "live"},
        {"action": "canary", "canary": "canary", "share": 0.1},
        {"action": "pin", "pinned": "pin"},
        {"action": "prune", "removed": ["never-shown"]},
        {"action": "publish", "bundle_id": 7},
    ]
    (tmp_path / "PUBLISHED.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert known_bundles(registry) == {"live", "canary", "pin"}


def test_events_are_forgotten_and_counts_are_not(settings: Settings) -> None:
    for day in ("2026-03-01", "2026-03-02", "2026-05-31"):
        drop(settings.home / "events", day, "a", [event("view", query_id(day, 1), 1)])
        run(settings, day)
    before = overview(settings)
    assert forget_events(settings, "2026-05-31") == ["2026-03-01"]
    assert overview(settings) == before
    assert forget_events(settings, "2026-05-31") == []


class Page(HTMLParser):
    """What a page would load or run, and how deep it is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag in ("script", "img", "link", "iframe") or names & {"style", "src", "href"}:
            self.found.append(tag)
        if tag not in ("meta", "i"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "i":
            while self.open and self.open[-1] in ("li", "tr", "p") and self.open[-1] != tag:
                self.open.pop()
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        pass


def test_the_page_shows_bundles_positions_and_what_does_not_count(settings: Settings) -> None:
    rng = np.random.default_rng(2)
    for day in DAYS:
        made = crowd(rng, day, {"b1": 0.1, "b2": 0.4}, answers=200)
        made += [event("click", query_id(day, 5000), 1)]
        drop(settings.home / "events", day, "a", made)
        run(settings, day)
    path = report_events(settings)
    assert path == settings.home / "shoppers" / "report.html"
    html = path.read_text()
    page = Page(html)
    assert page.found == []
    assert page.open == []
    assert "600" in html
    assert "Against b" in html
    assert re.search(r'<span class="(more|fewer)">(more|fewer)</span>', html)
    assert html.count('class="whisker"') == 8
    assert 'their hit had not been seen</td><td class="number">3<' in html
    assert "style-src 'sha256-" in html
    assert report_events(settings).read_text() == html


def test_a_page_of_nothing_says_so(settings: Settings) -> None:
    html = report_events(settings).read_text()
    assert "Nothing was seen yet" in html
    assert Page(html).open == []


def test_the_page_shows_the_newest_days(settings: Settings) -> None:
    for day in DAYS:
        drop(settings.home / "events", day, "a", [event("view", query_id(day, 1), 1)])
        run(settings, day)
    few = replace(settings, events=replace(settings.events, report_days=2))
    html = report_events(few).read_text()
    assert f"{DAYS[1]} to {DAYS[2]}" in html
    assert DAYS[0] not in html


def test_events_in_a_bucket_are_gathered_counted_and_forgotten(
    settings: Settings, bucket: str
) -> None:
    location = f"gs://{bucket}/shop/events"
    remote = replace(settings, events=replace(settings.events, folder=location))
    objects = Bucket(bucket)
    made = crowd(np.random.default_rng(3), DAYS[0], {"b1": 0.5}, answers=20)
    for part in range(3):
        name = f"shop/events/ds={DAYS[0]}/{part}.parquet"
        objects.write(name, encoded(table(made[part::2])), if_generation=0)
    [told] = run(remote, DAYS[0])
    assert told["counted"] == len(made)
    names = [stored.name for stored in objects.list("shop/")]
    assert names == [f"shop/events/ds={DAYS[0]}/day.parquet"]
    assert run(remote, DAYS[0]) == [told]
    assert forget_events(remote, "2026-12-01") == [DAYS[0]]
    assert list(objects.list("shop/")) == []
