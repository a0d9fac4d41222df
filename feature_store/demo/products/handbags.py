"""Handbags."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, grid, loft, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    leather,
    metal,
    suede,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import LEATHER, companion, dimmed, shade
from feature_store.demo.products.shells import F64, body, on_shell, patch, stitches
from feature_store.demo.solids import ball, box

BAG_COLOURS = (*LEATHER, "grey", "green", "teal", "yellow", "blue", "orange", "purple")


def _hide(chance: random.Random, colour: str) -> tuple[Material, str, str]:
    """Leather, quilted leather, suede or printed canvas; its pattern and its name."""
    tone = shade(colour, chance)
    kind = chance.choice(("leather", "leather", "leather", "quilted", "suede", "canvas"))
    if kind == "quilted":
        return (
            leather(tone, gloss=0.3).but(bump="quilt", bump_size=0.042, bump_depth=0.012),
            "quilted",
            "leather",
        )
    if kind == "canvas":
        pattern = chance.choice(
            ("striped", "checked", "floral", "zigzag", "diamonds", "dotted", "leopard")
        )
        return (
            canvas(tone).but(
                pattern=pattern,
                second=shade(companion(colour, chance), chance),
                third=shade("tan", chance),
                repeat={"striped": 0.045, "floral": 0.06}.get(pattern, 0.04),
                seed=chance.randrange(50),
            ),
            pattern,
            "canvas",
        )
    if kind == "suede":
        return suede(tone), "plain", "suede"
    return leather(tone, gloss=chance.uniform(0.24, 0.42)), "plain", "leather"


def handbag(chance: random.Random) -> Design:
    """A tote, a satchel with a flap, a top-handle bag or a bucket bag."""
    style = chance.choice(("tote bag", "satchel", "top-handle bag", "bucket bag"))
    colour = chance.choice(BAG_COLOURS)
    hide, pattern, material = _hide(chance, colour)
    trim = leather(
        dimmed(hide.first, 0.75)
        if material == "leather"
        else shade(chance.choice(("tan", "brown", "black")), chance)
    )
    gold = metal(chance.choice(("gold", "gold", "steel")), rough=0.12)
    thread = Material(dimmed(trim.first, 2.2))
    model = Model()
    wide, high, deep = {
        "tote bag": (0.36, 0.28, 0.14),
        "satchel": (0.3, 0.21, 0.1),
        "top-handle bag": (0.29, 0.22, 0.13),
        "bucket bag": (0.24, 0.27, 0.19),
    }[style]
    wide, high = wide * chance.uniform(0.92, 1.08), high * chance.uniform(0.92, 1.08)
    a, b = wide / 2, deep / 2
    profile = {
        "tote bag": [
            (0, a * 0.78, b),
            (0.02, a * 0.82, b * 1.02),
            (high * 0.5, a * 0.92, b * 0.85),
            (high, a, b * 0.42),
        ],
        "satchel": [
            (0, a * 0.95, b * 0.9),
            (0.015, a, b),
            (high * 0.5, a, b * 0.95),
            (high * 0.97, a * 0.98, b * 0.75),
            (high, a * 0.9, b * 0.6),
        ],
        "top-handle bag": [
            (0, a, b * 0.95),
            (0.015, a * 1.02, b),
            (high * 0.5, a * 0.9, b * 0.7),
            (high, a * 0.72, b * 0.26),
        ],
        "bucket bag": [
            (0, a * 0.75, b * 0.75),
            (0.02, a * 0.82, b * 0.82),
            (high * 0.6, a * 0.95, b * 0.95),
            (high, a, b),
        ],
    }[style]
    shell = body(profile, 36, 2.6 if style == "bucket bag" else 5.0)
    rings = shell.rings
    model.add(hide, loft(rings))
    model.add(
        trim,
        tube(rings[1], 0.0035, sides=6, closed=True),
        tube(rings[-1], 0.004, sides=8, closed=True),
    )
    model.add(
        trim.but(first=dimmed(trim.first, 0.4)),
        loft(
            np.stack(
                [
                    rings[-1] * f + [0, (1 - np.asarray(f)[1]) * 0, 0] - [0, 0.012, 0]
                    for f in ([1, 1, 1], [0.0, 1, 0.0])
                ]
            )
        ),
    )
    {"tote bag": _tote, "satchel": _satchel, "top-handle bag": _top_handle, "bucket bag": _bucket}[
        style
    ](model, chance, rings, trim, gold, thread)
    return Design(model, style, colour, pattern, material)


def _arc(
    model: Model,
    surface: Material,
    x: float,
    y: float,
    z: float,
    rise: float,
    thick: float,
    flat: float = 1.0,
) -> None:
    path = curve(
        [
            (-x, y - 0.035, z),
            (-x, y + 0.01, z),
            (-x * 0.75, y + rise * 0.75, z * 0.9),
            (0, y + rise, z * 0.8),
            (x * 0.75, y + rise * 0.75, z * 0.9),
            (x, y + 0.01, z),
            (x, y - 0.035, z),
        ],
        44,
    )
    model.add(surface, tube(path, thick, sides=12, flat=flat, up=(0, 0, 1)))


def _tote(
    model: Model,
    chance: random.Random,
    rings: F64,
    trim: Material,
    gold: Material,
    thread: Material,
) -> None:
    top = rings[-1]
    y, z = float(top[0, 1]), float(np.abs(top[:, 2]).max())
    x = float(np.abs(top[:, 0]).max()) * 0.45
    rise = chance.uniform(0.12, 0.2)
    for side in (1, -1):
        _arc(model, trim, x, y, side * z, rise, 0.0065)
        for s in (-1, 1):
            tab = box(0.024, 0.06, 0.006, corner=0.0029, edge=0.002, sides=20)
            model.add(trim, tab.moved(s * x, y - 0.065, side * (z + 0.012)))
            model.add(gold, ball(0.004, 10).moved(s * x, y - 0.05, side * (z + 0.017)))
    if chance.random() < 0.6:
        model.add(trim, patch(rings, (0.0, 0.3), (0.0, 1.0), 0.002))
    model.add(
        thread,
        *stitches(on_shell(rings, [(0.93, 0.3), (0.93, 0.5), (0.93, 0.7)], 0.001, 30), 0.006),
    )


def _satchel(
    model: Model,
    chance: random.Random,
    rings: F64,
    trim: Material,
    gold: Material,
    thread: Material,
) -> None:
    hide = model.parts[0][1]
    top = rings[-1]
    x, y = float(np.abs(top[:, 0]).max()) * 1.07, float(top[0, 1])
    depth = float(np.abs(rings[12][:, 2]).max())
    low = y * chance.uniform(0.38, 0.55)
    line = curve(
        [
            (y - 0.01, -depth * 0.6),
            (y + 0.008, -depth * 0.3),
            (y + 0.01, depth * 0.4),
            (y - 0.012, depth * 1.02),
            (y * 0.6, depth * 1.1),
            (low, depth * 1.14),
        ],
        24,
    )
    s = np.linspace(-1, 1, 31)
    round_off = np.clip((np.linspace(0, 1, 24) - 0.75) / 0.25, 0, 1)[:, None]
    points = np.stack(
        [
            np.broadcast_to(s * x, (24, 31)) * (1 - 0.0 * round_off),
            np.repeat(line[:, :1], 31, 1),
            np.repeat(line[:, 1:], 31, 1),
        ],
        -1,
    )
    points[..., 1] += round_off * np.abs(s[None]) ** 6 * 0.035
    flap = grid(points[::-1])
    model.add(hide, flap)
    rim = np.concatenate([points[6:, 0], points[-1, 1:-1], points[:5:-1, -1]])
    model.add(trim, tube(rim, 0.003, sides=6))
    inset = points[6:, [2, -3]]
    edge = np.concatenate([inset[:-2, 0], points[-3, 3:-3], inset[-3::-1, 1]]) + [0, 0.0, 0.002]
    model.add(thread, *stitches(edge, 0.006))
    clasp = box(0.03, 0.026, 0.01, corner=0.004, edge=0.003, sides=20)
    model.add(gold, clasp.moved(0, low + 0.004, depth * 1.14))
    if chance.random() < 0.6:
        for side in (-1, 1):
            strap = [
                (side * x * 0.55, y * 0.75, depth * 1.12),
                (side * x * 0.55, low - 0.02, depth * 1.18),
            ]
            model.add(trim, tube(strap, 0.011, flat=0.2, sides=8, up=(1, 0, 0)))
            model.add(
                gold,
                tube(
                    curve(
                        [
                            (side * x * 0.55 + dx, low + 0.015 + dy, depth * 1.2)
                            for dx, dy in (
                                (-0.014, -0.012),
                                (0.014, -0.012),
                                (0.014, 0.012),
                                (-0.014, 0.012),
                                (-0.014, -0.012),
                            )
                        ],
                        17,
                    ),
                    0.002,
                    sides=6,
                ),
            )
    _arc(
        model, trim, x * chance.uniform(0.35, 0.95), y, 0.0, chance.uniform(0.06, 0.22), 0.0065, 0.7
    )


def _top_handle(
    model: Model,
    chance: random.Random,
    rings: F64,
    trim: Material,
    gold: Material,
    thread: Material,
) -> None:
    top = rings[-1]
    x, y = float(np.abs(top[:, 0]).max()) * 0.55, float(top[0, 1])
    z = float(np.abs(top[:, 2]).max())
    for side in (-1, 1):
        _arc(model, trim, x, y, side * z * 0.6, chance.uniform(0.09, 0.13), 0.0075)
        for s in (-1, 1):
            ring = [
                (s * x + 0.011 * np.cos(t), y + 0.006 + 0.011 * np.sin(t), side * z * 0.8)
                for t in np.linspace(0, 2 * np.pi, 16, endpoint=False)
            ]
            model.add(gold, tube(np.array(ring), 0.0024, sides=6, closed=True))
    model.add(gold, tube([(-x * 1.1, y + 0.003, 0), (x * 1.1, y + 0.003, 0)], 0.003))
    model.add(trim, patch(rings, (0.0, 0.18), (0.0, 1.0), 0.0018))
    if chance.random() < 0.6:
        strap = on_shell(rings, [(1.0, 0.5), (0.75, 0.5), (0.5, 0.5)], 0.004, 12)
        model.add(trim, tube(strap, 0.016, flat=0.2, sides=8, up=(1, 0, 0)))
        model.add(
            gold,
            box(0.026, 0.03, 0.008, corner=0.003, edge=0.002, sides=16).moved(
                *(strap[-1] - [0, 0.012, 0])
            ),
        )
    for c in (0.36, 0.64):
        model.add(thread, *stitches(on_shell(rings, [(0.2, c), (0.95, c)], 0.001, 24), 0.006))


def _bucket(
    model: Model,
    chance: random.Random,
    rings: F64,
    trim: Material,
    gold: Material,
    thread: Material,
) -> None:
    y = float(rings[-1][0, 1])
    x = float(np.abs(rings[-1][:, 0]).max())
    cord = on_shell(rings, [(0.86, k / 12) for k in range(13)], 0.003, 80)
    model.add(trim, tube(cord[:-1], 0.003, sides=6, closed=True))
    for k in range(10):
        place = on_shell(rings, [(0.86, 0.05 + k / 10), (0.87, 0.05 + k / 10)], 0.003, 2)[0]
        model.add(gold, ball(0.0062, 10).moved(*place))
    knot = on_shell(rings, [(0.86, 0.5), (0.87, 0.5)], 0.006, 2)[0]
    for s in (-1, 1):
        model.add(
            trim,
            tube(
                curve(
                    [knot, knot + [s * 0.012, -0.04, 0.008], knot + [s * 0.016, -0.09, 0.004]], 12
                ),
                0.003,
                sides=6,
            ),
        )
        model.add(trim, ball(0.006, 10).moved(*(knot + [s * 0.016, -0.092, 0.004])))
    _arc(model, trim, x, y, 0.0, chance.uniform(0.14, 0.2), 0.008, 0.5)
    model.add(trim, patch(rings, (0.0, 0.22), (0.0, 1.0), 0.002))
    model.add(
        thread, *stitches(on_shell(rings, [(0.24, k / 8) for k in range(9)], 0.0015, 60), 0.006)
    )
