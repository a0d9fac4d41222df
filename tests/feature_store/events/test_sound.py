"""Which events count: each reason has an event that only it stops, and honest ones pass."""

from __future__ import annotations

from typing import Any

import pytest

from feature_store.events.sound import ASIDE, Sifted, sift
from tests.feature_store.events.shoppers import DAY, event, query_id, table

ANSWER, OTHER = query_id(DAY, 1), query_id(DAY, 2)
HONEST = [
    *(event("view", ANSWER, position) for position in (1, 2, 3)),
    event("click", ANSWER, 2),
    event("conversion", ANSWER, 2),
]


def sifted(
    *events: dict[str, Any], earlier: tuple[dict[str, Any], ...] = (), max_clicks: int = 5
) -> Sifted:
    return sift(table(events), table(earlier), {"b1", "b2"}, max_clicks)


def aside(found: Sifted) -> dict[str, int]:
    return {reason: count for reason, count in found.aside.items() if count}


def test_what_people_do_counts() -> None:
    found = sifted(*HONEST)
    assert found.events.num_rows == len(HONEST)
    assert found.aside == dict.fromkeys(ASIDE, 0)


@pytest.mark.parametrize(
    ("reason", "events"),
    [
        ("unknown_bundle", [event("view", OTHER, 1, bundle="forged")]),
        ("impossible", [event("view", OTHER, 1, hit_item_id="asked")]),
        ("impossible", [event("view", OTHER, 1), event("view", OTHER, 2, bundle="b2")]),
        ("impossible", [event("view", OTHER, 1), event("view", OTHER, 2, item_id="else")]),
        ("impossible", [event("view", OTHER, 1), event("view", OTHER, 2, item_id=None)]),
        ("impossible", [event("view", OTHER, 1), event("view", OTHER, 1, hit_item_id="two")]),
        ("unseen", [event("click", OTHER, 1)]),
        ("unseen", [event("conversion", ANSWER, 9)]),
        ("unseen", [event("click", ANSWER, 9, hit_item_id="hit-2")]),
    ],
)
def test_the_rest_is_put_aside_for_its_reason(reason: str, events: list[dict[str, Any]]) -> None:
    found = sifted(*HONEST, *events)
    assert aside(found) == {reason: len(events)}
    assert found.events.num_rows == len(HONEST)


def test_a_visit_that_clicks_too_much_counts_nothing() -> None:
    busy = [
        event(kind, query_id(DAY, 10 + number), 1, session="busy-robot")
        for number in range(6)
        for kind in ("view", "click")
    ]
    assert aside(sifted(*HONEST, *busy)) == {"program": 12}
    assert aside(sifted(*HONEST, *busy, max_clicks=6)) == {}


def test_many_visits_without_a_name_are_not_one() -> None:
    clicks = [
        event(kind, query_id(DAY, 10 + number), 1)
        for number in range(50)
        for kind in ("view", "click")
    ]
    assert aside(sifted(*clicks)) == {}


def test_a_photo_has_several_hits_in_the_first_place() -> None:
    hits = [event("view", OTHER, 1, item_id=None, hit_item_id=f"hit-{n}") for n in range(3)]
    assert aside(sifted(*hits)) == {}


def test_a_hit_that_was_seen_the_day_before_can_be_bought() -> None:
    before = event("view", ANSWER, 2)
    assert aside(sifted(event("conversion", ANSWER, 2), earlier=(before,))) == {}
    elsewhere = {**before, "position": 3, "hit_item_id": "hit-3"}
    assert aside(sifted(event("conversion", ANSWER, 2), earlier=(elsewhere,))) == {"unseen": 1}


def test_what_was_told_on_an_earlier_day_does_not_count_again() -> None:
    found = sifted(*HONEST, earlier=tuple(HONEST))
    assert found.events.num_rows == 0
    assert aside(found) == {}


def test_nothing_is_nothing() -> None:
    assert sifted().events.num_rows == 0
