"""Potted plants."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, grid, joined, lathe, tube
from feature_store.demo.materials import (
    Material,
    ceramic,
    stone,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import companion, linear, shade

POT_COLOURS = (
    "white",
    "grey",
    "black",
    "orange",
    "beige",
    "teal",
    "pink",
    "yellow",
    "navy",
    "brown",
)


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
    outer = [
        (taper * r, 0),
        (taper * r, 0.004),
        (r, h * 0.9),
        (r, h),
        (r * 0.9, h),
        (r * 0.88, h * 0.9),
    ]
    model = Model()
    model.add(surface, lathe(outer, 48))
    soil = Material(linear("#2e2119"), bump="fleece", bump_size=0.012, bump_depth=0.006, mottle=0.5)
    model.add(soil, lathe([(r * 0.9, h * 0.92), (0.0, h * 0.94)], 24))
    green = Material(
        shade(chance.choice(("green", "green", "olive")), chance),
        linear("#7fae5f"),
        pattern="leaf",
        rough=0.4,
        shine=0.04,
        crease_size=0.1,
        mottle=0.2,
        wrap=0.3,
    )
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
    heading: float,
    climb: float,
    start: float,
    stalk: float,
    length: float,
    width: float,
    droop: float,
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
    uvs = np.stack(
        [np.broadcast_to(sides, across.shape), np.broadcast_to(steps[:, None], across.shape)], -1
    )
    meshes = [grid(points, uvs=uvs)]
    if stalk > 0.05:
        meshes.append(tube([(0, start, 0), points[0, 3]], 0.003, sides=6))
    return meshes
