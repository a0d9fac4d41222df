"""The surface patterns, each a function of the place on the cloth that mixes three colours."""

from __future__ import annotations

import math

from feature_store.demo.jit import inline
from feature_store.demo.noise import fractal, lattice, smoothstep, value

PATTERNS = (
    "plain",
    "striped",
    "checked",
    "tartan",
    "dotted",
    "floral",
    "zigzag",
    "camouflage",
    "wood",
    "marble",
    "diamonds",
    "graphic",
    "block",
    "ombre",
    "leopard",
    "herringbone",
    "denim",
    "speckled",
    "rings",
    "woven",
    "triangles",
    "planks",
    "carpet",
    "leaf",
    "burst",
)
"""Every pattern by name; its place in this list is the number the compiled code knows it by."""


@inline
def _floral(u: float, v: float, seed: int) -> tuple[float, float]:
    """Flowers of five petals on a jittered lattice, one per unit, with leaves beside them."""
    petal = 0.0
    heart = 0.0
    cx = math.floor(u)
    cy = math.floor(v)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            ix = int(cx) + dx
            iy = int(cy) + dy
            px = u - (ix + 0.5 + 0.5 * (lattice(ix, iy, seed) - 0.5))
            py = v - (iy + 0.5 + 0.5 * (lattice(ix, iy, seed + 1) - 0.5))
            radius = math.sqrt(px * px + py * py)
            size = 0.26 + 0.2 * lattice(ix, iy, seed + 2)
            if radius > size * 1.5:
                continue
            angle = math.atan2(py, px) + 6.28 * lattice(ix, iy, seed + 3)
            edge = size * (0.62 + 0.38 * abs(math.cos(2.5 * angle)))
            inside = 1.0 - smoothstep(edge * 0.9, edge, radius)
            centre = 1.0 - smoothstep(size * 0.24, size * 0.3, radius)
            narrow = max(0.0, math.cos(angle - 0.6)) ** 2
            leaf = size * 1.4 * narrow * narrow * narrow * narrow * narrow * narrow
            inside_leaf = (1.0 - smoothstep(leaf * 0.85, leaf + 1e-3, radius)) * (1.0 - inside)
            petal = max(petal, inside * (1.0 - 0.5 * centre))
            heart = max(heart, centre, inside_leaf)
    return petal * (1.0 - heart), heart


@inline
def _graphic(u: float, v: float, seed: int) -> tuple[float, float]:
    """One printed motif around the origin, at most one unit wide: six kinds by seed."""
    kind = seed % 6
    radius = math.sqrt(u * u + v * v)
    edge = 0.02
    if kind == 0:
        sun = 1.0 - smoothstep(0.30, 0.30 + edge, radius)
        bars = 1.0 if (v > -0.02 or math.sin(v * 60.0) > -0.2) else 0.0
        return sun * bars, 0.0
    if kind == 1:
        ring = smoothstep(0.32, 0.32 + edge, radius) * (1.0 - smoothstep(0.44, 0.44 + edge, radius))
        star = 0.16 + 0.12 * math.cos(5.0 * math.atan2(u, v))
        return ring, 1.0 - smoothstep(star, star + edge, radius)
    if kind == 2:
        peak = 0.32 - abs(u) * 1.15
        second = 0.22 - abs(u - 0.22) * 1.2
        hill = 1.0 if (v < peak and v > -0.3) else 0.0
        other = 1.0 if (v < second and v > -0.3) else 0.0
        snow = 1.0 if (v > 0.12 + 0.03 * math.sin(u * 50.0) and hill > 0.0) else 0.0
        return max(other, hill) * (1.0 - snow), snow
    if kind == 3:
        wave = 0.0
        for i in range(4):
            y = 0.24 - 0.16 * i + 0.05 * math.sin(u * 14.0 + i * 1.3)
            wave = max(wave, 1.0 - smoothstep(0.03, 0.05, abs(v - y)))
        inside = 1.0 if abs(u) < 0.42 else 0.0
        return wave * inside, 0.0
    if kind == 4:
        inside = 1.0 if (abs(u) < 0.46 and abs(v) < 0.16) else 0.0
        letter = lattice(math.floor(u * 10.0), 0, seed)
        bar = 1.0 if abs(u * 10.0 - math.floor(u * 10.0) - 0.5) < 0.26 + 0.1 * letter else 0.0
        hole = 1.0 if (abs(v - 0.1 * (letter - 0.5)) < 0.05) else 0.0
        return inside * bar * (1.0 - hole), 0.0
    square = 1.0 if (abs(u) < 0.34 and abs(v) < 0.34) else 0.0
    disc = 1.0 - smoothstep(0.22, 0.22 + edge, radius)
    return square * (1.0 - disc), disc


