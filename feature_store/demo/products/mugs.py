"""Mugs."""

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, lathe, tube
from feature_store.demo.materials import (
    Material,
    ceramic,
    plastic,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import METALS, companion, linear, shade

MUG_COLOURS = (
    "white",
    "black",
    "grey",
    "beige",
    "red",
    "pink",
    "yellow",
    "green",
    "teal",
    "light blue",
    "blue",
    "navy",
    "orange",
    "purple",
)


def mug(chance: random.Random) -> Design:
    """A glazed mug, banded, dotted, flowered or plain."""
    style = chance.choice(("straight mug", "rounded mug", "tapered mug", "enamel mug", "latte cup"))
    colour = chance.choice(MUG_COLOURS)
    pattern = chance.choice(
        (
            "plain",
            "plain",
            "striped",
            "dotted",
            "floral",
            "zigzag",
            "checked",
            "graphic",
            "two-tone",
        )
    )
    radius, height = chance.uniform(0.038, 0.044), chance.uniform(0.088, 0.105)
    r, h = radius, height
    profile = {
        "straight mug": [(0.9 * r, 0), (r, 0.004), (r, 0.3 * h), (r, 0.7 * h), (r, h)],
        "rounded mug": [(0.6 * r, 0), (1.05 * r, 0.15 * h), (1.15 * r, 0.45 * h), (1.0 * r, h)],
        "tapered mug": [(0.68 * r, 0), (0.72 * r, 0.03 * h), (0.9 * r, 0.5 * h), (1.1 * r, h)],
        "enamel mug": [(0.95 * r, 0), (1.02 * r, 0.006), (1.02 * r, 0.5 * h), (1.05 * r, 0.9 * h)],
        "latte cup": [(0.55 * r, 0), (0.9 * r, 0.1 * h), (1.3 * r, 0.45 * h), (1.42 * r, 0.8 * h)],
    }[style]
    outer = curve(profile, 30)
    top_r, top_y = outer[-1]
    lip = [
        (top_r, top_y),
        (top_r + 0.0008, top_y + 0.0012),
        (top_r - 0.0014, top_y + 0.0022),
        (top_r - 0.003, top_y),
    ]
    inner = np.array([(x - 0.003, max(y, 0.006)) for x, y in outer[::-1]] + [(0.0, 0.006)])
    glaze = _glaze(chance, colour, pattern, top_y)
    inside = glaze.plain() if chance.random() < 0.5 else ceramic(shade("white", chance))
    model = Model()
    model.add(glaze, lathe(outer, 56))
    rim = METALS["steel"] if style == "enamel mug" else None
    edge = plastic(linear("#22304a"), gloss=0.1) if rim else inside
    model.add(edge, lathe(lip, 56))
    model.add(inside, lathe(inner, 56))
    drink = Material(
        linear(chance.choice(("#3a2214", "#7b5232", "#b98d5e"))), rough=0.1, shine=0.04
    )
    if chance.random() < 0.35:
        fill = outer[-5]
        model.add(drink, lathe([(fill[0] - 0.002, fill[1]), (0.0, fill[1])], 40))
    model.add(glaze.plain(), _mug_handle(outer, chance))
    return Design(model, style, colour, pattern, "enamel" if rim else "ceramic")


def _glaze(chance: random.Random, colour: str, pattern: str, height: float) -> Material:
    base = ceramic(shade(colour, chance))
    if chance.random() < 0.25:
        base = base.but(rough=0.45, shine=0.03)
    other = shade(companion(colour, chance), chance)
    third = shade(chance.choice(MUG_COLOURS), chance)
    sizes = {"striped": 0.022, "dotted": 0.018, "floral": 0.03, "zigzag": 0.02, "checked": 0.02}
    if pattern == "graphic":
        return base.but(
            pattern="graphic",
            second=other,
            third=third,
            repeat=0.06,
            seed=chance.randrange(60),
            shift=(0.0, height * 0.5),
        )
    if pattern == "two-tone":
        return base.but(
            pattern="block",
            second=other,
            third=base.first,
            repeat=height * 1.5,
            shift=(0.0, height * 0.35),
        )
    if pattern == "plain":
        return base
    return base.but(
        pattern=pattern,
        second=other,
        third=third,
        seed=chance.randrange(99),
        repeat=sizes[pattern] * chance.uniform(0.8, 1.2),
    )


def _mug_handle(
    outer: np.ndarray[tuple[int, int], np.dtype[np.float64]], chance: random.Random
) -> Mesh:
    top, low = outer[int(0.8 * len(outer))], outer[int(0.3 * len(outer))]
    out = max(top[0], low[0]) + chance.uniform(0.02, 0.03)
    square = chance.uniform(0.0, 1.0)
    mid = (top[1] + low[1]) / 2
    path = curve(
        [
            (top[0] - 0.003, top[1], 0),
            (out - 0.006 * (1 - square), top[1] + 0.002, 0),
            (out, mid, 0),
            (out - 0.008 * (1 - square), low[1] - 0.002, 0),
            (low[0] - 0.003, low[1], 0),
        ],
        28,
    )
    return tube(path, chance.uniform(0.0045, 0.006), sides=14, flat=0.8, up=(0, 0, 1))
