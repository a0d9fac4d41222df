"""Watches."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, loft, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    leather,
    metal,
    plastic,
    rubber,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, LEATHER, companion, dimmed, mixed, shade
from feature_store.demo.products.shells import F64
from feature_store.demo.solids import box

DIALS = ("white", "black", "navy", "green", "beige", "grey", "burgundy", "light blue")


def watch(chance: random.Random) -> Design:
    """A dress watch, chronograph, diver's watch or square watch on leather, steel or cloth."""
    style = chance.choice(("dress watch", "chronograph", "diver's watch", "square watch"))
    case_metal = chance.choice(("steel", "steel", "gold", "copper", "black metal"))
    case = metal(case_metal, rough=0.12)
    dial_colour = chance.choice(DIALS)
    r = chance.uniform(0.0185, 0.021)
    model = Model()
    square = style == "square watch"
    side = 4.2 if square else 2.0
    model.add(case, _case(r * 1.16, side, 0.0095, 0.002))
    rim = (
        case
        if style != "diver's watch"
        else plastic(shade(chance.choice(("black", "navy", "green", "red")), chance))
    )
    model.add(rim, _ring(r * 1.1, r * 0.93, side, 0.0098, 0.0113))
    dial = Material(shade(dial_colour, chance), rough=0.3, shine=0.05)
    model.add(dial, _disc(r * 0.95, side, 0.0099))
    marks = metal("steel" if case_metal == "black metal" else case_metal, rough=0.3)
    if dial_colour in ("white", "beige", "light blue", "grey") and chance.random() < 0.6:
        marks = plastic(shade("black", chance), gloss=0.4)
    _dial(model, chance, style, r, marks)
    crown = tube([(r * 1.12, 0, 0.005), (r * 1.3, 0, 0.005)], 0.0024, sides=12)
    model.add(case, crown)
    if style == "chronograph":
        for turn in (32, -32):
            model.add(
                case,
                tube([(r * 1.1, 0, 0.005), (r * 1.3, 0, 0.005)], 0.0017, sides=10).turned(
                    "z", turn
                ),
            )
    strap, colour = _strap(model, chance, r, case, 0.0105 if square else 0.0095)
    return Design(model, style, colour, "plain", strap)


def _outline(radius: float, power: float, z: float, count: int = 48) -> F64:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack(
        [
            radius * np.sign(c) * np.abs(c) ** (2 / power),
            radius * np.sign(s) * np.abs(s) ** (2 / power),
            np.full(count, z),
        ],
        -1,
    )


def _case(radius: float, power: float, thick: float, edge: float) -> Mesh:
    levels = [
        (0.9, 0.0),
        (1.0, edge),
        (1.0, thick - edge),
        (0.96, thick - 0.3 * edge),
        (0.9, thick),
    ]
    return loft(np.stack([_outline(radius * f, power, z) for f, z in levels]))


def _ring(outer: float, inner: float, power: float, low: float, high: float) -> Mesh:
    levels = [(outer, low), (outer * 0.985, high), (inner, high), (inner * 0.985, low)]
    return loft(np.stack([_outline(r, power, z) for r, z in levels]))


def _disc(radius: float, power: float, z: float) -> Mesh:
    return loft(np.stack([_outline(radius, power, z), _outline(0.0, power, z)]))


def _bar(angle: float, first: float, last: float, wide: float, z: float) -> Mesh:
    """A flat bar on the dial, from radius `first` to `last`, at an angle clockwise from twelve."""
    mesh = box(wide, 0.0006, last - first, corner=wide * 0.3, edge=0.0002, sides=12).turned("x", 90)
    return mesh.moved(0, (first + last) / 2, z).turned("z", -angle)


