"""Bicycles."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, lathe, tube
from feature_store.demo.materials import Material, leather, metal, plastic, rubber, wood
from feature_store.demo.model import Model
from feature_store.demo.palette import dimmed, shade
from feature_store.demo.products.shells import F64
from feature_store.demo.solids import box, prism

FRAME_COLOURS = (
    "black",
    "white",
    "grey",
    "red",
    "blue",
    "light blue",
    "green",
    "teal",
    "orange",
    "yellow",
    "navy",
    "burgundy",
    "pink",
    "olive",
    "beige",
)


def bicycle(chance: random.Random) -> Design:
    """A road, city or mountain bicycle, seen from its side."""
    style = chance.choice(("road bike", "city bike", "mountain bike"))
    colour = chance.choice(FRAME_COLOURS)
    paint = plastic(shade(colour, chance), gloss=0.12)
    black = rubber(shade("black", chance))
    chrome = metal("steel", rough=0.15)
    tyre = {"road bike": 0.012, "city bike": 0.018, "mountain bike": 0.027}[style]
    wheel = 0.335
    model = Model()
    rear, front = np.array([-0.43, wheel, 0]), np.array([0.57, wheel, 0])
    crank = np.array([0.0, 0.29, 0])
    seat = np.array([-0.15, 0.76 if style != "city bike" else 0.7, 0])
    head_top, head_low = np.array([0.4, 0.83, 0]), np.array([0.445, 0.7, 0])
    wall = (
        rubber(shade("tan", chance))
        if chance.random() < 0.3 and style != "mountain bike"
        else black
    )
    for hub in (rear, front):
        _wheel(
            model,
            hub,
            wheel,
            tyre,
            wall,
            metal(chance.choice(("steel", "black metal")), rough=0.25),
            chrome,
        )
    thick = 0.019 if style == "mountain bike" else 0.0145
    drop = np.array([0, 0.0, 0]) if style != "city bike" else np.array([0.0, -0.32, 0])
    tubes = [
        tube([crank, head_low], thick * 1.15),
        tube([crank, seat], thick),
        tube(
            [seat * [1, 0.97, 1] + drop * 0.9, head_top - [0, 0.03, 0] + drop * 0.15], thick * 0.95
        ),
        tube([head_low, head_top], thick * 1.2),
    ]
    for side in (-1, 1):
        dz = np.array([0, 0, side * 0.045])
        tubes += [
            tube([crank + dz * 0.5, rear + dz], 0.0085),
            tube([seat * [1, 0.94, 1] + dz * 0.2, rear + dz], 0.0075),
        ]
        fork = curve(
            [
                head_low + dz * 0.5,
                head_low + [0.02, -0.09, side * 0.045],
                front + [-0.03, 0.12, side * 0.045],
                front + dz,
            ],
            16,
        )
        tubes.append(tube(fork, np.linspace(0.012, 0.008, 16)))
    model.add(paint, *tubes)
    _seat_and_bars(model, chance, style, seat, head_top, chrome, black)
    _drive(model, crank, rear, chrome, black)
    if style == "city bike":
        for hub in (rear, front):
            angle = np.linspace(0.1 * np.pi, 0.95 * np.pi, 30)
            guard = np.stack(
                [
                    hub[0] + (wheel + 0.025) * np.cos(angle),
                    hub[1] + (wheel + 0.025) * np.sin(angle),
                    np.zeros(30),
                ],
                -1,
            )
            model.add(
                paint if chance.random() < 0.6 else chrome,
                tube(guard, 0.024, flat=0.18, up=(0, 0, 1)),
            )
        if chance.random() < 0.6:
            _basket(model, chance)
    return Design(model, style, colour, "plain", "steel")


def _wheel(
    model: Model,
    hub: F64,
    radius: float,
    tyre: float,
    wall: Material,
    rim: Material,
    chrome: Material,
) -> None:
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)

    def hoop(r: float, thick: float) -> Mesh:
        path = np.stack([hub[0] + r * np.cos(angle), hub[1] + r * np.sin(angle), np.zeros(72)], -1)
        return tube(path, thick, sides=12, closed=True)

    model.add(wall, hoop(radius - tyre, tyre))
    model.add(rim, hoop(radius - 2.1 * tyre - 0.004, 0.009))
    spokes = []
    for k in range(24):
        a = k * 2 * np.pi / 24
        lean = a + (0.25 if k % 2 else -0.25)
        far = hub + np.array([math.cos(a), math.sin(a), 0]) * (radius - 2.2 * tyre - 0.006)
        near = hub + np.array(
            [math.cos(lean) * 0.018, math.sin(lean) * 0.018, 0.02 if k % 4 < 2 else -0.02]
        )
        spokes.append(tube([near, far], 0.0014, sides=4))
    model.add(chrome, *spokes, tube([hub - [0, 0, 0.05], hub + [0, 0, 0.05]], 0.014, sides=14))


def _seat_and_bars(
    model: Model,
    chance: random.Random,
    style: str,
    seat: F64,
    head: F64,
    chrome: Material,
    black: Material,
) -> None:
    saddle = leather(shade(chance.choice(("black", "black", "brown", "tan")), chance))
    top = seat + [-0.03, 0.13, 0]
    model.add(chrome, tube([seat - [0, 0.03, 0], top], 0.0125))
    width = (
        [0.075, 0.08, 0.055, 0.022, 0.017]
        if style == "city bike"
        else [0.06, 0.066, 0.04, 0.018, 0.014]
    )
    path = curve(
        [
            top + [x, y, 0]
            for x, y in (
                (-0.13, 0.028),
                (-0.08, 0.024),
                (-0.01, 0.015),
                (0.08, 0.014),
                (0.14, 0.006),
            )
        ],
        24,
    )
    model.add(
        saddle,
        tube(
            path,
            np.interp(np.linspace(0, 1, 24), np.linspace(0, 1, 5), width),
            flat=0.42,
            sides=16,
            up=(0, 0, 1),
        ),
    )
    stem = head + [0.045, 0.075 if style != "road bike" else 0.035, 0]
    model.add(chrome, tube(curve([head, head + [-0.01, 0.05, 0], stem], 12), 0.013))
    grip = rubber(saddle.first)
    for side in (-1, 1):
        if style == "road bike":
            bar = [
                (0, 0, 0),
                (0, 0, 0.17),
                (0.02, 0.0, 0.2),
                (0.1, -0.005, 0.205),
                (0.115, -0.06, 0.205),
                (0.07, -0.12, 0.21),
                (0.0, -0.125, 0.21),
            ]
        elif style == "city bike":
            bar = [
                (0, 0, 0),
                (0.05, 0.05, 0.08),
                (0.03, 0.075, 0.2),
                (-0.08, 0.075, 0.27),
                (-0.17, 0.065, 0.28),
            ]
        else:
            bar = [(0, 0, 0), (0.0, 0.012, 0.1), (-0.015, 0.02, 0.3), (-0.02, 0.02, 0.35)]
        points = curve([stem + np.array([x, y, side * z]) for x, y, z in bar], 30)
        model.add(chrome if style == "city bike" else black, tube(points, 0.0115))
        model.add(grip, tube(points[20:] if style != "road bike" else points[9:], 0.0155))


def _drive(model: Model, crank: F64, rear: F64, chrome: Material, black: Material) -> None:
    z = 0.05
    disc = [(0.1, -0.002), (0.1, 0.002), (0.08, 0.002), (0.08, -0.002), (0.1, -0.002)]
    model.add(chrome, lathe(disc, 40).turned("x", 90).moved(crank[0], crank[1], z))
    for k in range(5):
        a = k * 2 * np.pi / 5
        model.add(
            chrome,
            tube(
                [crank + [0, 0, z], crank + [0.085 * math.cos(a), 0.085 * math.sin(a), z]],
                0.007,
                flat=0.4,
            ),
        )
    gear = lathe([(0.038, -0.008), (0.038, 0.008), (0.0, 0.008)], 24).turned("x", 90)
    model.add(chrome, gear.moved(rear[0], rear[1], z))
    for up, r1, r2 in ((1, 0.1, 0.038), (-1, 0.1, 0.038)):
        model.add(black, tube([crank + [0, up * r1, z], rear + [0, up * r2, z]], 0.004, sides=6))
    for side in (1, -1):
        arm = crank + [0, 0, side * 0.06]
        end = arm + np.array([side * 0.14, -side * 0.09, side * 0.02])
        model.add(chrome, tube([arm, end], 0.011, flat=0.7))
        model.add(
            black,
            box(0.09, 0.022, 0.07, corner=0.015, edge=0.008, sides=20).moved(
                *(end + [0, -0.011, side * 0.045])
            ),
        )


def _basket(model: Model, chance: random.Random) -> None:
    cane = wood(chance.choice(("oak", "beech", "walnut")), repeat=0.03)
    wicker = cane.but(
        pattern="woven",
        repeat=0.024,
        second=dimmed(cane.first, 0.5),
        bump="weave",
        bump_size=0.024,
        bump_depth=0.008,
    )
    ring = np.array(
        [
            (0.1 * math.cos(a), 0.14 * math.sin(a))
            for a in np.linspace(0, 2 * np.pi, 40, endpoint=False)
        ]
    )
    body = prism(ring, 0.17, rows=3)
    model.add(wicker, body.moved(0.56, 0.74, 0.0))
    rim = np.stack([ring[:, 0] * 1.02 + 0.56, np.full(40, 0.91), ring[:, 1] * 1.02], -1)
    model.add(cane, tube(rim, 0.009, sides=8, closed=True))