@inline
def _leopard(u: float, v: float, seed: int) -> tuple[float, float]:
    """Broken dark rings around tan spots, one per unit."""
    ring = 0.0
    inner = 0.0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            ix = math.floor(u) + dx
            iy = math.floor(v) + dy
            px = u - (ix + 0.5 + 0.6 * (lattice(ix, iy, seed) - 0.5))
            py = v - (iy + 0.5 + 0.6 * (lattice(ix, iy, seed + 1) - 0.5))
            radius = math.sqrt(px * px + py * py * 1.4)
            angle = math.atan2(py, px)
            size = 0.3 + 0.12 * lattice(ix, iy, seed + 2)
            size += 0.07 * math.sin(3.0 * angle + 6.0 * lattice(ix, iy, seed + 3))
            gap = 1.0 if math.sin(2.0 * angle + 6.28 * lattice(ix, iy, seed + 4)) > -0.55 else 0.0
            inner = max(inner, 1.0 - smoothstep(size * 0.5, size * 0.6, radius))
            band = smoothstep(size * 0.5, size * 0.6, radius)
            ring = max(ring, band * (1.0 - smoothstep(size, size * 1.1, radius)) * gap)
    return ring, inner * (1.0 - ring)


@inline
def _stripe(x: float, share: float) -> float:
    """1 on a stripe that takes `share` of every unit, with a soft edge."""
    place = abs(x - math.floor(x) - 0.5)
    return 1.0 - smoothstep(share * 0.5 - 0.02, share * 0.5 + 0.02, place)


@inline
def _tartan(u: float, v: float) -> tuple[float, float]:
    broad = 0.5 * _stripe(u, 0.42) + 0.5 * _stripe(v, 0.42)
    thin = max(_stripe(u + 0.5, 0.07), _stripe(v + 0.5, 0.07)) * 0.8
    return broad * (1.0 - thin), thin


@inline
def _wood(u: float, v: float, seed: int) -> tuple[float, float]:
    """Grain that runs along v."""
    warp = fractal(u * 1.3, v * 0.25, seed)
    ring = 0.5 + 0.5 * math.sin((u * 5.0 + warp * 7.0) * 2.2)
    fibre = value(u * 60.0, v * 2.5, seed + 9)
    return 0.65 * ring * ring + 0.35 * fibre, 0.35 * smoothstep(0.6, 1.0, fibre) * (1.0 - ring)


@inline
def _planks(u: float, v: float, seed: int) -> tuple[float, float]:
    """Boards one unit wide and six long along v, each with its own tone, dark joints between."""
    column = math.floor(u)
    shifted = v / 6.0 + lattice(column, 3, seed)
    row = math.floor(shifted)
    tone = lattice(column, row, seed)
    grain, _ = _wood(u * 0.9 + 13.0 * tone, v * 0.9 + 31.0 * tone, seed)
    joint = min(u - column, column + 1 - u) * 1.0
    end = min(shifted - row, row + 1 - shifted) * 6.0
    dark = 1.0 - smoothstep(0.0, 0.03, min(joint, end))
    return (0.5 * grain + 0.5 * tone) * (1.0 - dark), dark


