"""Sofas."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, grid, tube
from feature_store.demo.materials import Material, cloth, leather, metal, suede, wood
from feature_store.demo.model import Model
from feature_store.demo.palette import WOODS, companion, shade
from feature_store.demo.solids import box

SOFA_COLOURS = (
    "grey",
    "beige",
    "navy",
    "teal",
    "green",
    "brown",
    "tan",
    "black",
    "white",
    "red",
    "yellow",
    "pink",
    "light blue",
    "olive",
    "burgundy",
)


def sofa(chance: random.Random) -> Design:
    """A sofa of two or three seats with loose cushions, in cloth, velvet or leather."""
    style = chance.choice(("track-arm sofa", "rolled-arm sofa", "tufted sofa", "loveseat"))
    colour = chance.choice(SOFA_COLOURS)
    kind = chance.choice(("fabric", "fabric", "velvet", "leather"))
    hide = {"fabric": cloth, "velvet": suede, "leather": leather}[kind](shade(colour, chance))
    pattern = (
        chance.choice(("plain",) * 5 + ("striped", "checked", "floral"))
        if kind == "fabric"
        else "plain"
    )
    hide = hide.but(
        bump_size=hide.bump_size * 2.5,
        bump_depth=hide.bump_depth * 2,
        crease_size=0.22,
        crease_depth=0.01,
        pattern=pattern,
        repeat={"striped": 0.13, "floral": 0.24}.get(pattern, 0.16),
        angle=math.pi / 2 if pattern == "striped" else 0.0,
        second=shade(companion(colour, chance), chance),
        third=shade("green", chance),
        seed=chance.randrange(50),
    )
    seats = 2 if style == "loveseat" else chance.choice((2, 3, 3))
    seat_width = chance.uniform(0.62, 0.72)
    inner = seats * seat_width
    lift = chance.choice((0.1, 0.15))
    model = Model()
    model.add(hide, box(inner + 0.1, 0.2, 0.86, corner=0.04, edge=0.02).moved(y=lift))
    _sofa_seats(model, chance, hide, style, inner, seats, lift)
    _sofa_arms(model, chance, hide, style, inner, lift)
    _sofa_feet(model, chance, inner, lift)
    if chance.random() < 0.6:
        accent = chance.choice(SOFA_COLOURS)
        pillow = cloth(shade(accent, chance)).but(
            pattern=chance.choice(("plain", "striped", "checked", "floral", "zigzag", "dotted")),
            repeat=0.12,
            second=shade(companion(accent, chance), chance),
            third=shade("olive", chance),
        )
        for side in chance.choice(((-1,), (1,), (-1, 1))):
            soft = box(0.44, 0.12, 0.44, corner=0.05, edge=0.05, puff=0.06).turned("x", 68)
            model.add(
                pillow,
                soft.turned("z", side * 10).moved(side * (inner / 2 - 0.24), lift + 0.58, 0.0),
            )
    return Design(model, style, colour, pattern, kind)


def _sofa_seats(
    model: Model,
    chance: random.Random,
    hide: Material,
    style: str,
    inner: float,
    seats: int,
    lift: float,
) -> None:
    top = lift + 0.2
    each = inner / seats
    back_height = chance.uniform(0.36, 0.46)
    tall = 0.38 + back_height if style == "tufted sofa" else 0.66 + back_height * 0.2
    model.add(hide, box(inner + 0.1, tall, 0.2, corner=0.08, edge=0.05).moved(y=lift, z=-0.36))
    for k in range(seats):
        x = (k - (seats - 1) / 2) * each
        model.add(
            hide,
            box(each - 0.012, 0.16, 0.68, corner=0.06, edge=0.05, puff=0.035).moved(x, top, 0.1),
        )
        if style == "tufted sofa":
            continue
        back = box(each - 0.02, 0.17, back_height + 0.08, corner=0.09, edge=0.06, puff=0.05).turned(
            "x", 78
        )
        model.add(hide, back.moved(x, top + 0.14 + back_height / 2, -0.25))
    if style == "tufted sofa":
        model.add(
            hide.but(crease_depth=0.004),
            _tufted(inner, back_height + 0.02).moved(y=top + 0.14, z=-0.27),
        )


def _tufted(width: float, height: float) -> Mesh:
    """A buttoned back: diamonds that swell between the buttons."""
    x = np.linspace(-width / 2, width / 2, 90)
    y = np.linspace(0, height, 36)
    gx, gy = np.meshgrid(x, y)
    pitch = 0.2
    a, b = (gx + gy * 1.2) / pitch, (gx - gy * 1.2) / pitch
    swell = np.sqrt(np.abs(np.sin(np.pi * a) * np.sin(np.pi * b)))
    edge = np.clip(np.minimum(gy + 0.02, height - gy + 0.02) / 0.05, 0, 1) * np.clip(
        (width / 2 - abs(gx) + 0.02) / 0.05, 0, 1
    )
    return grid(np.stack([gx, gy, (0.035 + 0.05 * swell) * np.sqrt(edge) - 0.03 * gy], -1))


def _sofa_arms(
    model: Model, chance: random.Random, hide: Material, style: str, inner: float, lift: float
) -> None:
    x = inner / 2
    if style in ("rolled-arm sofa", "tufted sofa"):
        arm = box(0.14, 0.4, 0.84, corner=0.04, edge=0.03).moved(x + 0.1, lift)
        roll = tube(
            [(x + 0.12, lift + 0.42, -0.42), (x + 0.12, lift + 0.42, 0.43)], 0.115, sides=28
        )
        model.add_pair(hide, arm, roll)
        return
    width = chance.uniform(0.12, 0.22)
    arm = box(width, chance.uniform(0.44, 0.5), 0.88, corner=0.05, edge=0.045, puff=0.015)
    model.add_pair(hide, arm.moved(x + width / 2, lift, 0.0))


def _sofa_feet(model: Model, chance: random.Random, inner: float, lift: float) -> None:
    surface = (
        wood(chance.choice(tuple(WOODS))) if chance.random() < 0.7 else metal("brass", rough=0.2)
    )
    splay = chance.choice((0.0, 0.04))
    feet = [
        tube(
            [
                (sx * inner / 2, lift + 0.02, sz * 0.36),
                (sx * (inner / 2 + splay), 0, sz * (0.36 + splay)),
            ],
            [0.032, 0.018],
            sides=14,
        )
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    model.add(surface, *feet)
