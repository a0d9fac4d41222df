"""What the service counts, over all its processes, in the Prometheus text format.

Labels have closed lists of values (see `counters`), but for the names of what is served: the
bundles, tiers and models, of which there is one for each role at a time.
"""

from __future__ import annotations

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
from serving.counters import (
    AT,
    BOUNDS_SECONDS,
    BUCKETS,
    FAMILIES,
    LIVE,
    SECONDS_AT,
    Family,
)
from serving.summary import age_seconds

_SHOWN_AT_ZERO = ("200", "500")
"""The statuses that are shown before the first: a rate sees the first only if it saw none."""


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
        totals = self._board.totals()
        for family in FAMILIES:
            yield _family(family, totals)
        yield _latency(totals)
        yield from _of_bundles(self._shown)
        yield from _of_tiers(self._shown)
        yield from _of_notice(self._board.notice())


def exposition(board: Board, shown: Shown) -> bytes:
    """Return all metrics as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_BoardCollector(board, shown))
    return generate_latest(registry)


def _family(family: Family, totals: npt.NDArray[np.float64]) -> Metric:
    make = GaugeMetricFamily if family.momentary else CounterMetricFamily
    metric = make(
        f"nitamono_{family.name}", family.sentence, labels=[name for name, _ in family.labels]
    )
    for labels in family.combinations():
        count = totals[AT[(family.name, *labels)]]
        if count or family.name != "requests" or labels[-1] in _SHOWN_AT_ZERO:
            metric.add_metric(labels, count)
    return metric


def _latency(totals: npt.NDArray[np.float64]) -> Metric:
    seconds = HistogramMetricFamily(
        "nitamono_request_seconds",
        "From request to answer.",
        labels=["route", "answered_by"],
        unit="seconds",
    )
    bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
    for timed, first in SECONDS_AT.items():
        growing = np.cumsum(totals[first : first + BUCKETS])
        if growing[-1]:
            buckets = list(zip(bounds, growing.tolist(), strict=True))
            seconds.add_metric(timed, buckets, sum_value=totals[first + BUCKETS])
    return seconds


def _of_bundles(shown: Shown) -> Iterable[Metric]:
    info = GaugeMetricFamily(
        "nitamono_bundle_info", "The bundles served.", labels=["bundle", "role"]
    )
    models = GaugeMetricFamily(
        "nitamono_model_info",
        "The models that described what is served.",
        labels=["detector", "extractor", "role"],
    )
    age = GaugeMetricFamily(
        "nitamono_index_age_seconds", "Seconds since the bundle was built.", labels=["role"]
    )
    for role, bundle in shown.bundles.items():
        info.add_metric([bundle["bundle"], role], 1)
        models.add_metric([bundle["detector"], bundle["extractor"], role], 1)
        seconds = age_seconds(bundle["created_at"])
        if seconds is not None:
            age.add_metric([role], seconds)
    yield from (info, models, age)
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
