"""Guitars."""

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, grid, lathe, tube
from feature_store.demo.materials import Material, metal, plastic, wood
from feature_store.demo.model import Model
from feature_store.demo.palette import linear, shade
from feature_store.demo.products.shells import F64
from feature_store.demo.solids import ball, box, prism, resampled


def guitar(chance: random.Random) -> Design:
    """An acoustic, classical or electric guitar, upright, seen from the front."""
    style = chance.choice(
        ("acoustic guitar", "classical guitar", "electric guitar", "electric guitar")
    )
    electric = style == "electric guitar"
    model = Model()
    if electric:
        colour, material = _electric_body(model, chance)
    else:
        colour, material = _acoustic_body(model, chance, style)
    _neck(model, chance, electric)
    return Design(model, style, colour, "sunburst" if material == "sunburst" else "plain", "wood")


def _bout(electric: bool, chance: random.Random) -> F64:
    """The body's outline (80, 2): x across, y up, about the waist."""
    low, waist, high = (0.165, 0.118, 0.135) if electric else (0.2, 0.122, 0.148)
    length = 0.42 if electric else 0.5
    y = (
        np.array([-0.5, -0.492, -0.45, -0.37, -0.26, -0.13, 0.04, 0.18, 0.29, 0.39, 0.435, 0.445])
        * length
    )
    w = np.array([0.0, 0.4, 0.73, 0.92, 1.0, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]) * low
    w += np.array([0, 0, 0, 0, 0, 0, 0, 0.92, 1.0, 0.82, 0.42, 0.0]) * high
    w[6] = waist
    side = curve(np.stack([w, y], -1), 60)
    left = side[::-1] * [-1, 1]
    outline = np.concatenate([side, left[1:-1]])
    if electric:
        cut = chance.choice((0.0, 0.6, 0.6))
        x, v = outline[:, 0], outline[:, 1] / length
        bite = np.exp(-(((v - 0.4) / 0.1) ** 2)) * 0.3
        outline[:, 0] = x * (1 - bite * (x > 0) - bite * cut * (x < 0))
        outline[:, 1] += (
            0.05
            * np.exp(-(((np.abs(x) - 0.09) / 0.03) ** 2))
            * (v > 0.25)
            * np.where(x > 0, 1.0, cut)
        )
    return resampled(outline[::-1], 90)


def _plate(outline: F64, thick: float, edge: float) -> Mesh:
    return prism(outline * [1, -1], thick, round_top=edge, round_bottom=edge, rows=2).turned(
        "x", 90
    )


def _acoustic_body(model: Model, chance: random.Random, style: str) -> tuple[str, str]:
    outline = _bout(False, chance)
    finish = chance.choice(("natural", "natural", "sunburst", "dark", "painted"))
    top, colour = {
        "natural": (wood(chance.choice(("beech", "oak")), repeat=0.05, gloss=0.12), "beige"),
        "dark": (wood(chance.choice(("walnut", "mahogany")), repeat=0.05, gloss=0.12), "brown"),
        "sunburst": (
            Material(
                linear("#c9822f"),
                linear("#2a120a"),
                pattern="burst",
                repeat=0.26,
                rough=0.1,
                shine=0.05,
            ),
            "orange",
        ),
        "painted": (plastic(shade("black", chance), gloss=0.1), "black"),
    }[finish]
    if finish == "painted":
        colour = chance.choice(("black", "blue", "red", "white", "teal"))
        top = plastic(shade(colour, chance), gloss=0.1)
    sides = wood(chance.choice(("mahogany", "walnut")), gloss=0.15)
    model.add(sides, _plate(outline, 0.1, 0.006).moved(z=-0.102))
    model.add(top, _plate(outline * 0.985, 0.004, 0.001).moved(z=-0.0025))
    white = plastic(shade("white", chance))
    rim = np.stack([outline[:, 0], outline[:, 1], np.full(90, 0.0)], -1)
    model.add(white if chance.random() < 0.6 else sides, tube(rim, 0.0028, sides=6, closed=True))
    hole_y = 0.075
    model.add(
        Material((0.008, 0.006, 0.005), rough=0.9),
        lathe([(0.05, 0.0), (0.0, 0.0)], 40).turned("x", 90).moved(0, hole_y, 0.0022),
    )
    for r, surface in ((0.0525, sides), (0.058, plastic(shade("black", chance))), (0.062, white)):
        model.add(surface, tube(_hoop(r, hole_y, 0.0022), 0.0014, sides=5, closed=True))
    dark = wood("ebony")
    model.add(
        dark,
        box(0.15, 0.012, 0.026, corner=0.008, edge=0.004, sides=24)
        .turned("x", 90)
        .moved(0, -0.105, 0.002),
    )
    model.add(white, tube([(-0.038, -0.1, 0.016), (0.038, -0.1, 0.016)], 0.0018))
    if style == "acoustic guitar":
        guard = [
            (0.05, 0.09),
            (0.085, 0.06),
            (0.098, 0.01),
            (0.075, -0.03),
            (0.05, -0.035),
            (0.052, 0.02),
            (0.04, 0.045),
        ]
        ring = resampled(curve([*guard, guard[0]], 50)[:-1], 40)
        model.add(
            plastic(shade(chance.choice(("black", "brown", "burgundy")), chance), gloss=0.1),
            _plate(ring[::-1], 0.0012, 0.0004).moved(z=0.0018),
        )
    return colour, "sunburst" if finish == "sunburst" else finish