@inline
def pattern(  # noqa: C901, PLR0911, PLR0912 -- one case for each of PATTERNS
    kind: int, u: float, v: float, seed: int
) -> tuple[float, float]:
    """How much of the second and of the third colour is at (u, v), in repeats of the pattern.

    `kind` is the place in `PATTERNS`; the rest, up to one, is the first colour.
    """
    if kind == 1:
        thin = _stripe(v + 0.5, 0.08) if seed % 3 == 0 else 0.0
        return _stripe(v, 0.34 + 0.16 * (seed % 2)), thin
    if kind == 2:
        return 0.5 * _stripe(u, 0.5) + 0.5 * _stripe(v, 0.5), 0.0
    if kind == 3:
        return _tartan(u, v)
    if kind == 4:
        row = math.floor(v)
        x = u + 0.5 * (int(row) & 1)
        px = x - math.floor(x) - 0.5
        py = v - row - 0.5
        return 1.0 - smoothstep(0.25, 0.29, math.sqrt(px * px + py * py)), 0.0
    if kind == 5:
        return _floral(u, v, seed)
    if kind == 6:
        return _stripe(v + 0.3 * abs(u * 1.0 - math.floor(u * 1.0) - 0.5) * 2.0, 0.5), 0.0
    if kind == 7:
        first = smoothstep(0.48, 0.51, fractal(u, v, seed))
        second = smoothstep(0.55, 0.58, fractal(u + 31.0, v + 7.0, seed + 5))
        return first * (1.0 - second), second
    if kind == 8:
        return _wood(u, v, seed)
    if kind == 9:
        bend = fractal(u * 1.5, v * 1.5, seed + 6) * 1.6
        broad = abs(fractal(u * 0.8 + bend, v * 0.5 - bend, seed + 3) - 0.5)
        fine = abs(fractal(u * 2.2 - bend, v * 1.6 + bend, seed + 4) - 0.5)
        vein = 0.75 * (1.0 - smoothstep(0.0, 0.035, broad))
        return vein + 0.3 * (1.0 - smoothstep(0.0, 0.02, fine)) * (1.0 - vein), 0.15 * bend
    if kind == 10:
        x = abs(u - math.floor(u) - 0.5) + abs(v - math.floor(v) - 0.5)
        line = max(_stripe(u + v, 0.05), _stripe(u - v, 0.05))
        return smoothstep(0.48, 0.52, x) * (1.0 - line), line
    if kind == 11:
        return _graphic(u, v, seed)
    if kind == 12:
        top = smoothstep(0.15, 0.16, v)
        return top, (1.0 - top) * (1.0 - smoothstep(-0.16, -0.15, v))
    if kind == 13:
        return smoothstep(-0.8, 0.8, v), 0.0
    if kind == 14:
        return _leopard(u, v, seed)
    if kind == 15:
        side = 1.0 if math.floor(u) % 2 == 0 else -1.0
        return _stripe((v + side * u) * 1.5, 0.45), 0.0
    if kind == 16:
        twill = value((u + v) * 140.0, (u - v) * 18.0, seed)
        wash = fractal(u * 5.0, v * 3.0, seed + 2)
        return 0.35 * twill + 0.25 * wash, 0.0
    if kind == 17:
        return smoothstep(0.80, 0.86, value(u * 6.0, v * 6.0, seed)), 0.0
    if kind == 18:
        return _stripe(math.sqrt(u * u + v * v), 0.5), 0.0
    if kind == 19:
        over = math.floor(u) + math.floor(v)
        x = u - math.floor(u) if over % 2 == 0 else v - math.floor(v)
        return 0.9 * abs(x - 0.5) * 2.0 * 0.6 + 0.25 * lattice(math.floor(u), over, seed), 0.0
    if kind == 20:
        fu = u - math.floor(u)
        fv = v - math.floor(v)
        return (1.0 if fu > fv else 0.0) * (
            1.0 if lattice(int(u), int(v), seed) > 0.3 else 0.0
        ), 0.0
    if kind == 21:
        return _planks(u, v, seed)
    if kind == 23:
        vein = 1.0 - smoothstep(0.0, 0.1, abs(u))
        side = 1.0 - smoothstep(0.0, 0.25, abs(math.sin((v * 9.0 - abs(u) * 1.6) * math.pi)))
        return 0.6 * vein + 0.25 * side * (1.0 - vein), 0.0
    if kind == 24:
        far = math.sqrt(u * u * 1.7 + v * v * 0.8)
        return smoothstep(0.45, 0.95, far), 0.0
    if kind == 22:
        return 0.5 * value(u, v, seed) + 0.5 * value(u * 2.1, v * 2.1, seed + 1), 0.0
    return 0.0, 0.0
