"""What is counted: by closed lists of labels, and never less than before, whoever dies."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from feature_store.bundle import BundleRegistry
from serving.board import Board
from serving.counters import (
    ANSWERING,
    BOUNDS_SECONDS,
    CANARY,
    FAMILIES,
    KINDS,
    LIVE,
    ROUTES,
    STATUSES,
    Counters,
    board_for,
)
from serving.metrics import Shown, exposition
from serving.processes import fork
from tests.serving.service_process import ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN, build_shop
from tests.serving.test_state import samples, summed

BUNDLE = {
    "bundle": "shop-1",
    "detector": "drawn@0",
    "extractor": "random@0",
    "created_at": "2026-01-02T03:04:05+00:00",
    "counts": {"items": 3},
    "tier": None,
}
LABELS = {"route", "status", "answered_by", "role", "reason", "type", "outcome", "le"}
"""All labels there are, besides the names of what is served."""

NAMES = {"bundle", "tier", "detector", "extractor"}


def shown(board: Board, **bundles: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """Each sample, by its name and its labels' values in the order of the labels' names."""
    text = exposition(board, Shown({LIVE: BUNDLE, **bundles}, 0.0, False)).decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def board() -> Board:
    return board_for(4)


@pytest.fixture
def counters(board: Board) -> Counters:
    return Counters(board.claim())


def test_a_request_is_counted_by_route_status_and_kind(board: Board, counters: Counters) -> None:
    counters.request("similar", 200, 0.0007, "graph")
    counters.request("similar", 200, 0.3, "graph")
    counters.request("similar", 404, 0.0001)
    counters.request("item", 200, 60.0)
    found = shown(board)
    assert found["nitamono_requests_total", "similar", "200"] == 2
    assert found["nitamono_requests_total", "similar", "404"] == 1
    bucket = "nitamono_request_seconds_bucket"
    assert found[bucket, "graph", "0.0005", "similar"] == 0
    assert found[bucket, "graph", "0.001", "similar"] == 1
    assert found[bucket, "graph", "0.25", "similar"] == 1
    assert found[bucket, "graph", "0.5", "similar"] == 2
    assert found[bucket, "graph", "+Inf", "similar"] == 2
    assert found["nitamono_request_seconds_sum", "graph", "similar"] == pytest.approx(0.3007)
    assert found["nitamono_request_seconds_count", "none", "similar"] == 1
    assert found[bucket, "none", "5.0", "item"] == 0
    assert found[bucket, "none", "+Inf", "item"] == 1


def test_an_answer_is_counted_by_role_kind_and_reason(board: Board, counters: Counters) -> None:
    counters.answer(LIVE, "neighbours", 12, None)
    counters.answer(LIVE, "scan", 0, None)
    counters.answer(CANARY, "fallback", 3, "unknown_item")
    counters.answer(CANARY, "graph", 5, "too_few_hits")
    found = shown(board)
    assert found["nitamono_answers_total", "neighbours", LIVE] == 1
    assert found["nitamono_answers_total", "fallback", CANARY] == 1
    assert summed(found, "nitamono_answers_total") == 4
    assert found["nitamono_hits_total", LIVE] == 12
    assert found["nitamono_hits_total", CANARY] == 8
    assert found["nitamono_empty_answers_total", LIVE] == 1
    assert found["nitamono_empty_answers_total", CANARY] == 0
    assert found["nitamono_fallbacks_total", "unknown_item", CANARY] == 1
    assert found["nitamono_fallbacks_total", "too_few_hits", CANARY] == 1
    assert summed(found, "nitamono_fallbacks_total", LIVE) == 0


def test_events_of_shoppers_and_of_the_service_are_counted(
    board: Board, counters: Counters
) -> None:
    counters.shopper_events("click", "accepted", 3)
    counters.shopper_events("view", "lost", 2)
    counters.shopper_events("other", "rejected")
    for name in ("worker_restarts", "bundle_swaps", "bundle_refusals", "tier_swaps"):
        counters.event(name)
    found = shown(board)
    assert found["nitamono_shopper_events_total", "accepted", "click"] == 3
    assert found["nitamono_shopper_events_total", "lost", "view"] == 2
    assert found["nitamono_shopper_events_total", "rejected", "other"] == 1
    assert found["nitamono_worker_restarts_total",] == 1
    assert found["nitamono_bundle_swaps_total",] == 1
    assert found["nitamono_canary_refusals_total",] == 0


def test_what_is_under_way_goes_up_and_down(board: Board, counters: Counters) -> None:
    counters.in_flight(1)
    counters.in_flight(1)
    counters.photos(waiting=3, running=2)
    found = shown(board)
    assert found["nitamono_requests_in_flight",] == 2
    assert (found["nitamono_photos_waiting",], found["nitamono_photos_running",]) == (3, 2)
    counters.in_flight(-1)
    counters.photos(waiting=0, running=1)
    found = shown(board)
    assert found["nitamono_requests_in_flight",] == 1
    assert (found["nitamono_photos_waiting",], found["nitamono_photos_running",]) == (0, 1)


def test_what_is_served_is_named(board: Board) -> None:
    found = shown(board, canary={**BUNDLE, "bundle": "shop-2", "created_at": "no time"})
    assert found["nitamono_bundle_info", "shop-1", LIVE] == 1
    assert found["nitamono_bundle_info", "shop-2", CANARY] == 1
    assert found["nitamono_model_info", "drawn@0", "random@0", LIVE] == 1
    assert found["nitamono_index_age_seconds", LIVE] > 0
    assert ("nitamono_index_age_seconds", CANARY) not in found
    assert found["nitamono_bundle_items",] == 3


def test_a_first_failure_is_seen_as_one_more_than_none(board: Board) -> None:
    """What a rate never saw as 0 it cannot see rise to 1."""
    found = shown(board)
    for route in ROUTES:
        assert found["nitamono_requests_total", route, "500"] == 0
    assert found["nitamono_shopper_events_total", "lost", "click"] == 0
    assert found["nitamono_fallbacks_total", "unknown_item", LIVE] == 0


@settings(deadline=None)
@given(
    st.text(max_size=20),
    st.integers(-5, 10_000),
    st.floats(0, 1e9),
    st.sampled_from([*KINDS, "else"]) | st.text(max_size=20),
)
def test_nothing_that_is_sent_becomes_a_label(
    route: str, status: int, seconds: float, kind: str
) -> None:
    board = board_for(1)
    counters = Counters(board.claim())
    for one in (route, *ANSWERING):
        counters.request(one, status, seconds, kind)
    expected = str(status) if str(status) in STATUSES else f"{status // 100}xx"
    expected = expected if expected in STATUSES else "none"
    counters.answer(LIVE, kind, 1, kind)
    counters.shopper_events(kind, "rejected")
    allowed = {*ROUTES, *STATUSES, *KINDS, *map(str, BOUNDS_SECONDS), "+Inf"}
    allowed |= {value for family in FAMILIES for _, values in family.labels for value in values}
    allowed |= {value for value in BUNDLE.values() if isinstance(value, str)}
    found = shown(board)
    assert {value for _, *values in found for value in values} <= allowed
    assert found["nitamono_requests_total", "search", expected] >= 1
    assert summed(found, "nitamono_requests_total") == 1 + len(ANSWERING)
    assert summed(found, "nitamono_request_seconds_count") == 1 + len(ANSWERING)


def test_labels_are_few(board: Board, counters: Counters) -> None:
    for route in ROUTES:
        for status in (*range(100, 600), 0):
            for kind in KINDS:
                counters.request(route, status, 0.1, kind)
    text = exposition(board, Shown({LIVE: BUNDLE}, 0.0, False)).decode()
    samples = [
        sample for family in text_string_to_metric_families(text) for sample in family.samples
    ]
    assert {label for sample in samples for label in sample.labels} <= LABELS | NAMES
    assert len(samples) < 1000


def test_what_the_dead_counted_stays_and_what_they_had_under_way_does_not(board: Board) -> None:
    def work() -> int:
        counters = Counters(board.claim())
        counters.in_flight(1)
        counters.photos(waiting=4, running=1)
        counters.request("similar", 200, 0.1, "graph")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    for turn in range(1, 10):  # more often than the board has rows
        os.waitpid(fork(work), 0)
        found = shown(board)
        assert found["nitamono_requests_total", "similar", "200"] == turn
        assert found["nitamono_requests_in_flight",] == 0
        assert found["nitamono_photos_waiting",] == 0


def test_counters_survive_dying_workers_and_swaps(tmp_path: Path) -> None:
    build_shop(tmp_path, "shop-2", without="dresses-03")
    build_shop(tmp_path, "shop-1")
    registry = BundleRegistry(tmp_path / "bundles")
    seen: list[float] = []
    with ServiceProcess(tmp_path, "--workers", "2", poll_seconds=0.1) as service:

        def counted() -> dict[tuple[str, ...], float]:
            try:
                with httpx.Client(base_url=service.address, trust_env=False) as client:
                    found = samples(client)
            except httpx.TransportError:  # the worker that was killed had the connection
                return {}
            seen.append(found["nitamono_requests_total", "similar", "200"])
            return found

        def ask(times: int) -> None:
            for _ in range(times):
                httpx.get(f"{service.address}/v1/items/{PLAIN}/similar", trust_env=False)

        ask(20)
        [leader] = children_of(service.process.pid)
        before = children_of(leader)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(children_of(leader)) - set(before)) == 2)
        until(lambda: counted().get(("nitamono_worker_restarts_total",)) == 2)
        ask(10)
        registry.publish("shop-2")
        service.until_serving("shop-2")
        ask(10)
        # What leaves counts until it is gone.
        until(lambda: len(children_of(service.process.pid)) == 1)
        found = counted()
        assert found["nitamono_requests_total", "similar", "200"] == 40
        assert found["nitamono_bundle_swaps_total",] == 1
        assert found["nitamono_bundle_info", "shop-2", LIVE] == 1
        assert seen == sorted(seen)
        assert found["nitamono_index_age_seconds", LIVE] > 0


def test_every_family_says_what_it_is(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert len(families) > 25
    for family in families:
        assert family.name.startswith("nitamono_")
        assert re.fullmatch(r"[A-Z1].*\.", family.documentation), family.name