def _hoop(radius: float, y: float, z: float) -> F64:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([radius * np.cos(angle), y + radius * np.sin(angle), np.full(48, z)], -1)


def _electric_body(model: Model, chance: random.Random) -> tuple[str, str]:
    outline = _bout(True, chance)
    colour = chance.choice(
        (
            "red",
            "blue",
            "black",
            "white",
            "teal",
            "orange",
            "light blue",
            "pink",
            "green",
            "yellow",
            "burgundy",
            "purple",
            "sunburst",
            "sunburst",
        )
    )
    burst = colour == "sunburst"
    finish = plastic((0.5, 0.5, 0.5) if burst else shade(colour, chance), gloss=0.07)
    if burst:
        finish = finish.but(
            first=linear("#d08a2c"), second=linear("#1d0d08"), pattern="burst", repeat=0.21
        )
    model.add(finish, _plate(outline, 0.042, 0.009).moved(z=-0.042))
    chrome = metal(chance.choice(("steel", "steel", "gold")), rough=0.12)
    black = plastic(shade("black", chance), gloss=0.2)
    if chance.random() < 0.7:
        guard = plastic(
            shade(chance.choice(("white", "black", "white", "burgundy")), chance), gloss=0.15
        )
        shape = np.stack(
            [np.interp(outline[:, 0], [-1, 0, 1], [-0.45, 0, 0.88]), outline[:, 1] * 0.72 - 0.005],
            -1,
        )
        model.add(guard, _plate(shape, 0.0014, 0.0004))
    for y in (0.09, 0.02, -0.05) if chance.random() < 0.5 else (0.085, -0.05):
        wide = 0.07
        model.add(
            black,
            box(
                wide,
                0.008,
                0.02 if chance.random() < 0.5 else 0.034,
                corner=0.009,
                edge=0.003,
                sides=24,
            )
            .turned("x", 90)
            .moved(0, y, 0.001),
        )
        poles = [ball(0.0028, 8).moved(x, y, 0.009) for x in np.linspace(-0.024, 0.024, 6)]
        model.add(chrome, *poles)
    model.add(
        chrome,
        box(0.085, 0.011, 0.034, corner=0.004, edge=0.002, sides=20)
        .turned("x", 90)
        .moved(0, -0.112, 0.001),
    )
    knob = lathe([(0.0, 0.013), (0.009, 0.012), (0.0105, 0.0)], 20).turned("x", 90)
    for x, y in ((0.085, -0.1), (0.1, -0.14), (0.062, -0.15)):
        model.add(black if chance.random() < 0.5 else chrome, knob.moved(x, y, 0.0))
    return ("orange" if burst else colour), ("sunburst" if burst else "painted")


