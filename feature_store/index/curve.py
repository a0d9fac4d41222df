"""The recall curve as a picture: what each tried setting finds, and how fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from feature_store.index.evaluate import CurvePoint

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 28, 60
COLOURS = ("#1f77b4", "#e07b00", "#2a9d4a", "#b5338a", "#6b6b6b", "#8a5a2b")


def draw_curve(curve: Sequence[CurvePoint], chosen: CurvePoint, target: float) -> str:
    """Return an SVG of recall@10 over queries per second (logarithmic), one line per candidates."""
    plane = _Plane(curve, target)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11" role="img">',
        f"<title>Recall at 10 over queries per second; chosen: {chosen.recall:.4f}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *_grid(plane, target),
    ]
    for number, candidates in enumerate(sorted({point.candidates for point in curve})):
        colour = COLOURS[number % len(COLOURS)]
        line = [point for point in curve if point.candidates == candidates]
        path = " ".join(f"{plane.x(p):.1f},{plane.y(p.recall):.1f}" for p in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts += [
            f'<circle cx="{plane.x(p):.1f}" cy="{plane.y(p.recall):.1f}" r="3" fill="{colour}">'
            f"<title>epsilon {p.epsilon:g}, {candidates} candidates: recall {p.recall:.4f}, "
            f"{p.queries_per_second:,.0f} queries/s</title></circle>"
            for p in line
        ]
        parts.append(_text(LEFT + number * 96, HEIGHT - 8, f"{candidates} candidates", colour))
    parts += [
        f'<circle cx="{plane.x(chosen):.1f}" cy="{plane.y(chosen.recall):.1f}" r="7" fill="none" '
        'stroke="#c00" stroke-width="2"/>',
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
    return f'<text {where} fill="{colour}">{escape(text)}</text>'
