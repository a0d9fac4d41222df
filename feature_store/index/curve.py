"""The recall curve as a picture: what each tried setting finds, and how fast."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from feature_store.index.evaluate import CurvePoint

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 28, 60
COLOURS = ("#1f77b4", "#e07b00", "#2a9d4a", "#b5338a", "#6b6b6b", "#8a5a2b")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

LEGEND = 6
"""Lines that are named below the picture; each names itself where a pointer rests on it."""


class Line(NamedTuple):
    """What was tried in one segment, and what was chosen."""

    name: str
    curve: Sequence[CurvePoint]
    chosen: CurvePoint


def draw_curve(curve: Sequence[CurvePoint], chosen: CurvePoint, target: float) -> str:
    """Return an SVG of recall@10 over queries per second (logarithmic).

    One line for each number of candidates, and of edges where it is another than the first's.
    """
    usual = curve[0].edges
    lines = []
    for candidates, edges in sorted({(p.candidates, p.edges) for p in curve}):
        name = f"{candidates} candidates" if edges == usual else f"{candidates}, {edges} edges"
        points = [p for p in curve if (p.candidates, p.edges) == (candidates, edges)]
        lines.append(Line(name, points, chosen))
    return _drawn(lines, [chosen], target)


def draw_curves(lines: Sequence[Line], target: float) -> str:
    """Return an SVG of recall@10 over queries per second, one line per segment.

    Of each segment only what no other setting beats is drawn.
    """
    best = [line._replace(curve=_best(line.curve)) for line in lines]
    return _drawn(best, [line.chosen for line in lines], target)


def _best(curve: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Return the points that none is both faster and better than, by speed."""
    kept: list[CurvePoint] = []
    for point in sorted(curve, key=lambda p: -p.queries_per_second):
        if not kept or point.recall > kept[-1].recall:
            kept.append(point)
    return kept


def _drawn(lines: Sequence[Line], chosen: Sequence[CurvePoint], target: float) -> str:
    plane = _Plane([*(point for line in lines for point in line.curve), *chosen], target)
    worst = min(point.recall for point in chosen)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11" role="img">',
        f"<title>Recall at 10 over queries per second; chosen: {worst:.4f}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_grid(plane, target),
    ]
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{plane.x(p):.1f},{plane.y(p.recall):.1f}" for p in line.curve)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts += [
            f'<circle cx="{plane.x(p):.1f}" cy="{plane.y(p.recall):.1f}" r="3" fill="{colour}">'
            f"<title>{_plain(line.name)}: epsilon {p.epsilon:g}, {p.candidates} candidates: recall "
            f"{p.recall:.4f}, {p.queries_per_second:,.0f} queries/s</title></circle>"
            for p in line.curve
        ]
        if number < LEGEND:
            name = line.name if len(line.name) <= 15 else f"{line.name[:14]}…"
            parts.append(_text(LEFT + number * 96, HEIGHT - 8, name, colour))
    parts += [
        f'<circle cx="{plane.x(p):.1f}" cy="{plane.y(p.recall):.1f}" r="7" fill="none" '
        'stroke="#c00" stroke-width="2"/>'
        for p in chosen
    ]
    parts += [
        _text(WIDTH - RIGHT - 176, HEIGHT - 28, "queries per second, one thread →", "#333"),
        _text(8, 14, "recall@10", "#333"),
        "</svg>",
    ]
    return "\n".join(parts)


class _Plane:
    """Where a recall and a speed lie in the picture."""

    def __init__(self, curve: Sequence[CurvePoint], target: float) -> None:
        speeds = [math.log10(point.queries_per_second) for point in curve]
        self.slow = math.floor(min(speeds) * 4) / 4
        self.fast = max(math.ceil(max(speeds) * 4) / 4, self.slow + 0.25)
        self.low = max(0.0, min([point.recall for point in curve] + [target]) - 0.01)

    def x(self, point: CurvePoint) -> float:
        share = (math.log10(point.queries_per_second) - self.slow) / (self.fast - self.slow)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, recall: float) -> float:
        share = (recall - self.low) / (1 - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _grid(plane: _Plane, target: float) -> list[str]:
    lines = []
    for step in range(5):
        recall = plane.low + (1 - plane.low) * step / 4
        lines.append(_rule(plane.y(recall), "#ddd"))
        lines.append(_text(8, plane.y(recall) + 4, f"{recall:.3f}", "#333"))
    speeds = [plane.slow + (plane.fast - plane.slow) * step / 4 for step in range(5)]
    for step, speed in enumerate(speeds):
        x = LEFT + step / 4 * (WIDTH - LEFT - RIGHT)
        anchor = "end" if step == 4 else "middle"  # the last one must not run off the picture
        speed_text = f"{float(f'{10**speed:.2g}'):,.0f}"
        lines.append(_text(x, HEIGHT - BOTTOM + 16, speed_text, "#333", anchor))
    dashed = _rule(plane.y(target), "#c00").replace("/>", ' stroke-dasharray="4 3"/>')
    return [
        *lines,
        dashed,
        _text(WIDTH - RIGHT - 76, plane.y(target) - 4, f"target {target:g}", "#c00"),
    ]


def _rule(y: float, colour: str) -> str:
    return f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{colour}">{_plain(text)}</text>'


def _plain(text: str) -> str:
    """Escape a text; what XML does not allow at all is shown as missing."""
    return escape(_NOT_XML.sub("\ufffd", text))
