"""Hats, caps and beanies."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, grid, loft, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    cloth,
    knit,
    leather,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, companion, dimmed, shade
from feature_store.demo.solids import ball, box, prism


def hat(chance: random.Random) -> Design:
    """A fedora, a straw sun hat, a baseball cap or a knitted beanie."""
    style = chance.choice(("fedora", "sun hat", "baseball cap", "beanie"))
    colour = chance.choice(CLOTH)
    return {"fedora": _brimmed, "sun hat": _brimmed, "baseball cap": _cap, "beanie": _beanie}[
        style
    ](chance, colour, style)


def _brimmed(chance: random.Random, colour: str, style: str) -> Design:
    felt = style == "fedora"
    if not felt:
        colour = chance.choice(("beige", "tan", "white", "brown", "pink", "light blue", "black"))
    surface = (
        cloth(shade(colour, chance)).but(
            bump="fleece", bump_size=0.004, bump_depth=0.0004, crease_depth=0.0
        )
        if felt
        else canvas(shade(colour, chance)).but(
            bump="weave",
            bump_size=0.009,
            bump_depth=0.003,
            crease_depth=0.0,
            pattern="woven",
            repeat=0.009,
            second=dimmed(shade(colour, chance), 0.6),
        )
    )
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 60, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    tall = 0.125 if felt else 0.105
    reach = chance.uniform(0.055, 0.075) if felt else chance.uniform(0.1, 0.14)
    crown = []
    stations = [
        (0.0, 1.0),
        (0.04, 0.97),
        (0.085, 0.9),
        (tall - 0.008, 0.8),
        (tall, 0.68),
        (tall - 0.004, 0.4),
        (tall - 0.008, 0.0),
    ]
    if not felt:
        stations = [
            (0.0, 1.0),
            (0.05, 0.98),
            (0.08, 0.92),
            (0.097, 0.75),
            (tall, 0.45),
            (tall + 0.002, 0.0),
        ]
    for y, f in curve(stations, 36):
        ring = np.stack([0.085 * f * c, np.full(60, y), 0.1 * f * s], -1)
        if felt:
            high = np.clip((y - 0.05) / 0.07, 0, 1)
            ring[:, 0] *= 1 - 0.3 * high * np.clip(s, 0, 1) ** 1.5
            ring[:, 1] += high * (0.016 * np.abs(c) ** 1.5 * f - 0.014 * (1 - f) + 0.012 * s * f)
        crown.append(ring)
    model = Model()
    model.add(surface, loft(np.stack(crown)))
    brim = []
    wave = chance.uniform(0.01, 0.02)
    for t in np.linspace(0, 1, 14):
        curl = (0.03 if felt else 0.0) * t * t * np.abs(c) ** 2 - (
            0.02 if felt else 0.035
        ) * t * np.clip(s, -0.3, 1) ** 2
        curl = curl + (0.0 if felt else wave * t * np.sin(3 * angle + 1))
        brim.append(np.stack([(0.085 + reach * t) * c, curl, (0.1 + reach * t) * s], -1))
    rings = np.stack(brim)
    model.add(surface, loft(rings[::-1]))
    model.add(surface, tube(rings[-1], 0.002, sides=6, closed=True))
    other = shade(chance.choice(("black", "brown", "navy", "burgundy", "white", "red")), chance)
    band = np.stack(
        [
            np.stack([0.0865 * k * c, np.full(60, y), 0.1015 * k * s], -1)
            for y, k in ((0.002, 1.0), (0.012, 1.0), (0.03, 0.985), (0.033, 0.97))
        ]
    )
    model.add(
        cloth(other).but(bump="cord", bump_size=0.004, bump_depth=0.0006, crease_depth=0.0),
        loft(band),
    )
    if chance.random() < 0.6:
        bow = box(0.014, 0.008, 0.024, corner=0.004, edge=0.003, sides=16).turned("x", 90)
        model.add(
            cloth(other),
            bow.moved(0.087, 0.017, 0.02),
            bow.scaled(1, 1, 1).moved(0.088, 0.017, -0.01),
        )
    return Design(model, style, colour, "plain" if felt else "woven", "felt" if felt else "straw")


def _cap(chance: random.Random, colour: str, style: str) -> Design:
    pattern = chance.choice(("plain", "plain", "plain", "camouflage", "checked", "floral"))
    fabric = canvas(shade(colour, chance)).but(bump_size=0.004, bump_depth=0.0006)
    other = shade(companion(colour, chance), chance)
    if pattern != "plain":
        fabric = fabric.but(
            pattern=pattern,
            second=other,
            third=shade(chance.choice(CLOTH), chance),
            repeat=0.04,
            seed=chance.randrange(50),
        )
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 60, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    rings = []
    for t in np.linspace(0, 1, 26):
        f, y = (
            math.cos(t * math.pi / 2) ** 0.75,
            0.112 * math.sin(t * math.pi / 2) ** 0.95 + 0.008 * 0,
        )
        panel = 1 - 0.012 * np.abs(np.cos(3 * angle)) ** 8
        rings.append(
            np.stack(
                [0.084 * f * c * panel, np.full(60, y) + 0.012 * s * (1 - t), 0.1 * f * s * panel],
                -1,
            )
        )
    model = Model()
    model.add(fabric, loft(np.stack(rings)))
    seam = Material(dimmed(fabric.first, 0.5))
    for k in range(6):
        j = round((k + 0.0) * 10)
        model.add(
            seam,
            tube(np.stack([ring[j] * [1.004, 1.0, 1.004] for ring in rings[:-1]]), 0.0009, sides=4),
        )
        model.add(seam, ball(0.0028, 8).moved(*(rings[16][(j + 5) % 60] * 1.0)))
    model.add(fabric.plain(), ball(0.006, 12).moved(0, 0.113, 0))
    visor_colour = other if chance.random() < 0.4 else fabric.first
    visor = fabric.plain().but(first=visor_colour)
    u = np.linspace(-1, 1, 31)
    sheet = []
    for t in np.linspace(0, 1, 12):
        half = 0.078 * (1 - 0.1 * t)
        x = half * np.sin(u * math.pi / 2)
        z = (
            0.1 * np.sqrt(np.maximum(0, 1 - (x / 0.086) ** 2))
            - 0.004
            + t * 0.088 * np.cos(u * math.pi / 2) ** 0.7
        )
        y = 0.016 - 0.006 * t - 0.02 * (x / 0.08) ** 2 * (0.4 + 0.6 * t)
        sheet.append(np.stack([x, y, z], -1))
    points = np.stack(sheet)
    model.add(visor, grid(points[::-1]), grid(points[::-1] - [0, 0.003, 0]))
    model.add(visor, tube(np.concatenate([points[-1]]), 0.0024, sides=6))
    for t in (3, 5, 7, 9):
        model.add(
            Material(dimmed(visor_colour, 0.6)), tube(points[t] + [0, 0.0008, 0], 0.0006, sides=4)
        )
    if chance.random() < 0.7:
        badge = prism(
            np.array(
                [
                    (0.018 * math.cos(a), 0.018 * math.sin(a))
                    for a in np.linspace(0, 2 * np.pi, chance.choice((5, 6, 24)), endpoint=False)
                ]
            ),
            0.004,
            round_top=0.0015,
        )
        model.add(canvas(other), badge.turned("x", 68).moved(0, 0.058, 0.093))
    return Design(
        model.placed(turn=chance.choice((-50, -40, 40))), style, colour, pattern, "cotton"
    )


def _beanie(chance: random.Random, colour: str, style: str) -> Design:
    other = shade(companion(colour, chance), chance)
    wool = knit(shade(colour, chance)).but(
        bump=chance.choice(("knit", "cord", "cable")),
        bump_size=0.014,
        bump_depth=0.005,
        crease_depth=0.001,
    )
    pattern = chance.choice(("plain", "plain", "striped", "zigzag"))
    if pattern != "plain":
        wool = wool.but(pattern=pattern, second=other, repeat=0.045)
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 60, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    tall = chance.uniform(0.17, 0.2)
    stations = [
        (0.0, 0.086),
        (0.05, 0.092),
        (0.1, 0.09),
        (tall * 0.8, 0.07),
        (tall * 0.97, 0.035),
        (tall, 0.002),
    ]
    rings = [np.stack([r * c * 0.95, np.full(60, y), r * s], -1) for y, r in curve(stations, 34)]
    model = Model()
    model.add(wool, loft(np.stack(rings)))
    cuff = wool.but(
        pattern="plain",
        bump="cord",
        bump_size=0.011,
        bump_depth=0.005,
        first=other if chance.random() < 0.3 else wool.first,
    )
    fold = [(0.0, 0.091), (0.004, 0.096), (0.03, 0.098), (0.052, 0.097), (0.058, 0.092)]
    model.add(
        cuff, loft(np.stack([np.stack([r * c * 0.95, np.full(60, y), r * s], -1) for y, r in fold]))
    )
    if chance.random() < 0.6:
        fluff = Material(
            other,
            rough=0.95,
            sheen=0.6,
            wrap=0.4,
            bump="fleece",
            bump_size=0.006,
            bump_depth=0.008,
            mottle=0.4,
            crease_size=0.01,
        )
        ring = np.random.default_rng(chance.randrange(10**6))
        puff = ball(0.034, 44)
        rough = 1 + 0.07 * ring.standard_normal(len(puff.vertices))[:, None]
        model.add(
            fluff,
            replace(puff, vertices=(puff.vertices * rough).astype(np.float32)).moved(
                0, tall + 0.02, 0
            ),
        )
    if chance.random() < 0.5:
        model.add(
            leather(shade("tan", chance)),
            box(0.045, 0.004, 0.026, corner=0.003, edge=0.001, sides=16)
            .turned("x", 90)
            .moved(0, 0.03, 0.096),
        )
    return Design(model, style, colour, pattern, "wool")
