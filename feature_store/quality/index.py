"""The index gate: nothing is published that is worse than its thresholds, in any of its slices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_store.quality.index_gate import IndexGate, Threshold
from feature_store.quality.index_metrics import METRICS, MIN, Metric, judged_with, with_interval
from feature_store.quality.index_metrics import words as in_words
from feature_store.quality.report import Check, GateReport
from feature_store.quality.rules import Rule, between, hold_against, shown, total
from feature_store.quality.settings import QualitySettings

if TYPE_CHECKING:
    import pandas as pd

HUB_EVEN = 10
"""An item may be in so many times as many lists as if all items were in the same number."""

UNPOOLED = ("coverage", "vectors_right", "shrinkage")
"""What is counted, not sampled: a slice is judged by itself there, however small."""


def check_index(measured: Mapping[str, Any], settings: QualitySettings) -> GateReport:
    """Hold what was measured on a bundle against the thresholds, with Great Expectations.

    `measured` is the manifest's `measurements["gate"]`. Overall there is a check for each figure;
    of the slices there is one for each figure, or one for each slice that fails, which it names.
    """
    gate = settings.read_index_gate()
    totals = _Totals(measured, gate)
    frames, rules = {"totals": totals.frame()}, totals.rules()
    for metric in METRICS:
        frame, rule = _slices(metric, measured, gate)
        if rule is not None:
            frames[rule.frame] = frame
            rules.append(rule)
    return GateReport("index", _failed_first(hold_against(rules, frames)))


def _failed_first(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return tuple(sorted(checks, key=lambda check: check.passed))


@dataclass(frozen=True)
class _Totals:
    """The checks of the whole index: a frame of one row, and its rules."""

    measured: Mapping[str, Any]
    gate: IndexGate

    def frame(self) -> pd.DataFrame:
        import pandas as pd

        counts, missing = self.measured["counts"], self.measured["missing"]
        row: dict[str, Any] = {
            **counts,
            "regions_off": max(
                abs(counts["indexed_regions"] - counts["snapshot_regions"]),
                counts["regions_unknown"],
                counts["regions_missing"],
            ),
            "queries": self.measured["overall"]["queries"],
            "lost": missing["items"],
            "named": _named(missing),
        }
        for metric in METRICS:
            figure = self.measured["overall"]["metrics"].get(metric.key)
            row[metric.key] = math.nan if figure is None else _judged(metric, figure)
            row[f"said_{metric.key}"] = "nan" if figure is None else with_interval(figure)
        hub = self.measured["overall"].get("hub")
        row["hub"] = f": {shown([hub['item_id']])}" if hub else ""
        return pd.DataFrame([row])

    def rules(self) -> list[Rule]:
        figures = self.measured["overall"]["metrics"]
        made = [
            total(
                "regions counted",
                between("regions_off", 0, 0),
                "the regions of the snapshot",
                "the index holds {indexed_regions} regions, the snapshot {snapshot_regions}; "
                "{regions_missing} are missing by name and {regions_unknown} are not in the "
                "snapshot",
                "Vectors were dropped or doubled, or ids are out of step: build the index again, "
                "and look for zero vectors.",
            ),
            total(
                "queries asked",
                between("queries", 1),
                "at least one query",
                "{queries} queries were asked",
                "An empty snapshot cannot be published: ingest a catalogue first.",
            ),
        ]
        for metric in METRICS:
            limit = self.gate.overall[metric.threshold]
            if limit is None or (metric.key not in figures and not metric.needed):
                continue
            made.append(self._rule(metric, limit))
        return made

    def _rule(self, metric: Metric, limit: float) -> Rule:
        if metric.key == "shrinkage" and _may_shrink(self.measured, self.gate):
            limit = 1.0
        elif metric.key == "hub_share":
            limit = _hub_limit(limit, self.measured["overall"])
        complaint = f"{{said_{metric.key}}} {metric.finding}"
        if metric.key == "coverage":
            complaint = "{lost} of {snapshot_items} live items are not in the index{named}"
        elif metric.key == "hub_share":
            complaint += "{hub}"
        limits = between(metric.key, *((limit, None) if metric.side == MIN else (None, limit)))
        return total(metric.title, limits, _expected(metric, limit), complaint, metric.remedy)


def _slices(
    metric: Metric, measured: Mapping[str, Any], gate: IndexGate
) -> tuple[pd.DataFrame, Rule | None]:
    """Return a row for each slice of which a figure is judged, and the rule that it must keep."""
    import pandas as pd

    rows = sorted(_slice_rows(metric, measured, gate), key=lambda row: float(row["margin"]))
    if not rows:
        return pd.DataFrame(), None
    name = f"{metric.title} by slice"
    return pd.DataFrame(rows), Rule(
        name,
        f"slices {metric.key}",
        "ExpectColumnValuesToBeBetween",
        between("margin", 0),
        f"{metric.title} {'above' if metric.side == MIN else 'below'} the threshold of each slice",
        f"slices fail: {metric.title}",
        metric.remedy,
        each=True,
    )


def _slice_rows(
    metric: Metric, measured: Mapping[str, Any], gate: IndexGate
) -> Iterator[dict[str, Any]]:
    if metric.key == "shrinkage" and _may_shrink(measured, gate):
        return
    for one in measured["slices"]:
        figure = one["metrics"].get(metric.key)
        limit = slice_limit(metric, one, gate)
        if figure is None or limit is None:
            continue
        bound = figure["high"] if metric.side == MIN else figure["low"]
        expected = _expected(metric, limit)
        words = in_words(one["dimension"], one["value"])
        together = "" if metric.key in UNPOOLED else judged_with(one)
        hub = f": {shown([one['hub']['item_id']])}" if metric.key == "hub_share" else ""
        yield {
            "example": f"{metric.title} {words}",
            "margin": bound - limit if metric.side == MIN else limit - bound,
            "observed": figure["value"],
            "expected": expected,
            "said": f"{with_interval(figure)} {metric.finding}{hub}"
            f" ({one['items']} items, {one['regions']} regions{together}); expected: {expected}",
        }


def slice_limit(metric: Metric, one: Mapping[str, Any], gate: IndexGate) -> Threshold:
    """Return the threshold that one measured slice is held against; None: it is not judged."""
    limit = gate.of_slice(one["dimension"], one["value"], metric.threshold)
    if limit is not None and metric.key == "hub_share":
        return _hub_limit(limit, one)
    return limit


def fails(metric: Metric, one: Mapping[str, Any], gate: IndexGate) -> bool:
    """Tell whether a measured slice is shown to be on the wrong side of its threshold."""
    figure, limit = one["metrics"].get(metric.key), slice_limit(metric, one, gate)
    if figure is None or limit is None:
        return False
    return bool(figure["high"] < limit if metric.side == MIN else figure["low"] > limit)


def _hub_limit(limit: float, one: Mapping[str, Any]) -> float:
    hub = one.get("hub")
    return max(limit, min(1.0, HUB_EVEN * hub["even"])) if hub else limit


def _judged(metric: Metric, figure: Mapping[str, float]) -> float:
    if metric.by_estimate:
        return figure["value"]
    return figure["high"] if metric.side == MIN else figure["low"]


def _may_shrink(measured: Mapping[str, Any], gate: IndexGate) -> bool:
    live = measured.get("live")
    return live is not None and live["bundle_id"] == gate.allow_shrinking_from


def _expected(metric: Metric, limit: float) -> str:
    return f"at {'least' if metric.side == MIN else 'most'} {limit:g}"


def _named(missing: Mapping[str, Any]) -> str:
    """Name the items that are missing, and what all of them share."""
    if not missing["items"]:
        return ""
    shared = [f"{name} {value!r}" for name, value in missing["all_of"].items()]
    common = f", all of {' and '.join(shared)}" if shared and missing["items"] > 1 else ""
    return f": {shown(missing['examples'])}{common}"
