"""What the service counts, over all its processes, in the Prometheus text format.

Labels are routes, statuses and roles, out of closed lists: never an item, so their number is
bounded. Which bundle and which tier has a role, two gauges say.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from serving.board import Board

ROUTES = (
    "similar",
    "item",
    "bundle",
    "health",
    "ready",
    "metrics",
    "openapi",
    "widget",
    "image",
    "shop",
    "none",
)
"""The routes that requests are counted by; `none` is for paths that are no route."""

STATUSES = (200, 304, 307, 400, 404, 405, 500, 0)
"""The statuses that requests are counted by; 0 stands for any other."""

BOUNDS_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
"""The upper bounds of the latency histogram's buckets; the last bucket is open."""

LIVE, CANARY = "live", "canary"
ROLES = (LIVE, CANARY)
"""Whose answers are told apart: the live bundle's and its canary's."""

_ANSWERS = {
    "answers": "Answers about look-alikes.",
    "empty_answers": "Such answers that had no hit.",
    "fallbacks": "Such answers that fell back on something else.",
    "hits": "Hits in all answers.",
}
_HAPPENED = {
    "restarts": ("worker_restarts", "Workers that died and were started again."),
    "swaps": ("bundle_swaps", "Times other bundles began to be served."),
    "refusals": ("bundle_refusals", "Times a published bundle was refused."),
    "canary_refusals": ("canary_refusals", "Times a canary was refused."),
    "tier_swaps": ("tier_swaps", "Times a worker took up another fresh tier."),
    "tier_refusals": ("tier_refusals", "Times a worker refused a fresh tier."),
}
_EVENTS = (*(f"{name} {role}" for name in _ANSWERS for role in ROLES), *_HAPPENED)

_BUCKETS = len(BOUNDS_SECONDS) + 1
_REQUESTS_AT = 0
_BUCKETS_AT = len(ROUTES) * len(STATUSES)
_SUMS_AT = _BUCKETS_AT + len(ROUTES) * _BUCKETS
_EVENTS_AT = _SUMS_AT + len(ROUTES)
COLUMNS = _EVENTS_AT + len(_EVENTS)
"""How many counters one process has: the width of a row of the board."""

_ROUTE_NUMBER = {route: number for number, route in enumerate(ROUTES)}
_STATUS_NUMBER = {status: number for number, status in enumerate(STATUSES)}
_EVENT_NUMBER = {event: number for number, event in enumerate(_EVENTS)}


class Counters:
    """One process's row of the board: where it counts."""

    def __init__(self, row: npt.NDArray[np.float64]) -> None:
        self._row = row

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request of `route` and how long it took."""
        number = _ROUTE_NUMBER.get(route, _ROUTE_NUMBER["none"])
        of_status = _STATUS_NUMBER.get(status, _STATUS_NUMBER[0])
        bucket = bisect.bisect_left(BOUNDS_SECONDS, seconds)
        self._row[_REQUESTS_AT + number * len(STATUSES) + of_status] += 1
        self._row[_BUCKETS_AT + number * _BUCKETS + bucket] += 1
        self._row[_SUMS_AT + number] += seconds

    def answer(self, role: str, hits: int, *, fallback: bool) -> None:
        """Count an answer about look-alikes, given by the bundle of this role."""
        self._add(f"answers {role}", 1)
        self._add(f"hits {role}", hits)
        self._add(f"empty_answers {role}", not hits)
        self._add(f"fallbacks {role}", fallback)

    def event(self, name: str) -> None:
        """Count one of the other events, by its name."""
        self._add(name, 1)

    def _add(self, name: str, times: int) -> None:
        self._row[_EVENTS_AT + _EVENT_NUMBER[name]] += times


@dataclass(frozen=True)
class Shown:
    """What a worker says of itself among the metrics."""

    bundles: Mapping[str, dict[str, Any]]
    """By role, what `/v1/bundle` says of it."""
    share: float
    """The canary's."""
    tier_refused: bool


