"""Mugs, lamps and potted plants."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, ball, box, curve, grid, joined, lathe, tube
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
from feature_store.demo.palette import METALS, WOODS, companion, dimmed, linear, shade

MUG_COLOURS = ("white", "black", "grey", "beige", "red", "pink", "yellow", "green", "teal", "light blue",
               "blue", "navy", "orange", "purple")  # fmt: skip


def mug(chance: random.Random) -> Design:
    """A glazed mug, banded, dotted, flowered or plain."""
    style = chance.choice(("straight mug", "rounded mug", "tapered mug", "enamel mug", "latte cup"))
    colour = chance.choice(MUG_COLOURS)
    pattern = chance.choice(("plain", "plain", "striped", "dotted", "floral", "zigzag", "checked",
                             "graphic", "two-tone"))  # fmt: skip
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
    lip = [(top_r, top_y), (top_r + 0.0008, top_y + 0.0012), (top_r - 0.0014, top_y + 0.0022),
           (top_r - 0.003, top_y)]  # fmt: skip
    inner = np.array([(x - 0.003, max(y, 0.006)) for x, y in outer[::-1]] + [(0.0, 0.006)])
    glaze = _glaze(chance, colour, pattern, top_y)
    inside = glaze.plain() if chance.random() < 0.5 else ceramic(shade("white", chance))
    model = Model()
    model.add(glaze, lathe(outer, 56))
    rim = METALS["steel"] if style == "enamel mug" else None
    edge = plastic(linear("#22304a"), gloss=0.1) if rim else inside
    model.add(edge, lathe(lip, 56))
    model.add(inside, lathe(inner, 56))
    drink = Material(linear(chance.choice(("#3a2214", "#7b5232", "#b98d5e"))), rough=0.1, shine=0.04)
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
        return base.but(pattern="graphic", second=other, third=third, repeat=0.06,
                        seed=chance.randrange(60), shift=(0.0, height * 0.5))  # fmt: skip
    if pattern == "two-tone":
        return base.but(pattern="block", second=other, third=base.first, repeat=height * 1.5,
                        shift=(0.0, height * 0.35))  # fmt: skip
    if pattern == "plain":
        return base
    return base.but(pattern=pattern, second=other, third=third, seed=chance.randrange(99),
                    repeat=sizes[pattern] * chance.uniform(0.8, 1.2))  # fmt: skip


def _mug_handle(outer: np.ndarray[tuple[int, int], np.dtype[np.float64]], chance: random.Random) -> Mesh:
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


LAMP_COLOURS = ("white", "beige", "grey", "black", "teal", "navy", "red", "yellow", "green", "pink",
                "light blue", "orange")  # fmt: skip


def lamp(chance: random.Random) -> Design:
    """A table, tripod, desk or floor lamp."""
    style = chance.choice(("table lamp", "table lamp", "tripod lamp", "desk lamp", "floor lamp"))
    colour = chance.choice(LAMP_COLOURS)
    if style == "desk lamp":
        return _desk_lamp(chance, colour)
    pattern = chance.choice(("plain", "plain", "plain", "striped", "floral", "zigzag"))
    glow = chance.choice((0.0, 0.25, 0.5))
    cloth = canvas(shade(colour, chance)).but(
        pattern=pattern, second=shade(companion(colour, chance), chance), repeat=0.06,
        third=shade("green", chance), glow=glow, crease_depth=0.0, seed=chance.randrange(50),
    )  # fmt: skip
    model = Model()
    if style == "table lamp":
        material, base_height = _lamp_base(model, chance)
        low, high, tall = chance.uniform(0.14, 0.19), chance.uniform(0.09, 0.15), chance.uniform(0.19, 0.25)
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
    model.add(trim, *(tube(_circle(r + 0.001, y), 0.003, sides=6, closed=True)
                      for r, y in ((low, first), (high, first + tall))))  # fmt: skip
    bulb = Material((1.0, 0.93, 0.8), glow=1.2 if glow else 0.3)
    model.add(bulb, ball(0.035, 14).moved(y=first + tall * 0.4))
    model.add(metal("brass"), tube([(0, first - 0.05, 0), (0, first + tall * 0.4, 0)], 0.008))
    return Design(model, style, colour, pattern, material)


def _circle(radius: float, y: float, count: int = 40) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
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
        model.add(surface, box(0.26, 0.025, 0.26, corner=0.13, edge=0.008),
                  tube([(0, 0.01, 0), (0, height, 0)], 0.011))  # fmt: skip
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
    model.add(paint, lathe([(0.095, 0), (0.095, 0.012), (0.085, 0.02), (0.02, 0.028), (0, 0.03)], 48))
    for dz in (-0.012, 0.012):
        model.add(chrome, tube([(0, 0.02, dz), (*elbow[:2], dz)], 0.0055),
                  tube([(*elbow[:2], dz), (*head[:2], dz)], 0.0055))  # fmt: skip
    model.add(chrome, *(ball(0.018, 16).moved(*place) for place in ((0, 0.03, 0), elbow, head)))
    cone = [(0.018, 0.05), (0.03, 0.045), (0.034, 0.02), (0.055, -0.02), (0.078, -0.075)]
    shell = lathe(curve(cone, 20), 44)
    model.add(paint, shell.turned("z", 32).moved(*head))
    bulb = Material((1.0, 0.95, 0.85), glow=chance.choice((0.3, 1.0)))
    model.add(bulb, ball(0.03, 16).moved(y=-0.045).turned("z", 32).moved(*head))
    return Design(model, "desk lamp", colour, "plain", "metal")


POT_COLOURS = ("white", "grey", "black", "orange", "beige", "teal", "pink", "yellow", "navy", "brown")


def plant(chance: random.Random) -> Design:
    """A green plant in a pot: broad leaves, a snake plant, a succulent or a fan palm."""
    style = chance.choice(("rubber plant", "snake plant", "aloe", "monstera", "small palm"))
    colour = chance.choice(POT_COLOURS)
    pattern = chance.choice(("plain", "plain", "striped", "zigzag", "dotted"))
    r, h = chance.uniform(0.085, 0.105), chance.uniform(0.14, 0.19)
    surface = chance.choice((ceramic, stone))(shade(colour, chance)).but(
        pattern=pattern, second=shade(companion(colour, chance), chance), repeat=0.05
    )
    taper = chance.uniform(0.68, 0.98)
    outer = [(taper * r, 0), (taper * r, 0.004), (r, h * 0.9), (r, h), (r * 0.9, h), (r * 0.88, h * 0.9)]
    model = Model()
    model.add(surface, lathe(outer, 48))
    soil = Material(linear("#2e2119"), bump="fleece", bump_size=0.012, bump_depth=0.006, mottle=0.5)
    model.add(soil, lathe([(r * 0.9, h * 0.92), (0.0, h * 0.94)], 24))
    green = Material(
        shade(chance.choice(("green", "green", "olive")), chance), linear("#7fae5f"), pattern="leaf",
        rough=0.4, shine=0.04, crease_size=0.1, mottle=0.2, wrap=0.3,
    )  # fmt: skip
    model.add(green, joined(_foliage(style, chance, h * 0.92)))
    return Design(model, style, colour, pattern, "ceramic" if surface.rough < 0.5 else "stone")


def _foliage(style: str, chance: random.Random, soil: float) -> list[Mesh]:
    count, length, width, lift, droop = {
        "rubber plant": (22, 0.17, 0.048, 0.9, 0.3),
        "snake plant": (13, 0.4, 0.026, 1.45, 0.02),
        "aloe": (20, 0.24, 0.016, 1.0, 0.25),
        "monstera": (13, 0.2, 0.085, 0.9, 0.5),
        "small palm": (26, 0.34, 0.014, 1.1, 0.8),
    }[style]
    leaves = []
    for k in range(count):
        heading = k * 2.39996 + chance.uniform(-0.3, 0.3)
        climb = lift * chance.uniform(0.8, 1.1) - (0.5 * k / count if style != "snake plant" else 0)
        size = chance.uniform(0.75, 1.15)
        start = soil
        stalk = 0.02
        if style == "rubber plant":
            start = soil + 0.34 * (1 - k / count)
            climb = 0.15 + 0.8 * (1 - k / count)
        if style == "monstera":
            stalk = chance.uniform(0.12, 0.24)
        leaves += _leaf(heading, climb, start, stalk, length * size, width * size, droop)
    if style == "rubber plant":
        leaves.append(tube([(0, soil, 0), (0.005, soil + 0.36, 0)], 0.006))
    return leaves


def _leaf(
    heading: float, climb: float, start: float, stalk: float, length: float, width: float, droop: float
) -> list[Mesh]:
    """One leaf on its stalk, bending down towards its tip, folded along its middle."""
    steps = np.linspace(0, 1, 10)
    pitch = climb - droop * 2.0 * steps
    out = np.cumsum(np.cos(pitch)) * length / 10 + stalk * math.cos(climb + 0.25)
    up = np.cumsum(np.sin(pitch)) * length / 10 + start + stalk * math.sin(climb + 0.25)
    half = width * np.sin(np.pi * np.clip(steps * 0.92 + 0.06, 0, 1)) ** 0.75
    sides = np.linspace(-1, 1, 7)
    across = half[:, None] * sides[None]
    fold = 0.35 * np.abs(across)
    points = np.stack(
        [
            out[:, None] * math.cos(heading) - across * math.sin(heading),
            up[:, None] + fold,
            out[:, None] * math.sin(heading) + across * math.cos(heading),
        ],
        -1,
    )
    uvs = np.stack([np.broadcast_to(sides, across.shape), np.broadcast_to(steps[:, None], across.shape)], -1)
    meshes = [grid(points, uvs=uvs)]
    if stalk > 0.05:
        meshes.append(tube([(0, start, 0), points[0, 3]], 0.003, sides=6))
    return meshes



