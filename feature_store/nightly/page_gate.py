"""The gate's part of a bundle's page: what failed, the whole, then every slice as a heat map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from feature_store.quality.index import fails, slice_limit
from feature_store.quality.index_gate import BRAND, NEWNESS, TAIL, IndexGate, Threshold
from feature_store.quality.index_metrics import METRICS, MIN, Metric, judged_with
from feature_store.quality.report import Check, GateReport

SHOWN = 12
"""Slices of a dimension that are shown; the others are folded."""
WRONG = 4
"""Failed checks of one figure that are shown; the others are folded."""
FROM = 0.5
"""Where the bars begin of figures that must be high."""

HEADS = {
    "recall_at_10": "recall@10",
    "self_retrieval": "finds itself",
    "identity": "by name",
    "vectors_right": "vectors",
    "neighbour_lists": "lists",
    "coverage": "present",
    "precision_at_10": "same label",
    "precision_over_chance": "above chance",
    "precision_drop": "label drop",
    "score_shift": "score shift",
    "alike_share": "too alike",
    "far_share": "too far",
    "hub_share": "top hub",
    "hub_skewness": "skewness",
    "shrinkage": "gone",
}
"""What is above each column, in the order of the columns."""

DIMENSIONS = {
    BRAND: "Brands by how many items they have",
    NEWNESS: "New items, which the live bundle does not have",
    TAIL: "The long tail: rare categories and brands",
}

STYLE = """
.scroll{overflow-x:auto;margin:0 0 4px}
.heat{font-variant-numeric:tabular-nums;font-size:13px;border-collapse:separate;border-spacing:2px}
.heat th{font-weight:600;font-size:12px;line-height:1.2;padding:2px 4px;border:0;max-width:58px;
vertical-align:bottom;text-align:right}
.heat th:first-child{position:sticky;left:0;background:#fff;text-align:left;z-index:1;
max-width:250px;overflow-wrap:anywhere;min-width:110px}
.heat th small{display:block;font-weight:400;color:#666}
.heat td{border:0;border-radius:3px;padding:2px 5px 8px;min-width:50px;vertical-align:top;
text-align:right;
--c:#1a7f37;background-color:#e6f4ea;background-repeat:no-repeat;background-image:
linear-gradient(90deg,transparent calc(var(--t) - 1px),#333 calc(var(--t) - 1px)
calc(var(--t) + 1px),transparent calc(var(--t) + 1px)),
linear-gradient(90deg,transparent var(--l),var(--c) var(--l) var(--h),transparent var(--h));
background-size:100% 8px,100% 4px;background-position:0 100%,0 calc(100% - 2px)}
.heat td.near{--c:#b07a00;background-color:#fff3d1}
.heat td.bad{--c:#c62828;background-color:#fbd9d6;font-weight:700;color:#8c1414}
.heat td.free{--c:#9aa0a6;background-color:#f3f3f3;color:#555}
.heat td.none{background:none;color:#bbb}
details{margin:4px 0 12px}summary{cursor:pointer;color:#0b57d0;padding:6px 0}
.wrong{border-left:4px solid #c62828;background:#fdf1f0;padding:8px 14px;margin:6px 0;
overflow-wrap:anywhere}
.key i{display:inline-block;width:12px;height:12px;border-radius:3px;margin:0 4px 0 12px;
vertical-align:-1px}h3{font-size:14px;margin:18px 0 4px}
"""


def draw_gate(measured: Mapping[str, Any], report: GateReport, gate: IndexGate) -> str:
    """Return the HTML of the gate's part; every text of the catalogue is escaped."""
    failed = [check for check in report.checks if not check.passed]
    passed = [check for check in report.checks if check.passed]
    parts = [_wrong(checks, metric) for metric, checks in _by_metric(failed)]
    if not failed:
        slices = len(measured["slices"])
        parts.append(f"<p>All {len(passed)} checks passed, over the whole and {slices} slices.</p>")
    parts += [_key(), _whole(measured["overall"], gate)]
    by_dimension: dict[str, list[Mapping[str, Any]]] = {}
    for one in measured["slices"]:
        by_dimension.setdefault(one["dimension"], []).append(one)
    parts += [_dimension(name, slices, gate) for name, slices in by_dimension.items()]
    parts.append(_folded("every check", _checks(report.checks)))
    return "".join(parts)


def _by_metric(failed: Sequence[Check]) -> list[tuple[Metric | None, list[Check]]]:
    """Put together the failed checks of one figure, in the whole and in slices; None: no figure."""
    found: dict[str, tuple[Metric | None, list[Check]]] = {}
    for check in failed:
        metric = next((one for one in METRICS if _is_of(check, one)), None)
        key = metric.key if metric else check.name
        found.setdefault(key, (metric, []))[1].append(check)
    return list(found.values())


def _is_of(check: Check, metric: Metric) -> bool:
    return check.name == metric.title or check.name.startswith(f"{metric.title} in ")


def _wrong(checks: Sequence[Check], metric: Metric | None) -> str:
    """Say what failed: one figure's checks in one box, with the remedy once."""
    remedy = metric.remedy if metric else ""
    lines = []
    for check in checks:
        said = check.message.removeprefix(f"{check.name}: ").removesuffix(f" {remedy}")
        lines.append(f"<b>{escape(check.name)}</b>: {escape(said)}<br>")
    html = "".join(lines[:WRONG])
    if lines[WRONG:]:
        html += _folded(f"{len(lines) - WRONG} more", "".join(lines[WRONG:]))
    return f'<div class="wrong">{html}{escape(remedy)}</div>'


def _key() -> str:
    colours = (("#e6f4ea", "as it should be"), ("#fff3d1", "cannot be told from the threshold"))
    more = (("#fbd9d6", "fails"), ("#f3f3f3", "not judged"))
    key = "".join(
        f'<span><i style="background:{colour}"></i>{words}</span> '
        for colour, words in (*colours, *more)
    )
    return (
        f'<p class="muted key">{key}<br>A bar is the interval of what was measured, the tick the '
        f"threshold; bars of what must be high begin at {FROM:g}.</p>"
    )


def _whole(overall: Mapping[str, Any], gate: IndexGate) -> str:
    named = {**overall, "dimension": "", "value": "", "merged_with": []}
    limits = {metric.key: gate.overall[metric.threshold] for metric in METRICS}
    columns = _columns([named])
    cells = "".join(_overall_cell(metric, named, limits[metric.key]) for metric in columns)
    size = f"{overall['items']:,} items, {overall['regions']:,} regions"
    row = f"<tr><th>everything<small>{size}</small></th>{cells}</tr>"
    return f"<h3>The whole index</h3>{_table(columns, [row])}"


def _dimension(name: str, slices: Sequence[Mapping[str, Any]], gate: IndexGate) -> str:
    """Draw one dimension: failing slices first, then those with the lowest recall."""
    columns = _columns(slices)

    def order(one: Mapping[str, Any]) -> tuple[bool, float, int]:
        failing = any(fails(metric, one, gate) for metric in METRICS)
        recall = one["metrics"].get("recall_at_10", {}).get("value", 0.0)
        return not failing, recall, -one["items"]

    ordered = sorted(slices, key=order)
    failing = sum(1 for one in ordered if not order(one)[0])
    shown = max(SHOWN, failing)
    rows = [_row(one, columns, gate) for one in ordered]
    title = DIMENSIONS.get(name, name.capitalize())
    told = f"{failing} of {len(rows)} fail" if failing else f"{len(rows)} slices, none fails"
    told = told if len(rows) > 1 or failing else ""
    html = f"<h3>{escape(title)} <small class='muted'>{told}</small></h3>"
    html += _table(columns, rows[:shown])
    if rows[shown:]:
        html += _folded(f"{len(rows) - shown} more", _table(columns, rows[shown:]))
    return html


def _columns(slices: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """Return the figures that any of these slices has, in the order of the page."""
    by_key = {metric.key: metric for metric in METRICS}
    return [by_key[key] for key in HEADS if any(key in one["metrics"] for one in slices)]


def _table(columns: Sequence[Metric], rows: Iterable[str]) -> str:
    heads = "".join(
        f'<th title="{escape(f"{metric.title}, {metric.finding}")}">{HEADS[metric.key]}</th>'
        for metric in columns
    )
    body = "".join(rows)
    return f'<div class="scroll"><table class="heat"><tr><th></th>{heads}</tr>{body}</table></div>'


def _row(one: Mapping[str, Any], columns: Sequence[Metric], gate: IndexGate) -> str:
    cells = "".join(_slice_cell(metric, one, gate) for metric in columns)
    size = f"{one['items']:,} items, {one['regions']:,} regions{judged_with(one)}"
    name = one["value"] or "none"
    return f"<tr><th>{escape(name)}<small>{escape(size)}</small></th>{cells}</tr>"


def _slice_cell(metric: Metric, one: Mapping[str, Any], gate: IndexGate) -> str:
    figure = one["metrics"].get(metric.key)
    return _cell(metric, figure, slice_limit(metric, one, gate), fails(metric, one, gate))


def _overall_cell(metric: Metric, one: Mapping[str, Any], limit: Threshold) -> str:
    figure = one["metrics"].get(metric.key)
    if figure is None or limit is None:
        return _cell(metric, figure, limit, False)
    if metric.by_estimate:
        return _cell(metric, figure, limit, figure["value"] < limit)
    bad = figure["high"] < limit if metric.side == MIN else figure["low"] > limit
    return _cell(metric, figure, limit, bad)


def _cell(metric: Metric, figure: Mapping[str, float] | None, limit: Threshold, bad: bool) -> str:
    if figure is None:
        return '<td class="none">&ndash;</td>'
    value, low, high = figure["value"], figure["low"], figure["high"]
    kind = "bad" if bad else ""
    if limit is None:
        kind = "free"
    elif not bad and (value < limit if metric.side == MIN else value > limit):
        kind = "near"
    start = FROM if metric.side == MIN and metric.key in _HIGH else 0.0
    wide = 100.0 if metric.key == "hub_skewness" else 1.0
    left, right = _percent(low, start, wide), _percent(high, start, wide)
    tick = -10 if limit is None else _percent(limit, start, wide)
    told = f"{value:.4f}, from {low:.4f} to {high:.4f}" if low < high else f"{value:.6g}, counted"
    threshold = "" if limit is None else f"; threshold {limit:g}"
    style = f"--l:{left:.0f}%;--h:{max(right, left + 2):.0f}%;--t:{tick:.0f}%"
    shown = f"{value:.1f}" if metric.key == "hub_skewness" else f"{value:.3f}"
    return f'<td class="{kind}" style="{style}" title="{told}{threshold}">{shown}</td>'


_HIGH = (
    "recall_at_10",
    "self_retrieval",
    "identity",
    "vectors_right",
    "neighbour_lists",
    "coverage",
)


def _percent(value: float, start: float, wide: float) -> float:
    return 100 * min(1.0, max(0.0, (value - start) / (wide - start)))


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def _checks(checks: Iterable[Check]) -> str:
    rows = (
        f'<tr><td><span class="verdict {"passed" if check.passed else "failed"}">'
        f"{'passed' if check.passed else 'failed'}</span></td><td>{escape(check.name)}</td>"
        f"<td>{escape(check.message.removeprefix(f'{check.name}: '))}</td></tr>"
        for check in checks
    )
    head = "<tr><th></th><th>check</th><th>what was found</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'
