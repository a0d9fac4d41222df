"""Days are counted and added up as counting by hand does; two bundles are told apart, or not."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.errors import BundleError, StorageError
from feature_store.events.overview import read_overview
from feature_store.events.summary import Summaries, summarise
from feature_store.events.verdict import compare_shown
from feature_store.storage import open_files
from tests.feature_store.events.shoppers import crowd, event, query_id, table

DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")


@pytest.fixture
def summaries(tmp_path: Path) -> Summaries:
    return Summaries(open_files(str(tmp_path)))


def keep(summaries: Summaries, day: str, events: list[dict[str, Any]], **aside: int) -> None:
    summaries.write(summarise(day, table(events), aside))


def by_hand(events: list[dict[str, Any]]) -> dict[str, Any]:
    hits: dict[Any, set[Any]] = defaultdict(set)
    answers: dict[Any, set[str]] = defaultdict(set)
    for told in events:
        where = (told["query_id"], told["hit_item_id"])
        hits[told["bundle"], told["position"], told["type"]].add(where)
        answers[told["bundle"], told["type"]].add(told["query_id"])
    return {"hits": hits, "answers": answers}


def test_counts_are_those_of_counting_by_hand(summaries: Summaries) -> None:
    rng = np.random.default_rng(4)
    made = {day: crowd(rng, day, {"b1": 0.5, "b2": 0.2}, items=(0.5, 1, 2)) for day in DAYS}
    for day, events in made.items():
        keep(summaries, day, events)
    truth = by_hand(list(itertools.chain(*made.values())))
    overview = read_overview(summaries, summaries.days())
    assert overview.days == DAYS
    for shown in overview.bundles:
        assert shown.days == DAYS
        assert shown.clicks.of == len(truth["answers"][shown.bundle, "view"]) == 1200
        assert shown.clicks.count == len(truth["answers"][shown.bundle, "click"])
        assert shown.clicks.effect >= 1
        assert [place.position for place in shown.places] == [1, 2, 3, 4]
        for place in shown.places:
            assert place.clicks.of == len(truth["hits"][shown.bundle, place.position, "view"])
            assert place.clicks.count == len(truth["hits"][shown.bundle, place.position, "click"])
            assert place.conversions.count == 0
    for place in overview.places:
        halves = [shown.places[place.position - 1].clicks for shown in overview.bundles]
        assert place.clicks.of == sum(half.of for half in halves)
        assert place.clicks.count == sum(half.count for half in halves)


def test_answers_about_items_that_differ_tell_less(summaries: Summaries) -> None:
    rng = np.random.default_rng(9)
    keep(summaries, DAYS[0], crowd(rng, DAYS[0], {"b1": 0.2}, items=(0, 0.2, 1, 4)))
    keep(summaries, DAYS[1], crowd(rng, DAYS[1], {"b2": 0.2}, items=(1, 1, 1, 1)))
    unlike, alike = (shown.clicks for shown in read_overview(summaries, DAYS[:2]).bundles)
    assert unlike.effect > 5
    assert alike.effect < 3
    wide, narrow = (share.interval[1] - share.interval[0] for share in (unlike, alike))
    assert wide > 1.5 * narrow


def test_a_day_that_is_counted_again_takes_the_place_of_itself(
    summaries: Summaries, tmp_path: Path
) -> None:
    events = crowd(np.random.default_rng(5), DAYS[0], {"b1": 0.5}, answers=50)
    keep(summaries, DAYS[0], events, unseen=3)
    first = (tmp_path / f"ds={DAYS[0]}.parquet").read_bytes()
    keep(summaries, DAYS[0], events[::-1], unseen=3)
    assert (tmp_path / f"ds={DAYS[0]}.parquet").read_bytes() == first
    overview = read_overview(summaries, summaries.days())
    assert overview.bundles[0].clicks.of == 50
    assert overview.aside == {"unseen": 3}


def test_photos_are_answers_too(summaries: Summaries) -> None:
    photo = query_id(DAYS[0], 1)
    keep(summaries, DAYS[0], [event("view", photo, 1, item_id=None)])
    [shown] = read_overview(summaries, DAYS[:1]).bundles
    assert (shown.clicks.count, shown.clicks.of, shown.clicks.effect) == (0, 1, 1)


def test_nothing_is_an_empty_overview(summaries: Summaries) -> None:
    assert read_overview(summaries, summaries.days()).to_dict() == {
        "days": [], "bundles": [], "positions": [], "aside": {},
    }  # fmt: skip
    with pytest.raises(StorageError, match="no file"):
        summaries.read(DAYS[0])


def test_what_is_no_counted_day_is_passed_over(summaries: Summaries, tmp_path: Path) -> None:
    for name in ("report.html", "ds=2026-02-31.parquet", "ds=today.parquet"):
        (tmp_path / name).write_text("x")
    assert summaries.days() == []


@pytest.mark.parametrize(
    ("rates", "verdict", "word"),
    [
        ({"b1": 0.1, "b2": 0.2}, "more", "brings more clicks"),
        ({"b1": 0.2, "b2": 0.1}, "fewer", "brings fewer clicks"),
        ({"b1": 0.15, "b2": 0.15}, "open", "not told apart yet"),
    ],
)
def test_two_bundles_are_told_apart_or_not(
    summaries: Summaries, rates: dict[str, float], verdict: str, word: str
) -> None:
    rng = np.random.default_rng(6)
    for day in DAYS:
        keep(summaries, day, crowd(rng, day, rates, items=(0.8, 1, 1.2)))
    found = compare_shown(summaries, "b1", "b2", summaries.days())
    told = found.to_dict()
    assert told["clicked"]["verdict"] == verdict
    assert word in told["says"][0]
    assert told["converted"]["verdict"] == "open"
    assert found.same_days
    assert len(told["says"]) == 2


def test_only_days_with_both_are_compared(summaries: Summaries) -> None:
    rng = np.random.default_rng(7)
    keep(summaries, DAYS[0], crowd(rng, DAYS[0], {"b1": 0.9}, answers=100))
    keep(summaries, DAYS[1], crowd(rng, DAYS[1], {"b1": 0.2, "b2": 0.2}, answers=100))
    found = compare_shown(summaries, "b1", "b2", summaries.days())
    assert (found.days, found.same_days) == ((DAYS[1],), True)
    assert found.before.clicks.of == 100


def test_different_days_are_compared_with_a_warning(summaries: Summaries) -> None:
    rng = np.random.default_rng(8)
    keep(summaries, DAYS[0], crowd(rng, DAYS[0], {"b1": 0.9}, answers=100))
    keep(summaries, DAYS[1], crowd(rng, DAYS[1], {"b2": 0.2}, answers=100))
    found = compare_shown(summaries, "b1", "b2", summaries.days())
    assert (found.days, found.same_days) == (DAYS[:2], False)
    assert "different days" in found.sentences()[-1]


def test_a_bundle_that_nobody_saw_is_named(summaries: Summaries) -> None:
    with pytest.raises(BundleError, match="'b1' was seen yet"):
        compare_shown(summaries, "b1", "b2", [])
    keep(summaries, DAYS[0], [event("view", query_id(DAYS[0], 1), 1)])
    with pytest.raises(BundleError, match="'b2' was seen from 2026-03-01 to 2026-03-01"):
        compare_shown(summaries, "b1", "b2", summaries.days())
    with pytest.raises(BundleError, match="both bundles"):
        compare_shown(summaries, "b1", "b1", summaries.days())