class _BoardCollector(Collector):
    """Reads the board as Prometheus metrics."""

    def __init__(self, board: Board, shown: Shown) -> None:
        self._board = board
        self._shown = shown

    def collect(self) -> Iterator[Metric]:
        """Yield every family, summed over the processes."""
        totals = self._board.cells.sum(axis=0)
        yield from _requests(totals)
        yield from _events(totals[_EVENTS_AT:])
        yield from _of_bundles(self._shown)
        yield from _of_tiers(self._shown)
        yield from _of_notice(self._board.notice())


def exposition(board: Board, shown: Shown) -> bytes:
    """Return all metrics as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_BoardCollector(board, shown))
    return generate_latest(registry)


def _requests(totals: npt.NDArray[np.float64]) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "nitamono_requests", "Requests answered.", labels=["route", "status"]
    )
    seconds = HistogramMetricFamily(
        "nitamono_request_seconds", "From request to answer.", labels=["route"], unit="seconds"
    )
    for number, route in enumerate(ROUTES):
        for of_status, status in enumerate(STATUSES):
            count = totals[_REQUESTS_AT + number * len(STATUSES) + of_status]
            if count:
                requests.add_metric([route, str(status) if status else "other"], count)
        start = _BUCKETS_AT + number * _BUCKETS
        growing = np.cumsum(totals[start : start + _BUCKETS])
        if growing[-1]:
            bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
            buckets = list(zip(bounds, growing.tolist(), strict=True))
            seconds.add_metric([route], buckets, sum_value=totals[_SUMS_AT + number])
    return [requests, seconds]


def _events(totals: npt.NDArray[np.float64]) -> Iterable[Metric]:
    for name, sentence in _ANSWERS.items():
        family = CounterMetricFamily(f"nitamono_{name}", sentence, labels=["role"])
        for role in ROLES:
            family.add_metric([role], totals[_EVENT_NUMBER[f"{name} {role}"]])
        yield family
    for name, (shown, sentence) in _HAPPENED.items():
        yield CounterMetricFamily(f"nitamono_{shown}", sentence, value=totals[_EVENT_NUMBER[name]])


def _of_bundles(shown: Shown) -> Iterable[Metric]:
    info = GaugeMetricFamily(
        "nitamono_bundle_info", "The bundles served.", labels=["bundle", "role"]
    )
    for role, bundle in shown.bundles.items():
        info.add_metric([bundle["bundle"], role], 1)
    yield info
    for name, count in sorted(shown.bundles[LIVE]["counts"].items()):
        yield GaugeMetricFamily(f"nitamono_bundle_{name}", f"Live {name} served.", value=count)
    yield GaugeMetricFamily(
        "nitamono_canary_share", "The canary's share of all questions.", value=shown.share
    )


def _of_tiers(shown: Shown) -> Iterable[Metric]:
    tiers = {role: bundle["tier"] for role, bundle in shown.bundles.items() if bundle["tier"]}
    info = GaugeMetricFamily(
        "nitamono_tier_info", "The fresh tiers served.", labels=["tier", "role"]
    )
    for role, tier in tiers.items():
        info.add_metric([tier["tier"], role], 1)
    yield info
    for name, sentence in {
        "age_seconds": "Seconds since the fresh tier was last confirmed.",
        "items": "Items that are new, or have a new row.",
        "regions": "Regions that the bundle does not have.",
        "gone": "Items of the bundle that are no longer for sale.",
    }.items():
        family = GaugeMetricFamily(f"nitamono_tier_{name}", sentence, labels=["role"])
        for role, tier in tiers.items():
            if tier[name] is not None:
                family.add_metric([role], tier[name])
        yield family
    yield GaugeMetricFamily(
        "nitamono_tier_refused",
        "1 while a fresh tier is refused, and the one before it is served.",
        value=float(shown.tier_refused),
    )


def _of_notice(notice: dict[str, Any]) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "nitamono_bundle_refused",
        "1 while CURRENT names a bundle that was refused, and an older one is served.",
        value=float(bool(notice.get("refused"))),
    )
    yield GaugeMetricFamily(
        "nitamono_canary_refused",
        "1 while CANARY names a bundle that was refused, and the live one is served alone.",
        value=float(bool(notice.get("canary_refused"))),
    )