def _dial(model: Model, chance: random.Random, style: str, r: float, marks: Material) -> None:
    z = 0.0102
    if style == "diver's watch":
        for hour in range(12):
            dot = _disc(0.0017, 2.0, 0.0).moved(0, r * 0.76, z).turned("z", 30 * hour)
            model.add(Material((0.9, 0.95, 0.85)), dot)
        pearl = _bar(0, r * 0.97, r * 1.07, 0.0016, 0.0115)
        model.add(
            Material((0.9, 0.9, 0.85)),
            pearl,
            *(_bar(30 * k, r * 0.98, r * 1.06, 0.0006, 0.0115) for k in range(1, 12)),
        )
    else:
        for hour in range(12):
            long = 0.7 if hour % 3 else 0.62
            model.add(marks, _bar(30 * hour, r * long, r * 0.84, 0.0009 if hour % 3 else 0.0014, z))
        for minute in range(0, 60, 2):
            model.add(marks, _bar(6 * minute, r * 0.88, r * 0.92, 0.00035, z))
    if style == "chronograph":
        for x, y in ((-0.42, 0.0), (0.42, 0.0), (0.0, -0.42)):
            sub = _ring(r * 0.25, r * 0.225, 2.0, z - 0.0001, z + 0.0004).moved(x * r, y * r, 0)
            face = _disc(r * 0.23, 2.0, z + 0.0001).moved(x * r, y * r, 0)
            hand = _bar(chance.uniform(0, 360), -0.0006, r * 0.18, 0.0006, 0.0).moved(
                x * r, y * r, z + 0.0005
            )
            model.add(marks, sub, hand)
            model.add(Material(chance.choice(((0.75, 0.74, 0.7), (0.03, 0.03, 0.035)))), face)
    for angle, long, wide in (
        (chance.uniform(295, 310), 0.5, 0.0019),
        (chance.uniform(50, 62), 0.8, 0.0014),
    ):
        model.add(marks, _bar(angle, -r * 0.1, r * long, wide, z + 0.0008))
    model.add(
        Material(shade("red", chance)),
        _bar(chance.uniform(120, 240), -r * 0.2, r * 0.82, 0.0005, z + 0.0013),
    )
    model.add(marks, _disc(0.0012, 2.0, z + 0.0017))


def _strap(
    model: Model, chance: random.Random, r: float, case: Material, half: float
) -> tuple[str, str]:
    """The strap, up and down from the case, bending away; its material and colour."""
    kind = chance.choice(("leather", "leather", "steel", "nylon", "rubber"))
    colour = chance.choice(LEATHER if kind == "leather" else CLOTH)
    # the strap closes behind the case, as around a cushion
    turn = np.radians(np.array([26, 50, 78, 105, 132, 158, 180]))
    y = (r * 1.55 + 0.004) * np.sin(turn)
    y = np.maximum(y, 0.0)
    z = 0.0295 * (np.cos(turn) - np.cos(turn[0])) + 0.0035
    width = half * np.array([1.0, 0.99, 0.95, 0.9, 0.87, 0.85, 0.85])
    if kind == "steel":
        for side in (1, -1):
            path = curve(np.stack([y, z], -1), 17)
            lean = np.degrees(np.arctan2(np.gradient(path[:, 1]), np.gradient(path[:, 0])))
            wide = np.interp(np.linspace(0, 1, 17), np.linspace(0, 1, 7), width)
            for k, ((py, pz), w) in enumerate(zip(path, wide, strict=True)):
                link = box(
                    2 * w * (0.55 if k % 2 else 1.0),
                    0.0036,
                    0.0062,
                    corner=0.001,
                    edge=0.0012,
                    sides=20,
                ).turned("x", 90)
                rim = box(2 * w, 0.003, 0.0056, corner=0.001, edge=0.001, sides=20).turned("x", 90)
                model.add(case, link.turned("x", side * lean[k]).moved(0, side * py, pz))
                model.add(
                    case.but(rough=0.3), rim.turned("x", side * lean[k]).moved(0, side * py, pz)
                )
        return "steel", "grey"
    surface = {
        "leather": leather(shade(colour, chance), grain=0.002),
        "nylon": canvas(shade(colour, chance)).but(bump_size=0.0016, bump_depth=0.0004),
        "rubber": rubber(shade(colour, chance)),
    }[kind].but(crease_size=0.012, crease_depth=0.0002)
    if kind == "nylon" and chance.random() < 0.7:
        surface = surface.but(
            pattern="striped",
            angle=math.pi / 2,
            repeat=0.0135,
            second=shade(companion(colour, chance), chance),
        )
    for side in (1, -1):
        path = curve(np.stack([np.zeros(7), side * y, z], -1), 34)
        wide = np.interp(np.linspace(0, 1, 34), np.linspace(0, 1, 7), width)
        model.add(surface, tube(path, wide, flat=0.18, sides=14, up=(1, 0, 0)))
        if kind == "leather":
            thread = Material(dimmed(mixed(surface.first, (0.6, 0.55, 0.45), 0.5), 1.4))
            for edge in (-0.8, 0.8):
                line = path[2:-1] + np.stack(
                    [
                        wide[2:-1] * edge,
                        side * 0.0013 * np.sin(np.linspace(0.4, 2.9, 31)),
                        0.0013 * np.cos(np.linspace(0.4, 2.9, 31)),
                    ],
                    -1,
                )
                model.add(thread, tube(line, 0.00028, sides=4))
    return kind, colour
