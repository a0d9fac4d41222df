"""Where a product is photographed: paper, painted rooms, tables and stone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from feature_store.demo.materials import Material, paper
from feature_store.demo.palette import WOODS, Colour, linear, mixed

PASTELS = ("#e9d9d2", "#d9e4dc", "#d6e0ea", "#ece3cd", "#e4dcea", "#dfe8e6", "#f0dcd6")
WALLS = (
    "#e8e4dc",
    "#d8dde0",
    "#cfd6cc",
    "#d9c8b8",
    "#b9c4c9",
    "#e5d6cf",
    "#8f9c95",
    "#5f7078",
    "#c8b79d",
)
DEEP = ("#33424f", "#4c5a4a", "#6b4a44", "#3d3a4a", "#2e2e31", "#7a6a58", "#8a5a44")


@dataclass(frozen=True)
class Backdrop:
    """Floor and wall of a photo; distances in units of the products' radius.

    `seamless` paper has no corner between floor and wall; `fall_off` (0..1) is how dark it
    gets away from the product; `skirting` the height of the board at the foot of the wall.
    """

    name: str
    floor: Material
    wall: Material
    wall_distance: float = 3.0
    seamless: bool = True
    fall_off: float = 0.15
    skirting: float = 0.0
    bounce: Colour = (0.5, 0.5, 0.5)


Maker = Callable[[random.Random, float], Backdrop]
"""Makes a backdrop for products of a radius (metres)."""


def _paper(name: str, colour: Colour, fall_off: float, wall: Colour | None = None) -> Backdrop:
    return Backdrop(
        name,
        paper(colour),
        paper(wall or colour),
        wall_distance=5.0,
        fall_off=fall_off,
        bounce=mixed(colour, (0.5, 0.5, 0.5), 0.3),
    )


def studio_white(chance: random.Random, _: float) -> Backdrop:
    """The plain white of most shops."""
    level = chance.uniform(0.86, 1.0)
    return _paper("white", (level, level, level * chance.uniform(0.985, 1.0)), 0.04)


def studio_grey(chance: random.Random, _: float) -> Backdrop:
    """Grey paper, darker towards the edges."""
    level = chance.uniform(0.35, 0.68)
    return _paper("grey", (level, level, level * chance.uniform(0.98, 1.03)), 0.3)


def pastel(chance: random.Random, _: float) -> Backdrop:
    """Softly coloured paper."""
    return _paper("pastel", linear(chance.choice(PASTELS)), chance.uniform(0.08, 0.2))


def gradient(chance: random.Random, _: float) -> Backdrop:
    """Deeply coloured paper with a pool of light."""
    colour = linear(chance.choice(DEEP))
    return _paper("gradient", mixed(colour, (0.6, 0.6, 0.6), chance.uniform(0.1, 0.4)), 0.6)


def _wooden(chance: random.Random, plank: float) -> Material:
    light, dark = WOODS[chance.choice(("oak", "walnut", "beech", "oak"))]
    return Material(
        mixed(linear(light), (0.6, 0.5, 0.4), 0.15),
        linear(dark),
        mixed(linear(dark), (0, 0, 0), 0.5),
        pattern="planks",
        repeat=plank,
        angle=chance.choice((0.0, 1.5708, 1.5708)),
        seed=chance.randrange(99),
        crease_size=1.0,
        mottle=0.06,
    )


def wooden_table(chance: random.Random, unit: float) -> Backdrop:
    """Boards in front of a painted wall far behind."""
    wall = linear(chance.choice(WALLS))
    return Backdrop(
        "wood table",
        _wooden(chance, unit * chance.uniform(0.28, 0.6)),
        paper(wall),
        2.6,
        seamless=False,
        fall_off=0.35,
        bounce=(0.45, 0.33, 0.22),
    )


def room(chance: random.Random, unit: float) -> Backdrop:
    """A painted wall with a skirting board over a wooden or carpeted floor."""
    wall = linear(chance.choice(WALLS))
    floor = _wooden(chance, unit * 0.22)
    if chance.random() < 0.3:
        floor = Material(
            mixed(wall, (0.3, 0.27, 0.24), 0.6),
            mixed(wall, (0.2, 0.18, 0.16), 0.7),
            pattern="carpet",
            repeat=unit * 0.03,
            crease_size=unit * 0.8,
            mottle=0.12,
        )
    return Backdrop(
        "room",
        floor,
        paper(wall).but(mottle=0.05, crease_size=unit),
        chance.uniform(1.1, 1.6),
        seamless=False,
        fall_off=0.3,
        skirting=0.12,
        bounce=(0.4, 0.34, 0.28),
    )


def marble(chance: random.Random, unit: float) -> Backdrop:
    """A marble slab before a pale wall."""
    slab = Material(
        (0.84, 0.83, 0.81),
        (0.42, 0.42, 0.45),
        (0.62, 0.61, 0.6),
        pattern="marble",
        repeat=unit * 0.9,
        seed=chance.randrange(99),
        crease_size=unit,
        mottle=0.05,
    )
    wall = linear(chance.choice(WALLS[:5]))
    return Backdrop("marble", slab, paper(wall), 3.0, seamless=False, fall_off=0.2)


def concrete(chance: random.Random, unit: float) -> Backdrop:
    """Cast concrete, floor and wall."""
    level = chance.uniform(0.25, 0.5)
    slab = Material((level, level, level * 0.97), crease_size=unit * 0.6, mottle=0.35)
    return Backdrop("concrete", slab, slab.but(mottle=0.22), 2.2, seamless=False, fall_off=0.35)


SMALL = (
    studio_white,
    studio_white,
    studio_white,
    studio_grey,
    pastel,
    pastel,
    gradient,
    wooden_table,
    marble,
    concrete,
)
LARGE = (studio_white, studio_white, studio_grey, pastel, room, room, room, concrete)
FLAT = (
    studio_white,
    studio_white,
    studio_white,
    studio_grey,
    pastel,
    pastel,
    gradient,
    wooden_table,
    concrete,
)
