"""The picture of `make bench-index`: recall over queries per second, one line per engine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 64, 56
COLOURS = {"nitamono": "#c2185b", "hnswlib": "#1f77b4", "faiss": "#2a9d4a"}
TICKS = (1, 1.5, 2, 3, 4, 5, 7)


class Mark(NamedTuple):
    """One setting of an engine."""

    label: str
    recall: float
    per_second: float


def draw(
    title: str, lines: Mapping[str, Sequence[Mark]], target: float, at: Mapping[str, float | None]
) -> str:
    """Return an SVG: both axes logarithmic, recall as the share of answers that are missed.

    `at`: each engine's queries/s at the target recall.
    """
    plane = _Plane([mark for line in lines.values() for mark in line], target)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 22, title, "#111", size=15),
        *_grid(plane, target),
    ]
    for place, (name, line) in enumerate(lines.items()):
        colour = COLOURS.get(name, "#555")
        speed = at.get(name)
        said = f"{name}: {speed:,.0f}/s at {target:g}" if speed else f"{name}: below {target:g}"
        parts += [
            f'<circle cx="{LEFT + 6 + place * 210}" cy="43" r="5" fill="{colour}"/>',
            _text(LEFT + 16 + place * 210, 47, said, "#111"),
            *_line(plane, line, colour),
        ]
        if speed:
            x, y = plane.x(speed), plane.y(target)
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="{colour}" '
                'stroke-width="2"/>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Plane:
    """Where a recall and a speed lie in the picture."""

    def __init__(self, marks: Sequence[Mark], target: float) -> None:
        speeds = [mark.per_second for mark in marks]
        self.slow, self.fast = min(speeds) / 1.15, max(speeds) * 1.15
        # From what half the target misses to a fifth of what the target does.
        self.least = max(min(mark.recall for mark in marks), 1 - 30 * (1 - target))
        self.most = min(max(mark.recall for mark in marks), 1 - (1 - target) / 20)
        self.least, self.most = min(self.least, target - 1e-4), max(self.most, target + 1e-4)

    def x(self, speed: float) -> float:
        share = math.log(speed / self.slow) / math.log(self.fast / self.slow)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, recall: float) -> float:
        recall = min(max(recall, self.least), self.most)
        share = math.log((1 - self.least) / (1 - recall))
        share /= math.log((1 - self.least) / (1 - self.most))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _line(plane: _Plane, line: Sequence[Mark], colour: str) -> list[str]:
    shown = [mark for mark in line if mark.recall >= plane.least]
    path = " ".join(f"{plane.x(m.per_second):.1f},{plane.y(m.recall):.1f}" for m in shown)
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(
            f'<circle cx="{plane.x(m.per_second):.1f}" cy="{plane.y(m.recall):.1f}" r="4" '
            f'fill="{colour}"><title>{escape(m.label)}: recall {m.recall:.4f}, '
            f"{m.per_second:,.0f} queries/s</title></circle>"
            for m in shown
        ),
    ]


def _grid(plane: _Plane, target: float) -> list[str]:
    parts = []
    for recall in (0.5, 0.7, 0.8, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995):
        if plane.least <= recall <= plane.most and recall != target:
            y = plane.y(recall)
            parts += [_rule(y, "#ddd"), _text(LEFT - 8, y + 4, f"{recall:g}", "#333", "end")]
    y = plane.y(target)
    parts.append(_rule(y, "#c00").replace("/>", ' stroke-dasharray="5 4"/>'))
    parts.append(_text(LEFT - 8, y + 4, f"{target:g}", "#c00", "end"))
    for speed in _ticks(plane.slow, plane.fast):
        x = plane.x(speed)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{speed:,.0f}", "#333", "middle"))
    parts.append(
        _text(WIDTH - RIGHT, HEIGHT - 12, "queries per second, one thread →", "#333", "end")
    )
    parts.append(_text(LEFT - 8, TOP - 4, "recall@10", "#333", "end"))
    return parts


def _ticks(slow: float, fast: float) -> list[float]:
    powers = range(math.floor(math.log10(slow)), math.ceil(math.log10(fast)) + 1)
    return [tick * 10**p for p in powers for tick in TICKS if slow <= tick * 10**p <= fast]


def _rule(y: float, colour: str) -> str:
    return f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start", size: int = 12) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {where} fill="{colour}">{escape(text)}</text>'
