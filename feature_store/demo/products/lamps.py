"""Lamps."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, lathe, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    ceramic,
    metal,
    plastic,
    stone,
    wood,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import METALS, WOODS, companion, dimmed, shade
from feature_store.demo.products.mugs import MUG_COLOURS
from feature_store.demo.solids import ball, box

LAMP_COLOURS = (
    "white",
    "beige",
    "grey",
    "black",
    "teal",
    "navy",
    "red",
    "yellow",
    "green",
    "pink",
    "light blue",
    "orange",
)


def lamp(chance: random.Random) -> Design:
    """A table, tripod, desk or floor lamp."""
    style = chance.choice(("table lamp", "table lamp", "tripod lamp", "desk lamp", "floor lamp"))
    colour = chance.choice(LAMP_COLOURS)
    if style == "desk lamp":
        return _desk_lamp(chance, colour)
    pattern = chance.choice(("plain", "plain", "plain", "striped", "floral", "zigzag"))
    glow = chance.choice((0.0, 0.25, 0.5))
    cloth = canvas(shade(colour, chance)).but(
        pattern=pattern,
        second=shade(companion(colour, chance), chance),
        repeat=0.06,
        third=shade("green", chance),
        glow=glow,
        crease_depth=0.0,
        seed=chance.randrange(50),
    )
    model = Model()
    if style == "table lamp":
        material, base_height = _lamp_base(model, chance)
        low, high, tall = (
            chance.uniform(0.14, 0.19),
            chance.uniform(0.09, 0.15),
            chance.uniform(0.19, 0.25),
        )
        first = base_height
    else:
        tall_stand = style == "floor lamp"
        first = 1.25 if tall_stand else 0.5
        material = _stand(model, chance, first, tall_stand)
        low, high, tall = (0.22, 0.17, 0.28) if tall_stand else (0.2, 0.16, 0.22)
        if tall_stand:
            first *= chance.uniform(0.9, 1.05)
    high = min(high, low)
    shade_side = [(low, first), (low * 0.5 + high * 0.5, first + tall / 2), (high, first + tall)]
    model.add(cloth, lathe(curve(shade_side, 12), 48))
    trim = cloth.plain().but(first=dimmed(cloth.first, 0.85))
    model.add(
        trim,
        *(
            tube(_circle(r + 0.001, y), 0.003, sides=6, closed=True)
            for r, y in ((low, first), (high, first + tall))
        ),
    )
    bulb = Material((1.0, 0.93, 0.8), glow=1.2 if glow else 0.3)
    model.add(bulb, ball(0.035, 14).moved(y=first + tall * 0.4))
    model.add(metal("brass"), tube([(0, first - 0.05, 0), (0, first + tall * 0.4, 0)], 0.008))
    return Design(model, style, colour, pattern, material)


def _circle(
    radius: float, y: float, count: int = 40
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([radius * np.cos(angle), np.full(count, y), radius * np.sin(angle)], -1)


def _lamp_base(model: Model, chance: random.Random) -> tuple[str, float]:
    """A turned base of ceramic, wood or metal; its material's name and its height."""
    kind = chance.choice(("gourd", "bottle", "column", "ball", "cone"))
    h = chance.uniform(0.24, 0.32)
    profile = {
        "gourd": [(0.06, 0), (0.1, 0.08), (0.09, 0.14), (0.05, 0.19), (0.065, 0.23), (0.02, h)],
        "bottle": [(0.075, 0), (0.09, 0.03), (0.088, 0.12), (0.03, 0.2), (0.015, h)],
        "column": [(0.09, 0), (0.09, 0.015), (0.03, 0.03), (0.022, 0.12), (0.026, 0.2), (0.018, h)],
        "ball": [(0.05, 0), (0.05, 0.01), (0.1, 0.08), (0.09, 0.15), (0.03, 0.2), (0.012, h)],
        "cone": [(0.11, 0), (0.1, 0.02), (0.05, 0.15), (0.015, h)],
    }[kind]
    choice = chance.choice(("ceramic", "wood", "metal", "stone"))
    surface = {
        "ceramic": ceramic(shade(chance.choice(MUG_COLOURS), chance)),
        "wood": wood(chance.choice(tuple(WOODS)), seed=chance.randrange(99)),
        "metal": metal(chance.choice(tuple(METALS)), rough=chance.uniform(0.1, 0.35)),
        "stone": stone(shade(chance.choice(("grey", "beige", "white")), chance)),
    }[choice]
    model.add(surface, lathe(curve(profile, 40), 48))
    return choice, h + 0.01


def _stand(model: Model, chance: random.Random, height: float, tall: bool) -> str:
    if tall and chance.random() < 0.5:
        surface = metal(chance.choice(("black metal", "brass", "steel")), rough=0.25)
        model.add(
            surface,
            box(0.26, 0.025, 0.26, corner=0.13, edge=0.008),
            tube([(0, 0.01, 0), (0, height, 0)], 0.011),
        )
        return "metal"
    surface = wood(chance.choice(tuple(WOODS)), seed=chance.randrange(99))
    legs = []
    spread = 0.42 * height if not tall else 0.3
    for k in range(3):
        angle = math.radians(120 * k + 30)
        foot = (spread * math.sin(angle), 0.0, spread * math.cos(angle))
        legs.append(tube([foot, (0.0, height - 0.02, 0.0)], [0.011, 0.016], sides=12))
    model.add(surface, *legs)
    model.add(metal("brass"), tube([(0, height - 0.08, 0), (0, height + 0.02, 0)], 0.022, sides=20))
    return "wood"


def _desk_lamp(chance: random.Random, colour: str) -> Design:
    paint = plastic(shade(colour, chance), gloss=chance.choice((0.12, 0.35)))
    chrome = metal(chance.choice(("steel", "brass", "black metal")), rough=0.2)
    lean, reach = chance.uniform(0.1, 0.16), chance.uniform(0.12, 0.2)
    elbow = np.array([-lean, 0.28, 0.0])
    head = elbow + np.array([reach + 0.08, 0.17, 0.0])
    model = Model()
    model.add(
        paint, lathe([(0.095, 0), (0.095, 0.012), (0.085, 0.02), (0.02, 0.028), (0, 0.03)], 48)
    )
    for dz in (-0.012, 0.012):
        model.add(
            chrome,
            tube([(0, 0.02, dz), (*elbow[:2], dz)], 0.0055),
            tube([(*elbow[:2], dz), (*head[:2], dz)], 0.0055),
        )
    model.add(chrome, *(ball(0.018, 16).moved(*place) for place in ((0, 0.03, 0), elbow, head)))
    cone = [(0.018, 0.05), (0.03, 0.045), (0.034, 0.02), (0.055, -0.02), (0.078, -0.075)]
    shell = lathe(curve(cone, 20)[::-1], 44)
    model.add(paint, shell.turned("z", 32).moved(*head))
    bulb = Material((1.0, 0.95, 0.85), glow=chance.choice((0.3, 1.0)))
    model.add(bulb, ball(0.03, 16).moved(y=-0.045).turned("z", 32).moved(*head))
    return Design(model, "desk lamp", colour, "plain", "metal")
