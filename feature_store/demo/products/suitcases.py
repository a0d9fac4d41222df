"""Suitcases."""

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, tube
from feature_store.demo.materials import (
    Material,
    leather,
    metal,
    plastic,
    rubber,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, dimmed, linear, shade
from feature_store.demo.solids import ball, box, prism, rounded_ring


def suitcase(chance: random.Random) -> Design:
    """A hard-shell case on wheels, ribbed or smooth, or a leather travel case."""
    style = chance.choice(
        ("ribbed suitcase", "ribbed suitcase", "smooth suitcase", "vintage suitcase")
    )
    colour = chance.choice((*CLOTH, "grey", "black", "navy"))
    if style == "vintage suitcase":
        return _vintage(chance)
    tone = shade(colour, chance)
    shine = chance.choice((0.12, 0.3, 0.4))
    surface = plastic(tone, gloss=shine)
    material = "polycarbonate"
    if chance.random() < 0.2:
        surface, material = (
            Material(dimmed(tone, 1.3), rough=0.3, metal=0.85, shine=0.5),
            "aluminium",
        )
    wide, high, deep = 0.36 * chance.uniform(0.95, 1.1), chance.uniform(0.48, 0.6), 0.23
    model = Model()
    ring = rounded_ring(wide, high, 0.05, 120)
    half = prism(ring, deep / 2 - 0.003, round_top=0.035, steps=5, puff=0.004)
    if style == "ribbed suitcase":
        rib = chance.choice((0.028, 0.036, 0.048))
        surface = surface.but(bump="cord", bump_size=rib, bump_depth=rib * 0.16)
    front = half.turned("x", 90).moved(y=high / 2 + 0.045)
    model.add(surface, front.moved(z=0.003), front.turned("y", 180).moved(z=-0.003))
    dark = rubber(shade("black", chance))
    middle = np.stack([ring[:, 0], ring[:, 1] + high / 2 + 0.045, np.zeros(len(ring))], -1)
    model.add(dark, tube(middle * [1, 1, 1], 0.004, sides=8, closed=True))
    _wheels_and_handle(model, chance, wide, high, deep, dark)
    return Design(model, style, colour, "plain", material)


def _wheels_and_handle(
    model: Model, chance: random.Random, wide: float, high: float, deep: float, dark: Material
) -> None:
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z = sx * (wide / 2 - 0.045), sz * (deep / 2 - 0.04)
            model.add(dark, tube([(x - 0.011, 0.022, z), (x + 0.011, 0.022, z)], 0.022, sides=20))
            model.add(
                dark, box(0.035, 0.028, 0.04, corner=0.01, edge=0.008, sides=20).moved(x, 0.028, z)
            )
    chrome = metal("steel", rough=0.2)
    top = high + 0.045
    rise = chance.choice((0.03, 0.16, 0.24))
    for sx in (-1, 1):
        model.add(
            chrome,
            tube(
                [(sx * 0.075, top - 0.02, -0.05), (sx * 0.075, top + rise, -0.05)], 0.0065, sides=10
            ),
        )
    model.add(
        dark, tube([(-0.085, top + rise, -0.05), (0.085, top + rise, -0.05)], 0.012, sides=12)
    )
    grip = curve(
        [
            (-0.06, top - 0.004, 0.03),
            (-0.05, top + 0.018, 0.03),
            (0.05, top + 0.018, 0.03),
            (0.06, top - 0.004, 0.03),
        ],
        20,
    )
    model.add(dark, tube(grip, 0.008, flat=0.6, up=(0, 0, 1)))
    model.add(
        metal("steel", rough=0.3),
        box(0.05, 0.02, 0.004, corner=0.0019, edge=0.001, sides=16).moved(
            0.0, top - 0.09, deep / 2 + 0.003
        ),
    )


def _vintage(chance: random.Random) -> Design:
    colour = chance.choice(("brown", "tan", "burgundy", "olive", "navy", "black", "beige", "teal"))
    hide = leather(shade(colour, chance), grain=0.01)
    trim = leather(dimmed(shade(chance.choice(("brown", "tan")), chance), 0.8))
    gold = metal(chance.choice(("brass", "gold", "steel")), rough=0.2)
    wide, high, deep = chance.uniform(0.48, 0.58), chance.uniform(0.32, 0.38), 0.17
    model = Model()
    shell = (
        box(wide, deep, high, corner=0.04, edge=0.025)
        .turned("x", 90)
        .moved(y=high / 2, z=-deep / 2)
    )
    model.add(hide, shell)
    edge = rounded_ring(wide - 0.004, high - 0.004, 0.04, 80)
    for z in (deep / 2 - 0.006, 0.0, -deep / 2 + 0.006):
        path = np.stack([edge[:, 0] * 1.0, edge[:, 1] + high / 2, np.full(len(edge), z)], -1)
        model.add(trim, tube(path, 0.005, sides=8, closed=True))
    for x in (-wide * 0.28, wide * 0.28):
        strap = curve(
            [
                (x, 0.0, deep / 2 - 0.01),
                (x, 0.03, deep / 2 + 0.004),
                (x, high - 0.03, deep / 2 + 0.004),
                (x, high + 0.004, deep / 2 - 0.02),
                (x, high + 0.006, -0.04),
            ],
            24,
        )
        model.add(trim, tube(strap, 0.017, flat=0.2, up=(1, 0, 0)))
        model.add(
            gold,
            box(0.044, 0.036, 0.009, corner=0.004, edge=0.003, sides=16).moved(
                x, high * 0.66, deep / 2 + 0.004
            ),
        )
    for sx in (-1, 1):
        for sy in (0.0, 1.0):
            model.add(
                trim,
                box(0.07, 0.07, deep * 1.02, corner=0.02, edge=0.012, sides=24).moved(
                    sx * (wide / 2 - 0.033), sy * (high - 0.07), 0.0
                ),
            )
    grip = curve(
        [
            (-0.07, high, 0.0),
            (-0.06, high + 0.035, 0.0),
            (0.06, high + 0.035, 0.0),
            (0.07, high, 0.0),
        ],
        22,
    )
    model.add(trim, tube(grip, 0.011))
    model.add(gold, *(ball(0.012, 12).moved(x, high, 0.0) for x in (-0.072, 0.072)))
    model.add(
        Material(linear("#d9c9a5")),
        box(0.06, 0.035, 0.003, corner=0.0014, edge=0.001, sides=16).moved(
            0.05, high * 0.3, deep / 2 + 0.001
        ),
    )
    return Design(model, "vintage suitcase", colour, "plain", "leather")
