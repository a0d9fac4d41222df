"""Umbrellas."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, grid, tube
from feature_store.demo.materials import metal, nylon, plastic, rubber, wood
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, COLOURS, companion, shade
from feature_store.demo.solids import ball


def umbrella(chance: random.Random) -> Design:
    """An open umbrella of eight panels with a curved or straight handle."""
    style = chance.choice(("stick umbrella", "dome umbrella", "golf umbrella"))
    colour = chance.choice(tuple(COLOURS))
    pattern = chance.choice(
        (
            "plain",
            "plain",
            "dotted",
            "striped",
            "floral",
            "checked",
            "panelled",
            "panelled",
            "leopard",
        )
    )
    tone = shade(colour, chance)
    other = shade(companion(colour, chance), chance)
    fabric = nylon(tone).but(crease_depth=0.0, rough=0.6)
    if pattern not in ("plain", "panelled"):
        fabric = fabric.but(
            pattern=pattern,
            second=other,
            third=shade(chance.choice(CLOTH), chance),
            seed=chance.randrange(60),
            repeat={"floral": 0.16, "striped": 0.13, "leopard": 0.09}.get(pattern, 0.1),
        )
    radius, tall = {
        "stick umbrella": (0.5, 0.21),
        "dome umbrella": (0.42, 0.4),
        "golf umbrella": (0.6, 0.22),
    }[style]
    model = Model()
    panels = 8
    second = fabric.but(first=other)
    for k in range(panels):
        piece = _panel(k, panels, radius, tall)
        model.add(second if pattern == "panelled" and k % 2 else fabric, piece)
    rib = metal("steel", rough=0.3)
    for k in range(panels):
        a = 2 * np.pi * (k + 0.5) / panels + np.pi / panels
        steps = np.linspace(0, 1, 12)
        path = np.stack(
            [
                radius * steps * math.cos(a),
                tall * (1 - steps**2) - 0.006,
                radius * steps * math.sin(a),
            ],
            -1,
        )
        model.add(
            rib, tube(path, 0.0028, sides=5), tube([path[6], [0, tall * 0.15, 0]], 0.0024, sides=5)
        )
        model.add(rib, ball(0.007, 8).moved(*(path[-1] + [0, 0.004, 0])))
    low = -0.52 if style != "dome umbrella" else -0.34
    model.add(rib, tube([(0, tall + 0.05, 0), (0, low, 0)], 0.0075))
    if chance.random() < 0.7:
        hook = curve(
            [
                (0, low + 0.1, 0),
                (0, low, 0),
                (0.015, low - 0.06, 0),
                (0.06, low - 0.085, 0),
                (0.1, low - 0.055, 0),
                (0.105, low - 0.02, 0),
            ],
            30,
        )
        surface = (
            wood(chance.choice(("walnut", "oak", "mahogany")))
            if chance.random() < 0.6
            else plastic(shade("black", chance))
        )
        model.add(surface, tube(hook, 0.0145, sides=14))
    else:
        model.add(
            rubber(shade("black", chance)),
            tube([(0, low + 0.08, 0), (0, low - 0.08, 0)], 0.02, sides=16),
        )
    tilt = chance.choice((-1, 1)) * chance.uniform(15, 50)
    turned = [(mesh.turned("x", 18.0).turned("z", tilt), surface) for mesh, surface in model.parts]
    return Design(Model(turned), style, colour, pattern, "nylon")


def _panel(k: int, panels: int, radius: float, tall: float) -> Mesh:
    """One panel of the canopy, sagging between its ribs and scalloped at its edge."""
    t = np.linspace(0.0, 1, 16)[:, None]
    s = np.linspace(-1, 1, 13)[None]
    half = np.pi / panels
    angle = 2 * np.pi * (k + 0.5) / panels + np.pi / panels + half + s * half + 0 * t
    chord = np.cos(half) / np.cos(s * half)
    reach = radius * t * (0.35 + 0.65 * chord) * (1 - 0.06 * t**2 * (1 - s**2))
    y = tall * (1 - t**2) - 0.02 * t * (1 - s**2) + 0 * s
    points = np.stack([reach * np.cos(angle), y, reach * np.sin(angle)], -1)
    uvs = np.stack([t * s * radius * half, np.broadcast_to(t * (radius + tall) * 0.9, y.shape)], -1)
    return grid(points, uvs=uvs)
