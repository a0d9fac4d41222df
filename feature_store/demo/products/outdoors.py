"""Bicycles, umbrellas and guitars."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, ball, box, curve, grid, lathe, prism, resampled, tube
from feature_store.demo.materials import Material, leather, metal, nylon, plastic, rubber, wood
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, COLOURS, companion, dimmed, linear, shade
from feature_store.demo.products.shells import F64

FRAME_COLOURS = ("black", "white", "grey", "red", "blue", "light blue", "green", "teal", "orange", "yellow", "navy",
                 "burgundy", "pink", "olive", "beige")  # fmt: skip


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
    wall = rubber(shade("tan", chance)) if chance.random() < 0.3 and style != "mountain bike" else black
    for hub in (rear, front):
        _wheel(model, hub, wheel, tyre, wall, metal(chance.choice(("steel", "black metal")), rough=0.25), chrome)
    thick = 0.019 if style == "mountain bike" else 0.0145
    drop = np.array([0, 0.0, 0]) if style != "city bike" else np.array([0.0, -0.32, 0])
    tubes = [tube([crank, head_low], thick * 1.15), tube([crank, seat], thick), tube([seat * [1, 0.97, 1] + drop * 0.9, head_top - [0, 0.03, 0] + drop * 0.15], thick * 0.95),
             tube([head_low, head_top], thick * 1.2)]  # fmt: skip
    for side in (-1, 1):
        dz = np.array([0, 0, side * 0.045])
        tubes += [tube([crank + dz * 0.5, rear + dz], 0.0085), tube([seat * [1, 0.94, 1] + dz * 0.2, rear + dz], 0.0075)]
        fork = curve([head_low + dz * 0.5, head_low + [0.02, -0.09, side * 0.045], front + [-0.03, 0.12, side * 0.045], front + dz], 16)
        tubes.append(tube(fork, np.linspace(0.012, 0.008, 16)))
    model.add(paint, *tubes)
    _seat_and_bars(model, chance, style, seat, head_top, chrome, black)
    _drive(model, crank, rear, chrome, black)
    if style == "city bike":
        for hub in (rear, front):
            angle = np.linspace(0.1 * np.pi, 0.95 * np.pi, 30)
            guard = np.stack([hub[0] + (wheel + 0.025) * np.cos(angle), hub[1] + (wheel + 0.025) * np.sin(angle), np.zeros(30)], -1)
            model.add(paint if chance.random() < 0.6 else chrome, tube(guard, 0.024, flat=0.18, up=(0, 0, 1)))
        if chance.random() < 0.6:
            _basket(model, chance)
    return Design(model, style, colour, "plain", "steel")


def _wheel(model: Model, hub: F64, radius: float, tyre: float, wall: Material, rim: Material, chrome: Material) -> None:
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
        near = hub + np.array([math.cos(lean) * 0.018, math.sin(lean) * 0.018, 0.02 if k % 4 < 2 else -0.02])
        spokes.append(tube([near, far], 0.0014, sides=4))
    model.add(chrome, *spokes, tube([hub - [0, 0, 0.05], hub + [0, 0, 0.05]], 0.014, sides=14))


def _seat_and_bars(
    model: Model, chance: random.Random, style: str, seat: F64, head: F64, chrome: Material, black: Material
) -> None:
    saddle = leather(shade(chance.choice(("black", "black", "brown", "tan")), chance))
    top = seat + [-0.03, 0.13, 0]
    model.add(chrome, tube([seat - [0, 0.03, 0], top], 0.0125))
    width = [0.075, 0.08, 0.055, 0.022, 0.017] if style == "city bike" else [0.06, 0.066, 0.04, 0.018, 0.014]
    path = curve([top + [x, y, 0] for x, y in ((-0.13, 0.028), (-0.08, 0.024), (-0.01, 0.015), (0.08, 0.014), (0.14, 0.006))], 24)
    model.add(saddle, tube(path, np.interp(np.linspace(0, 1, 24), np.linspace(0, 1, 5), width), flat=0.42, sides=16, up=(0, 0, 1)))
    stem = head + [0.045, 0.075 if style != "road bike" else 0.035, 0]
    model.add(chrome, tube(curve([head, head + [-0.01, 0.05, 0], stem], 12), 0.013))
    grip = rubber(saddle.first)
    for side in (-1, 1):
        if style == "road bike":
            bar = [(0, 0, 0), (0, 0, 0.17), (0.02, 0.0, 0.2), (0.1, -0.005, 0.205), (0.115, -0.06, 0.205), (0.07, -0.12, 0.21), (0.0, -0.125, 0.21)]
        elif style == "city bike":
            bar = [(0, 0, 0), (0.05, 0.05, 0.08), (0.03, 0.075, 0.2), (-0.08, 0.075, 0.27), (-0.17, 0.065, 0.28)]
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
        model.add(chrome, tube([crank + [0, 0, z], crank + [0.085 * math.cos(a), 0.085 * math.sin(a), z]], 0.007, flat=0.4))
    gear = lathe([(0.038, -0.008), (0.038, 0.008), (0.0, 0.008)], 24).turned("x", 90)
    model.add(chrome, gear.moved(rear[0], rear[1], z))
    for up, r1, r2 in ((1, 0.1, 0.038), (-1, 0.1, 0.038)):
        model.add(black, tube([crank + [0, up * r1, z], rear + [0, up * r2, z]], 0.004, sides=6))
    for side in (1, -1):
        arm = crank + [0, 0, side * 0.06]
        end = arm + np.array([side * 0.14, -side * 0.09, side * 0.02])
        model.add(chrome, tube([arm, end], 0.011, flat=0.7))
        model.add(black, box(0.09, 0.022, 0.07, corner=0.015, edge=0.008, sides=20).moved(*(end + [0, -0.011, side * 0.045])))


def _basket(model: Model, chance: random.Random) -> None:
    cane = wood(chance.choice(("oak", "beech", "walnut")), repeat=0.03)
    wicker = cane.but(pattern="woven", repeat=0.024, second=dimmed(cane.first, 0.5), bump="weave", bump_size=0.024, bump_depth=0.008)
    ring = np.array([(0.1 * math.cos(a), 0.14 * math.sin(a)) for a in np.linspace(0, 2 * np.pi, 40, endpoint=False)])
    body = prism(ring, 0.17, rows=3)
    model.add(wicker, body.moved(0.56, 0.74, 0.0))
    rim = np.stack([ring[:, 0] * 1.02 + 0.56, np.full(40, 0.91), ring[:, 1] * 1.02], -1)
    model.add(cane, tube(rim, 0.009, sides=8, closed=True))


def umbrella(chance: random.Random) -> Design:
    """An open umbrella of eight panels with a curved or straight handle."""
    style = chance.choice(("stick umbrella", "dome umbrella", "golf umbrella"))
    colour = chance.choice(tuple(COLOURS))
    pattern = chance.choice(("plain", "plain", "dotted", "striped", "floral", "checked", "panelled", "panelled", "leopard"))
    tone = shade(colour, chance)
    other = shade(companion(colour, chance), chance)
    fabric = nylon(tone).but(crease_depth=0.0, rough=0.6)
    if pattern not in ("plain", "panelled"):
        fabric = fabric.but(pattern=pattern, second=other, third=shade(chance.choice(CLOTH), chance), seed=chance.randrange(60),
                            repeat={"floral": 0.16, "striped": 0.13, "leopard": 0.09}.get(pattern, 0.1))  # fmt: skip
    radius, tall = {"stick umbrella": (0.5, 0.21), "dome umbrella": (0.42, 0.4), "golf umbrella": (0.6, 0.22)}[style]
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
        path = np.stack([radius * steps * math.cos(a), tall * (1 - steps**2) - 0.006, radius * steps * math.sin(a)], -1)
        model.add(rib, tube(path, 0.0028, sides=5), tube([path[6], [0, tall * 0.15, 0]], 0.0024, sides=5))
        model.add(rib, ball(0.007, 8).moved(*(path[-1] + [0, 0.004, 0])))
    low = -0.52 if style != "dome umbrella" else -0.34
    model.add(rib, tube([(0, tall + 0.05, 0), (0, low, 0)], 0.0075))
    if chance.random() < 0.7:
        hook = curve([(0, low + 0.1, 0), (0, low, 0), (0.015, low - 0.06, 0), (0.06, low - 0.085, 0), (0.1, low - 0.055, 0), (0.105, low - 0.02, 0)], 30)
        surface = wood(chance.choice(("walnut", "oak", "mahogany"))) if chance.random() < 0.6 else plastic(shade("black", chance))
        model.add(surface, tube(hook, 0.0145, sides=14))
    else:
        model.add(rubber(shade("black", chance)), tube([(0, low + 0.08, 0), (0, low - 0.08, 0)], 0.02, sides=16))
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
    return grid(points[:, ::-1], uvs=uvs[:, ::-1])


def guitar(chance: random.Random) -> Design:
    """An acoustic, classical or electric guitar, upright, seen from the front."""
    style = chance.choice(("acoustic guitar", "classical guitar", "electric guitar", "electric guitar"))
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
    y = np.array([-0.5, -0.492, -0.45, -0.37, -0.26, -0.13, 0.04, 0.18, 0.29, 0.39, 0.435, 0.445]) * length
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
        outline[:, 1] += 0.05 * np.exp(-(((np.abs(x) - 0.09) / 0.03) ** 2)) * (v > 0.25) * np.where(x > 0, 1.0, cut)
    return resampled(outline[::-1], 90)


def _plate(outline: F64, thick: float, edge: float) -> Mesh:
    return prism(outline * [1, -1], thick, round_top=edge, round_bottom=edge, rows=2).turned("x", 90)


def _acoustic_body(model: Model, chance: random.Random, style: str) -> tuple[str, str]:
    outline = _bout(False, chance)
    finish = chance.choice(("natural", "natural", "sunburst", "dark", "painted"))
    top, colour = {
        "natural": (wood(chance.choice(("beech", "oak")), repeat=0.05, gloss=0.12), "beige"),
        "dark": (wood(chance.choice(("walnut", "mahogany")), repeat=0.05, gloss=0.12), "brown"),
        "sunburst": (Material(linear("#c9822f"), linear("#2a120a"), pattern="burst", repeat=0.26, rough=0.1, shine=0.05), "orange"),
        "painted": (plastic(shade("black", chance), gloss=0.1), "black"),
    }[finish]  # fmt: skip
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
    model.add(Material((0.008, 0.006, 0.005), rough=0.9), lathe([(0.05, 0.0), (0.0, 0.0)], 40).turned("x", 90).moved(0, hole_y, 0.0022))
    for r, surface in ((0.0525, sides), (0.058, plastic(shade("black", chance))), (0.062, white)):
        model.add(surface, tube(_hoop(r, hole_y, 0.0022), 0.0014, sides=5, closed=True))
    dark = wood("ebony")
    model.add(dark, box(0.15, 0.012, 0.026, corner=0.008, edge=0.004, sides=24).turned("x", 90).moved(0, -0.105, 0.002))
    model.add(white, tube([(-0.038, -0.1, 0.016), (0.038, -0.1, 0.016)], 0.0018))
    if style == "acoustic guitar":
        guard = [(0.05, 0.09), (0.085, 0.06), (0.098, 0.01), (0.075, -0.03), (0.05, -0.035), (0.052, 0.02), (0.04, 0.045)]
        ring = resampled(curve([*guard, guard[0]], 50)[:-1], 40)
        model.add(plastic(shade(chance.choice(("black", "brown", "burgundy")), chance), gloss=0.1), _plate(ring[::-1], 0.0012, 0.0004).moved(z=0.0018))
    return colour, "sunburst" if finish == "sunburst" else finish


def _hoop(radius: float, y: float, z: float) -> F64:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([radius * np.cos(angle), y + radius * np.sin(angle), np.full(48, z)], -1)


def _electric_body(model: Model, chance: random.Random) -> tuple[str, str]:
    outline = _bout(True, chance)
    colour = chance.choice(("red", "blue", "black", "white", "teal", "orange", "light blue", "pink", "green", "yellow", "burgundy", "purple", "sunburst", "sunburst"))
    burst = colour == "sunburst"
    finish = plastic((0.5, 0.5, 0.5) if burst else shade(colour, chance), gloss=0.07)
    if burst:
        finish = finish.but(first=linear("#d08a2c"), second=linear("#1d0d08"), pattern="burst", repeat=0.21)
    model.add(finish, _plate(outline, 0.042, 0.009).moved(z=-0.042))
    chrome = metal(chance.choice(("steel", "steel", "gold")), rough=0.12)
    black = plastic(shade("black", chance), gloss=0.2)
    if chance.random() < 0.7:
        guard = plastic(shade(chance.choice(("white", "black", "white", "burgundy")), chance), gloss=0.15)
        shape = np.stack([np.interp(outline[:, 0], [-1, 0, 1], [-0.45, 0, 0.88]), outline[:, 1] * 0.72 - 0.005], -1)
        model.add(guard, _plate(shape, 0.0014, 0.0004))
    for y in (0.09, 0.02, -0.05) if chance.random() < 0.5 else (0.085, -0.05):
        wide = 0.07
        model.add(black, box(wide, 0.008, 0.02 if chance.random() < 0.5 else 0.034, corner=0.009, edge=0.003, sides=24).turned("x", 90).moved(0, y, 0.001))
        poles = [ball(0.0028, 8).moved(x, y, 0.009) for x in np.linspace(-0.024, 0.024, 6)]
        model.add(chrome, *poles)
    model.add(chrome, box(0.085, 0.011, 0.034, corner=0.004, edge=0.002, sides=20).turned("x", 90).moved(0, -0.112, 0.001))
    knob = lathe([(0.0, 0.013), (0.009, 0.012), (0.0105, 0.0)], 20).turned("x", 90)
    for x, y in ((0.085, -0.1), (0.1, -0.14), (0.062, -0.15)):
        model.add(black if chance.random() < 0.5 else chrome, knob.moved(x, y, 0.0))
    return ("orange" if burst else colour), ("sunburst" if burst else "painted")


def _neck(model: Model, chance: random.Random, electric: bool) -> None:
    start, end = (0.13, 0.6) if electric else (0.14, 0.66)
    maple = wood(chance.choice(("beech", "mahogany", "oak")), repeat=0.08, gloss=0.2)
    board = wood(chance.choice(("ebony", "walnut", "ebony")), repeat=0.04)
    chrome = metal("steel", rough=0.15)
    back = tube([(0, start - 0.02, -0.004), (0, end, -0.002)], [0.027, 0.0225], flat=0.6, sides=16, up=(1, 0, 0))
    model.add(maple, back)
    strip = np.array([[(-w, y, 0.011), (-w * 0.5, y, 0.0135), (w * 0.5, y, 0.0135), (w, y, 0.011)] for y, w in ((start - 0.03, 0.029), ((start + end) / 2, 0.0255), (end, 0.022))])
    edge = np.array([[(w, y, 0.011), (w, y, 0.0)] for y, w in ((start - 0.03, 0.029), (end, 0.022))])
    model.add(board, grid(strip), grid(edge), grid(edge[:, ::-1] * [-1, 1, 1]))
    scale = end + 0.1
    for fret in range(1, 20):
        y = end - scale * (1 - 2 ** (-fret / 12))
        if y < start - 0.02:
            break
        w = np.interp(y, [start, end], [0.028, 0.022])
        model.add(chrome, tube([(-w, y, 0.0128), (w, y, 0.0128)], 0.0011, sides=5))
        if fret in (3, 5, 7, 9, 12, 15):
            model.add(plastic(shade("white", chance)), ball(0.0045, 10).scaled(1, 1, 0.2).moved(0, y + 0.012, 0.0135))
    _headstock(model, end, maple, board, chrome, electric, chance)
    bridge = -0.105
    strings = []
    for k, x in enumerate(np.linspace(-0.024, 0.024, 6)):
        top = x * 0.7
        strings.append(tube([(x, bridge, 0.0175), (top, end + 0.004, 0.0165)], 0.0009 - 0.0001 * k, sides=4))
        strings.append(tube([(top, end + 0.004, 0.0165), (np.sign(x) * 0.02, end + 0.045 + 0.04 * (2 - k if k < 3 else k - 3), 0.008)], 0.0007, sides=4))
    model.add(metal("steel", rough=0.25), *strings)


def _headstock(
    model: Model, end: float, maple: Material, board: Material, chrome: Material, electric: bool, chance: random.Random
) -> None:
    if electric and chance.random() < 0.6:
        shape = [(-0.022, 0.0), (-0.03, 0.05), (-0.036, 0.13), (-0.02, 0.17), (0.02, 0.165), (0.045, 0.14), (0.03, 0.12), (0.028, 0.04), (0.022, 0.0)]
        sides = [(-1, 0.03 + 0.023 * k) for k in range(6)]
    else:
        shape = [(-0.022, 0.0), (-0.036, 0.03), (-0.04, 0.15), (-0.02, 0.165), (0.02, 0.165), (0.04, 0.15), (0.036, 0.03), (0.022, 0.0)]
        sides = [(s, 0.045 + 0.04 * k) for s in (-1, 1) for k in range(3)]
    ring = resampled(np.array(shape)[::-1], 50)
    model.add(maple if electric else board, _plate(ring, 0.014, 0.003).moved(y=end, z=-0.008))
    model.add(plastic(shade("white", chance)), box(0.046, 0.006, 0.006, corner=0.002, edge=0.001, sides=12).moved(0, end, 0.01))
    for s, y in sides:
        model.add(chrome, tube([(s * 0.03, end + y, 0.0), (s * 0.052, end + y, 0.0)], 0.0025), ball(0.0075, 12).scaled(1, 0.8, 0.6).moved(s * 0.056, end + y, 0.0))
        model.add(chrome, tube([(s * 0.022, end + y, 0.0), (s * 0.022, end + y, 0.013)], 0.004))
