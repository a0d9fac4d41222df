"""What a surface looks like at one place: its own colour, and the height of its relief."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.jit import inline
from feature_store.demo.noise import fractal, sloped, value
from feature_store.demo.patterns import pattern

F32 = NDArray[np.float32]

# Columns of the table of materials; `materials.py` writes them.
FIRST, SECOND, THIRD = 0, 3, 6
PATTERN, REPEAT, COSINE, SEED, SHIFT_U, SHIFT_V = 9, 10, 11, 12, 13, 14
ROUGH, SHINE, METAL, SHEEN, WRAP, GLOW = 15, 16, 17, 18, 19, 20
BUMP, BUMP_SIZE, BUMP_DEPTH, CREASE_SIZE, CREASE_DEPTH, MOTTLE = 21, 22, 23, 24, 25, 26
SINE = 27

BUMPS = ("smooth", "weave", "knit", "grain", "fibre", "cord", "fleece", "brushed", "quilt", "cable")
"""The fine reliefs by name; the place in this list is the number in column `BUMP`."""


@inline
def _relief(kind: int, u: float, v: float) -> float:  # noqa: PLR0911 -- one case each
    """Height of the fine relief, 0..1, at (u, v) in repeats."""
    if kind == 1:
        over = (math.floor(u) + math.floor(v)) & 1
        a = math.sin(math.pi * (u - math.floor(u)))
        b = math.sin(math.pi * (v - math.floor(v)))
        return a * (1.0 - 0.6 * b) if over == 0 else b * (1.0 - 0.6 * a)
    if kind == 2:
        side = abs(u - math.floor(u) - 0.5)
        return abs(math.sin(math.pi * (v + side))) * (0.4 + 1.2 * side)
    if kind == 3:
        return abs(fractal(u, v, 5) - 0.5) * 2.0
    if kind == 4:
        return fractal(u * 3.0, v * 0.2, 3)
    if kind == 5:
        return abs(math.sin(math.pi * u))
    if kind == 6:
        return value(u, v, 7) * 0.6 + value(u * 2.3, v * 2.3, 8) * 0.4
    if kind == 7:
        return value(u * 0.15, v * 4.0, 4)
    if kind == 8:
        return math.sqrt(abs(math.sin(math.pi * (u + v)) * math.sin(math.pi * (u - v))))
    twist = math.sin(math.pi * 2.0 * v + 3.1 * math.cos(math.pi * 2.0 * u))
    return 0.5 + 0.5 * math.sin(math.pi * 2.0 * u) * twist


@inline
def _crease_slopes(m: F32, u: float, v: float) -> tuple[float, float]:
    """The slopes of the creases along u and v."""
    # cloth hangs: its creases run down more than across, and no two pieces crease alike
    s = 1.0 / m[CREASE_SIZE]
    t = 0.42 * s
    x = u * s + m[SEED] * 7.31
    y = v * t + m[SEED] * 3.17
    bend = value(x * 0.6, y * 0.6, 21)
    _, soft_x, soft_y = sloped(x + 1.1 * bend, y - 0.8 * bend, 22)
    ridge, ridge_x, ridge_y = sloped(x * 1.3 + 0.9 * bend, y * 1.5 + bend, 23)
    # the height is soft + 0.35 r² with a fold r = 1 - |2 ridge - 1|; `bend` hardly has a slope
    fold = 1.0 - abs(2.0 * ridge - 1.0)
    steep = -0.35 * 4.0 * fold if ridge > 0.5 else 0.35 * 4.0 * fold
    depth = m[CREASE_DEPTH]
    return depth * s * (soft_x + 1.3 * steep * ridge_x), depth * t * (
        soft_y + 1.5 * steep * ridge_y
    )


@inline
def slopes(m: F32, u: float, v: float, fine: float) -> tuple[float, float]:
    """The slopes of relief (`fine` of it, 0..1) and creases along u and v at (u, v) metres."""
    along = 0.0
    across = 0.0
    if m[CREASE_DEPTH] > 0.0:
        along, across = _crease_slopes(m, u, v)
    kind = int(m[BUMP])
    if kind > 0 and fine > 0.0:
        size = m[BUMP_SIZE]
        depth = m[BUMP_DEPTH] * fine / (0.12 * size)
        x = u / size
        y = v / size
        here = _relief(kind, x, y)
        along += depth * (_relief(kind, x + 0.12, y) - here)
        across += depth * (_relief(kind, x, y + 0.12) - here)
    return along, across


@inline
def albedo(m: F32, u: float, v: float, out: F32) -> None:
    """The surface's own colour at (u, v) metres, linear, written to out[0:3]."""
    second = 0.0
    third = 0.0
    seed = int(m[SEED])
    if m[PATTERN] > 0.0:
        pu = (u - m[SHIFT_U]) / m[REPEAT]
        pv = (v - m[SHIFT_V]) / m[REPEAT]
        c = m[COSINE]
        s = m[SINE]
        second, third = pattern(int(m[PATTERN]), c * pu - s * pv, s * pu + c * pv, seed)
    tone = 1.0
    if m[MOTTLE] > 0.0:
        size = m[CREASE_SIZE]
        tone += m[MOTTLE] * (fractal(u / size, v / size, seed + 40) - 0.5)
    first = 1.0 - second - third
    for k in range(3):
        out[k] = (m[FIRST + k] * first + m[SECOND + k] * second + m[THIRD + k] * third) * tone
