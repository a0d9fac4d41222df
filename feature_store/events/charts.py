"""The page's charts, as SVG that needs no style attribute and no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from feature_store.events.shares import Share

POSITIONS = 24
"""The positions drawn."""

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 900, 280, 46, 30, 10


@dataclass(frozen=True)
class Line:
    """One line of the curve: its name, and the share at each position."""

    name: str
    points: Sequence[tuple[int, Share]]


def draw_curve(lines: Sequence[Line]) -> str:
    """Return shares by position, a line for each of at most four, with their intervals."""
    points = [point for line in lines for point in line.points if point[0] <= POSITIONS]
    last = max((position for position, _ in points), default=1)
    top = _rounded_up(max((share.interval[1] for _, share in points if share.of), default=1.0))
    frame = _Frame(last, top)
    drawn = [frame.axes(), *(frame.line(number, line) for number, line in enumerate(lines))]
    told = "; ".join(f"{line.name}: {_told(line)}" for line in lines)
    label = escape(f"Share clicked by position. {told}", quote=True)
    return (
        f'<svg class="whole" role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"{''.join(drawn)}</svg>"
    )


def draw_spread(share: Share, top: float) -> str:
    """Return one share with its interval, on a line from 0 to `top`."""
    if not share.of or not top:
        return ""
    low, high = (200 * value / top for value in share.interval)
    return (
        '<svg class="spread" viewBox="0 0 220 14">'
        f'<line x1="{low + 8:.1f}" x2="{min(high, 200) + 8:.1f}" y1="7" y2="7"/>'
        f'<circle cx="{200 * share.share / top + 8:.1f}" cy="7" r="4"/></svg>'
    )


@dataclass(frozen=True)
class _Frame:
    last: int
    top: float

    def x(self, position: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 20) * (position - 0.5) / self.last

    def y(self, share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(share, self.top) / self.top)

    def axes(self) -> str:
        drawn = []
        for step in range(5):
            share = self.top * step / 4
            y = f"{self.y(share):.1f}"
            drawn.append(
                f'<line class="{"grid" if step else "axis"}" x1="{_LEFT}" x2="{_WIDTH - 10}" '
                f'y1="{y}" y2="{y}"/>'
                f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{100 * share:.3g} %</text>'
            )
        drawn += [
            f'<text x="{self.x(position):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{position}'
            "</text>"
            for position in range(1, self.last + 1)
        ]
        return "".join(drawn)

    def line(self, number: int, line: Line) -> str:
        # Beside each other, so that whiskers at one position can be told apart.
        points = [
            (self.x(position + 0.12 * (number - 1.5)), share)
            for position, share in line.points
            if position <= POSITIONS and share.of
        ]
        path = " ".join(
            f"{'L' if place else 'M'}{x:.1f} {self.y(share.share):.1f}"
            for place, (x, share) in enumerate(points)
        )
        marks = "".join(
            f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{self.y(share.interval[0]):.1f}" '
            f'y2="{self.y(share.interval[1]):.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{self.y(share.share):.1f}" r="3"/>'
            for x, share in points
        )
        return f'<g class="c{number % 4}"><path d="{path}"/>{marks}</g>'


def _rounded_up(share: float) -> float:
    """Return the next round share: 1, 2 or 5 times a power of ten, at most 1."""
    power = 10.0 ** math.floor(math.log10(max(share, 1e-6)))
    return float(min(1.0, next(n * power for n in (1, 2, 5, 10) if n * power >= share - 1e-12)))


def _told(line: Line) -> str:
    return ", ".join(f"{place} {100 * share.share:.1f} %" for place, share in line.points[:3])