def _neck(model: Model, chance: random.Random, electric: bool) -> None:
    start, end = (0.13, 0.6) if electric else (0.14, 0.66)
    maple = wood(chance.choice(("beech", "mahogany", "oak")), repeat=0.08, gloss=0.2)
    board = wood(chance.choice(("ebony", "walnut", "ebony")), repeat=0.04)
    chrome = metal("steel", rough=0.15)
    back = tube(
        [(0, start - 0.02, -0.004), (0, end, -0.002)],
        [0.027, 0.0225],
        flat=0.6,
        sides=16,
        up=(1, 0, 0),
    )
    model.add(maple, back)
    strip = np.array(
        [
            [(-w, y, 0.011), (-w * 0.5, y, 0.0135), (w * 0.5, y, 0.0135), (w, y, 0.011)]
            for y, w in ((start - 0.03, 0.029), ((start + end) / 2, 0.0255), (end, 0.022))
        ]
    )
    edge = np.array(
        [[(w, y, 0.011), (w, y, 0.0)] for y, w in ((start - 0.03, 0.029), (end, 0.022))]
    )
    model.add(board, grid(strip), grid(edge), grid(edge[:, ::-1] * [-1, 1, 1]))
    scale = end + 0.1
    for fret in range(1, 20):
        y = end - scale * (1 - 2 ** (-fret / 12))
        if y < start - 0.02:
            break
        w = np.interp(y, [start, end], [0.028, 0.022])
        model.add(chrome, tube([(-w, y, 0.0128), (w, y, 0.0128)], 0.0011, sides=5))
        if fret in (3, 5, 7, 9, 12, 15):
            model.add(
                plastic(shade("white", chance)),
                ball(0.0045, 10).scaled(1, 1, 0.2).moved(0, y + 0.012, 0.0135),
            )
    _headstock(model, end, maple, board, chrome, electric, chance)
    bridge = -0.105
    strings = []
    for k, x in enumerate(np.linspace(-0.024, 0.024, 6)):
        top = x * 0.7
        strings.append(
            tube([(x, bridge, 0.0175), (top, end + 0.004, 0.0165)], 0.0009 - 0.0001 * k, sides=4)
        )
        strings.append(
            tube(
                [
                    (top, end + 0.004, 0.0165),
                    (np.sign(x) * 0.02, end + 0.045 + 0.04 * (2 - k if k < 3 else k - 3), 0.008),
                ],
                0.0007,
                sides=4,
            )
        )
    model.add(metal("steel", rough=0.25), *strings)


def _headstock(
    model: Model,
    end: float,
    maple: Material,
    board: Material,
    chrome: Material,
    electric: bool,
    chance: random.Random,
) -> None:
    if electric and chance.random() < 0.6:
        shape = [
            (-0.022, 0.0),
            (-0.03, 0.05),
            (-0.036, 0.13),
            (-0.02, 0.17),
            (0.02, 0.165),
            (0.045, 0.14),
            (0.03, 0.12),
            (0.028, 0.04),
            (0.022, 0.0),
        ]
        sides = [(-1, 0.03 + 0.023 * k) for k in range(6)]
    else:
        shape = [
            (-0.022, 0.0),
            (-0.036, 0.03),
            (-0.04, 0.15),
            (-0.02, 0.165),
            (0.02, 0.165),
            (0.04, 0.15),
            (0.036, 0.03),
            (0.022, 0.0),
        ]
        sides = [(s, 0.045 + 0.04 * k) for s in (-1, 1) for k in range(3)]
    ring = resampled(np.array(shape)[::-1], 50)
    model.add(maple if electric else board, _plate(ring, 0.014, 0.003).moved(y=end, z=-0.008))
    model.add(
        plastic(shade("white", chance)),
        box(0.046, 0.006, 0.006, corner=0.002, edge=0.001, sides=12).moved(0, end, 0.01),
    )
    for s, y in sides:
        model.add(
            chrome,
            tube([(s * 0.03, end + y, 0.0), (s * 0.052, end + y, 0.0)], 0.0025),
            ball(0.0075, 12).scaled(1, 0.8, 0.6).moved(s * 0.056, end + y, 0.0),
        )
        model.add(chrome, tube([(s * 0.022, end + y, 0.0), (s * 0.022, end + y, 0.013)], 0.004))
