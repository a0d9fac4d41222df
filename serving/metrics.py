"""What the service counts, over all its processes, in the Prometheus text format.

Labels are routes and statuses, out of closed lists: never an item, so their number is bounded.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
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

_EVENTS = ("answers", "empty_answers", "fallbacks", "hits", "restarts", "swaps", "refusals")

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

    def event(self, name: str, times: int = 1) -> None:
        """Count `times` of one of the named events."""
        self._row[_EVENTS_AT + _EVENT_NUMBER[name]] += times


class _BoardCollector(Collector):
    """Reads the board as Prometheus metrics."""

    def __init__(self, board: Board, bundle: dict[str, Any]) -> None:
        self._board = board
        self._bundle = bundle

    def collect(self) -> Iterator[Metric]:
        """Yield every family, summed over the processes."""
        totals = self._board.cells.sum(axis=0)
        notice = self._board.notice()
        yield from _requests(totals)
        yield from _events(totals[_EVENTS_AT:])
        yield from _gauges(self._bundle, notice)


def exposition(board: Board, bundle: dict[str, Any]) -> bytes:
    """Return all metrics as Prometheus reads them; `bundle` is what `/v1/bundle` says."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_BoardCollector(board, bundle))
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
    described = {
        "answers": ("nitamono_answers", "Answers about look-alikes."),
        "empty_answers": ("nitamono_empty_answers", "Such answers that had no hit."),
        "fallbacks": ("nitamono_fallbacks", "Such answers that fell back on something else."),
        "hits": ("nitamono_hits", "Hits in all answers."),
        "restarts": ("nitamono_worker_restarts", "Workers that died and were started again."),
        "swaps": ("nitamono_bundle_swaps", "Times another bundle began to be served."),
        "refusals": ("nitamono_bundle_refusals", "Times a published bundle was refused."),
    }
    for name, (family, sentence) in described.items():
        yield CounterMetricFamily(family, sentence, value=totals[_EVENT_NUMBER[name]])


def _gauges(bundle: dict[str, Any], notice: dict[str, Any]) -> Iterable[Metric]:
    info = GaugeMetricFamily("nitamono_bundle_info", "The bundle served.", labels=["bundle"])
    info.add_metric([bundle["bundle"]], 1)
    yield info
    for name, count in sorted(bundle["counts"].items()):
        yield GaugeMetricFamily(f"nitamono_bundle_{name}", f"Live {name} served.", value=count)
    yield GaugeMetricFamily(
        "nitamono_bundle_refused",
        "1 while CURRENT names a bundle that was refused, and an older one is served.",
        value=float(bool(notice.get("refused"))),
    )
