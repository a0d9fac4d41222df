"""Jeans, chinos, joggers and other trousers."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, lathe, loft, tube
from feature_store.demo.materials import (
    Material,
    cloth,
    knit,
    metal,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import dimmed, shade
from feature_store.demo.products.shells import AROUND, F64, body, limb, mirrored
from feature_store.demo.products.tailoring import hem, printed
from feature_store.demo.solids import box

HIPS = [
    (0.7, 0.2, 0.085),
    (0.78, 0.2, 0.095),
    (0.85, 0.195, 0.099),
    (0.92, 0.183, 0.098),
    (0.99, 0.167, 0.09),
    (1.03, 0.16, 0.088),
]
"""Height, half width and half depth (metres) of the hips, up to the waist."""


def trousers(chance: random.Random) -> Design:
    """Jeans, chinos, joggers, wide or cargo trousers."""
    style = chance.choice(
        ("slim jeans", "straight jeans", "chinos", "wide-leg trousers", "joggers", "cargo trousers")
    )
    pattern = "plain"
    if "jeans" in style:
        colour = chance.choice(("blue", "navy", "light blue", "black", "grey", "blue"))
        tone = dimmed(shade(colour, chance), 0.45 if colour != "black" else 0.9)
        fabric = cloth(tone, crease=0.011, size=0.07).but(
            seed=chance.randrange(90),
            pattern="denim",
            second=dimmed(shade("light blue", chance), 0.8 if colour != "black" else 0.2),
            mottle=0.35,
        )
        pattern, material = "denim", "denim"
    else:
        colour = chance.choice(
            (
                "beige",
                "olive",
                "black",
                "navy",
                "grey",
                "brown",
                "tan",
                "white",
                "burgundy",
                "teal",
                "green",
            )
        )
        fabric = (
            knit(shade(colour, chance)).but(bump_size=0.006, bump_depth=0.001, crease_depth=0.009)
            if style == "joggers"
            else cloth(shade(colour, chance), crease=0.012, size=0.08).but(
                seed=chance.randrange(90)
            )
        )
        material = "jersey" if style == "joggers" else "cotton"
        if style == "wide-leg trousers" or (style == "cargo trousers" and chance.random() < 0.5):
            pattern = (
                "camouflage"
                if style == "cargo trousers"
                else chance.choice(("plain", "plain", "striped", "tartan", "checked"))
            )
            fabric = printed(fabric, pattern, colour, chance).but(
                angle=math.pi / 2 if pattern == "striped" else 0.0
            )
    knee, ankle = {
        "slim jeans": (0.078, 0.058),
        "straight jeans": (0.092, 0.085),
        "chinos": (0.087, 0.07),
        "wide-leg trousers": (0.12, 0.145),
        "joggers": (0.09, 0.052),
        "cargo trousers": (0.105, 0.09),
    }[style]
    model = Model(pose="flat")
    hips = body(HIPS, 24, 2.2)
    hips_rings = hips.rings * [1.0, 1.0, 1.01]
    right = _leg(chance, knee, ankle, 0.03 if style == "wide-leg trousers" else 0.0)
    for rings in (right, mirrored(right)):
        model.add(fabric, loft(rings))
        model.add(
            fabric.but(first=dimmed(fabric.first, 0.85)),
            hem(rings[-1], 0.005 if style != "joggers" else 0.012),
        )
    _waist(model, chance, fabric, hips_rings, style)
    if style == "cargo trousers":
        pocket = box(0.1, 0.14, 0.035, corner=0.01, edge=0.01)
        flap = box(0.106, 0.045, 0.04, corner=0.01, edge=0.008)
        for side in (-1, 1):
            model.add(
                fabric,
                pocket.moved(side * 0.155, 0.45, 0.055),
                flap.moved(side * 0.155, 0.56, 0.056),
            )
    return Design(model, style, colour, pattern, material)


def _leg(chance: random.Random, knee: float, ankle: float, flare: float) -> F64:
    """The right leg's rings from the waist down: above the crotch they are half of the hips."""
    lean = chance.uniform(0.02, 0.06) + flare
    path = [(0.098, 1.03, 0), (0.1, 0.75, 0), (0.105 + lean * 0.5, 0.4, 0), (0.1 + lean, 0.0, 0)]
    rings = limb(
        path,
        [0.098, 0.1, 0.1, (0.1 + knee) / 2, knee, (knee + ankle) / 2, ankle],
        [0.09, 0.096, 0.09, 0.082, 0.072, 0.062, 0.055],
        chance,
        rows=56,
        crumple=0.0032,
    )
    y, wide, deep = np.array(HIPS).T
    height = rings[..., 1].mean(axis=1)
    share = np.clip((height - 0.68) / 0.11, 0, 1)[:, None]
    share = share * share * (3 - 2 * share)
    angle = -np.pi / 2 + np.linspace(0, 2 * np.pi, rings.shape[1], endpoint=False)
    half = np.interp(height, y, wide)[:, None] * np.maximum(np.cos(angle), -0.06)
    front = np.interp(height, y, deep)[:, None] * np.sin(angle)
    rings[..., 0] += share * (half - rings[..., 0])
    rings[..., 2] += share * (front - rings[..., 2])
    return rings


def _waist(model: Model, chance: random.Random, fabric: Material, hips: F64, style: str) -> None:
    top = hips[-1]
    band = np.stack([top + [0, dy, 0] for dy in (-0.03, -0.015, 0.0, 0.008)])
    band[..., (0, 2)] *= 1.02
    plain = fabric.but(crease_depth=0.002)
    if style == "joggers":
        plain = plain.but(bump="cord", bump_size=0.008, bump_depth=0.003)
    model.add(plain.but(first=dimmed(fabric.first, 0.92)), loft(band))
    middle = AROUND // 2
    thread = (
        Material(dimmed(fabric.first, 0.45))
        if "jeans" not in style
        else Material((0.5, 0.25, 0.06))
    )
    fly = [hips[k][middle] + [0.0, 0, 0.003] for k in range(8, 24)]
    if style == "joggers":
        cord = plain.but(first=shade("white", chance), bump="smooth")
        for side in (-1, 1):
            knot = curve(
                [
                    fly[-1] + [0, 0, 0.01],
                    fly[-1] + [side * 0.02, -0.05, 0.015],
                    fly[-1] + [side * 0.025, -0.12, 0.01],
                ],
                12,
            )
            model.add(cord, tube(knot, 0.004))
        return
    model.add(thread, tube(np.array(fly), 0.0016, sides=5))
    for side in (-1, 1):
        path = [
            hips[k][middle + side * j] + [0, 0, 0.002]
            for k, j in ((22, 9), (19, 10), (16, 12), (14, 14))
        ]
        model.add(thread, tube(curve(path, 16), 0.0016, sides=5))
        loop = [band[k][middle + side * 7] * [1, 1, 1.03] for k in range(4)]
        model.add(plain, tube(np.array(loop), 0.005, flat=0.4, up=(1, 0, 0)))
    button = lathe([(0.0, 0.004), (0.008, 0.003), (0.009, 0.0)], 14).turned("x", 90)
    model.add(
        metal(chance.choice(("copper", "steel", "brass"))),
        button.moved(*(band[2][middle] + [0, 0, 0.001])),
    )
