"""Watches, sunglasses, hats and headphones."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, ball, box, curve, grid, lathe, loft, prism, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    cloth,
    knit,
    leather,
    metal,
    plastic,
    rubber,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, LEATHER, companion, dimmed, linear, mixed, shade
from feature_store.demo.products.shells import F64

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
    rim = case if style != "diver's watch" else plastic(shade(chance.choice(("black", "navy", "green", "red")), chance))
    model.add(rim, _ring(r * 1.1, r * 0.93, side, 0.0098, 0.0113))
    dial = Material(shade(dial_colour, chance), rough=0.3, shine=0.05)
    model.add(dial, _disc(r * 0.95, side, 0.0099))
    marks = metal("steel" if case_metal == "black metal" else case_metal, rough=0.3)
    if dial_colour in ("white", "beige", "light blue", "grey") and chance.random() < 0.6:
        marks = plastic(shade("black", chance), gloss=0.4)
    _dial(model, chance, style, r, marks, rim)
    crown = tube([(r * 1.12, 0, 0.005), (r * 1.3, 0, 0.005)], 0.0024, sides=12)
    model.add(case, crown)
    if style == "chronograph":
        for turn in (32, -32):
            model.add(case, tube([(r * 1.1, 0, 0.005), (r * 1.3, 0, 0.005)], 0.0017, sides=10).turned("z", turn))
    strap, colour = _strap(model, chance, r, case, 0.0105 if square else 0.0095)
    return Design(model, style, colour, "plain", strap)


def _outline(radius: float, power: float, z: float, count: int = 48) -> F64:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack(
        [radius * np.sign(c) * np.abs(c) ** (2 / power), radius * np.sign(s) * np.abs(s) ** (2 / power), np.full(count, z)], -1
    )


def _case(radius: float, power: float, thick: float, edge: float) -> Mesh:
    levels = [(0.9, 0.0), (1.0, edge), (1.0, thick - edge), (0.96, thick - 0.3 * edge), (0.9, thick)]
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


def _dial(model: Model, chance: random.Random, style: str, r: float, marks: Material, rim: Material) -> None:
    z = 0.0102
    if style == "diver's watch":
        for hour in range(12):
            dot = _disc(0.0017, 2.0, 0.0).moved(0, r * 0.76, z).turned("z", 30 * hour)
            model.add(Material((0.9, 0.95, 0.85)), dot)
        pearl = _bar(0, r * 0.97, r * 1.07, 0.0016, 0.0115)
        model.add(Material((0.9, 0.9, 0.85)), pearl, *(_bar(30 * k, r * 0.98, r * 1.06, 0.0006, 0.0115) for k in range(1, 12)))
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
            hand = _bar(chance.uniform(0, 360), -0.0006, r * 0.18, 0.0006, 0.0).moved(x * r, y * r, z + 0.0005)
            model.add(marks, sub, hand)
            model.add(Material(chance.choice(((0.75, 0.74, 0.7), (0.03, 0.03, 0.035)))), face)
    for angle, long, wide in ((chance.uniform(295, 310), 0.5, 0.0019), (chance.uniform(50, 62), 0.8, 0.0014)):
        model.add(marks, _bar(angle, -r * 0.1, r * long, wide, z + 0.0008))
    model.add(Material(shade("red", chance)), _bar(chance.uniform(120, 240), -r * 0.2, r * 0.82, 0.0005, z + 0.0013))
    model.add(marks, _disc(0.0012, 2.0, z + 0.0017))


def _strap(model: Model, chance: random.Random, r: float, case: Material, half: float) -> tuple[str, str]:
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
                link = box(2 * w * (0.55 if k % 2 else 1.0), 0.0036, 0.0062, corner=0.001, edge=0.0012, sides=20).turned("x", 90)
                edge = box(2 * w, 0.003, 0.0056, corner=0.001, edge=0.001, sides=20).turned("x", 90)
                model.add(case, link.turned("x", side * lean[k]).moved(0, side * py, pz))
                model.add(case.but(rough=0.3), edge.turned("x", side * lean[k]).moved(0, side * py, pz))
        return "steel", "grey"
    surface = {"leather": leather(shade(colour, chance), grain=0.002), "nylon": canvas(shade(colour, chance)).but(bump_size=0.0016, bump_depth=0.0004),
               "rubber": rubber(shade(colour, chance))}[kind].but(crease_size=0.012, crease_depth=0.0002)  # fmt: skip
    if kind == "nylon" and chance.random() < 0.7:
        surface = surface.but(pattern="striped", angle=math.pi / 2, repeat=0.0135, second=shade(companion(colour, chance), chance))
    for side in (1, -1):
        path = curve(np.stack([np.zeros(7), side * y, z], -1), 34)
        wide = np.interp(np.linspace(0, 1, 34), np.linspace(0, 1, 7), width)
        model.add(surface, tube(path, wide, flat=0.18, sides=14, up=(1, 0, 0)))
        if kind == "leather":
            thread = Material(dimmed(mixed(surface.first, (0.6, 0.55, 0.45), 0.5), 1.4))
            for edge in (-0.8, 0.8):
                line = path[2:-1] + np.stack([wide[2:-1] * edge, side * 0.0013 * np.sin(np.linspace(0.4, 2.9, 31)), 0.0013 * np.cos(np.linspace(0.4, 2.9, 31))], -1)
                model.add(thread, tube(line, 0.00028, sides=4))
    return kind, colour


LENSES = ("#1c1d20", "#2b2118", "#1d2a22", "#3a2a45", "#16324f", "#6a3a1a")


def sunglasses(chance: random.Random) -> Design:
    """Square, round, cat-eye or aviator sunglasses."""
    style = chance.choice(("square sunglasses", "round sunglasses", "cat-eye sunglasses", "aviator sunglasses"))
    wire = style == "aviator sunglasses" or (style == "round sunglasses" and chance.random() < 0.6)
    colour = chance.choice(("black", "brown", "tan", "red", "blue", "green", "white", "pink", "purple", "teal", "orange", "navy", "yellow"))
    if wire:
        name = chance.choice(("gold", "steel", "black metal", "copper"))
        frame, colour = metal(name, rough=0.1), {"gold": "yellow", "steel": "grey", "black metal": "black", "copper": "brown"}[name]
    else:
        frame = plastic(shade(colour, chance), gloss=0.12)
        if colour in ("brown", "tan") or chance.random() < 0.15:
            frame = frame.but(pattern="camouflage", second=linear("#2a160b"), third=linear("#8a4f22"), repeat=0.014)
    tint = linear(chance.choice(LENSES))
    lens = Material(tint, dimmed(tint, 4.0), pattern="ombre", repeat=0.03, angle=math.pi, rough=0.03, shine=0.09)
    model = Model()
    outline = _lens_outline(style, chance)
    thick = 0.0011 if wire else chance.uniform(0.0024, 0.0036)
    gap = 0.009 if not wire else 0.01
    half = float(outline[:, 0].max())
    bend = 0.006
    for side in (-1, 1):
        rim = np.stack([side * (outline[:, 0] + half + gap), outline[:, 1], -bend * ((outline[:, 0] + half) / half) ** 2], -1)
        model.add(frame, tube(rim, thick, sides=10, closed=True))
        centre = rim.mean(axis=0)
        rings = np.stack([centre + (rim - centre) * f + [0, 0, 0.0024 * (1 - f * f)] for f in (1.0, 0.75, 0.45, 0.0)])
        skin = loft(rings if side > 0 else rings[:, ::-1])
        model.add(lens, _mapped(skin))
        hinge = rim[np.argmax(side * rim[:, 0] + 0.6 * rim[:, 1])]
        ear = [hinge, hinge + [side * 0.004, 0.001, -0.004], hinge + [side * 0.006, 0.001, -0.06], hinge + [side * 0.004, -0.002, -0.1], hinge + [side * 0.0, -0.026, -0.132]]
        model.add(frame, tube(curve(ear, 30), np.linspace(thick * 1.25, thick * (1.2 if not wire else 1.6), 30), flat=0.5, sides=10, up=(0, 1, 0)))
    y = float(outline[:, 1].max()) * 0.35
    bridge = curve([(-gap - 0.002, y, 0), (0, y + 0.004, 0.002), (gap + 0.002, y, 0)], 14)
    model.add(frame, tube(bridge, thick * 1.1, sides=10))
    if style == "aviator sunglasses":
        top = float(outline[:, 1].max()) - 0.002
        model.add(frame, tube(curve([(-0.03, top, -0.002), (0, top + 0.001, 0.0), (0.03, top, -0.002)], 14), thick, sides=8))
    return Design(model, style, colour, "tortoiseshell" if frame.pattern == "camouflage" else "plain", "metal" if wire else "acetate")


def _mapped(mesh: Mesh) -> Mesh:
    return replace(mesh, uvs=mesh.vertices[:, :2].copy())


def _lens_outline(style: str, chance: random.Random) -> F64:
    """The right lens's outline (40, 2) about its own middle, nose to the left."""
    angle = np.linspace(0, 2 * np.pi, 44, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    power, wide, high = {"square sunglasses": (4.5, 0.026, 0.02), "round sunglasses": (2.0, 0.0235, 0.0235),
                         "cat-eye sunglasses": (2.8, 0.027, 0.0195), "aviator sunglasses": (2.3, 0.0285, 0.0235)}[style]  # fmt: skip
    size = chance.uniform(0.95, 1.1)
    x = wide * size * np.sign(c) * np.abs(c) ** (2 / power)
    y = high * size * np.sign(s) * np.abs(s) ** (2 / power)
    if style == "square sunglasses":
        x = x * (1 + 0.08 * np.sign(y) * np.abs(y / high))
    elif style == "cat-eye sunglasses":
        y = y + 0.012 * np.clip(x / wide, 0, 1) ** 2 * np.clip(y / high + 0.4, 0, 1)
        x = x + 0.005 * np.clip(x / wide, 0, 1) * np.clip(y / high, 0, 1)
    elif style == "aviator sunglasses":
        x = x * (1 - 0.16 * np.clip(-y / high, 0, 1)) + 0.005 * np.clip(-y / high, 0, 1)
        y = np.where(y > 0, y * 0.72, y * 1.1)
    return np.stack([x, y], -1)


def hat(chance: random.Random) -> Design:
    """A fedora, a straw sun hat, a baseball cap or a knitted beanie."""
    style = chance.choice(("fedora", "sun hat", "baseball cap", "beanie"))
    colour = chance.choice(CLOTH)
    return {"fedora": _brimmed, "sun hat": _brimmed, "baseball cap": _cap, "beanie": _beanie}[style](chance, colour, style)


def _brimmed(chance: random.Random, colour: str, style: str) -> Design:
    felt = style == "fedora"
    if not felt:
        colour = chance.choice(("beige", "tan", "white", "brown", "pink", "light blue", "black"))
    surface = (cloth(shade(colour, chance)).but(bump="fleece", bump_size=0.004, bump_depth=0.0004, crease_depth=0.0) if felt
               else canvas(shade(colour, chance)).but(bump="weave", bump_size=0.009, bump_depth=0.003, crease_depth=0.0, pattern="woven", repeat=0.009, second=dimmed(shade(colour, chance), 0.6)))  # fmt: skip
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 60, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    tall = 0.125 if felt else 0.105
    reach = chance.uniform(0.055, 0.075) if felt else chance.uniform(0.1, 0.14)
    crown = []
    stations = [(0.0, 1.0), (0.04, 0.97), (0.085, 0.9), (tall - 0.008, 0.8), (tall, 0.68), (tall - 0.004, 0.4), (tall - 0.008, 0.0)]
    if not felt:
        stations = [(0.0, 1.0), (0.05, 0.98), (0.08, 0.92), (0.097, 0.75), (tall, 0.45), (tall + 0.002, 0.0)]
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
        curl = (0.03 if felt else 0.0) * t * t * np.abs(c) ** 2 - (0.02 if felt else 0.035) * t * np.clip(s, -0.3, 1) ** 2
        curl = curl + (0.0 if felt else wave * t * np.sin(3 * angle + 1))
        brim.append(np.stack([(0.085 + reach * t) * c, curl, (0.1 + reach * t) * s], -1))
    rings = np.stack(brim)
    model.add(surface, loft(rings[::-1]))
    model.add(surface, tube(rings[-1], 0.002, sides=6, closed=True))
    other = shade(chance.choice(("black", "brown", "navy", "burgundy", "white", "red")), chance)
    band = np.stack([np.stack([0.0865 * k * c, np.full(60, y), 0.1015 * k * s], -1) for y, k in ((0.002, 1.0), (0.012, 1.0), (0.03, 0.985), (0.033, 0.97))])
    model.add(cloth(other).but(bump="cord", bump_size=0.004, bump_depth=0.0006, crease_depth=0.0), loft(band))
    if chance.random() < 0.6:
        bow = box(0.014, 0.008, 0.024, corner=0.004, edge=0.003, sides=16).turned("x", 90)
        model.add(cloth(other), bow.moved(0.087, 0.017, 0.02), bow.scaled(1, 1, 1).moved(0.088, 0.017, -0.01))
    return Design(model, style, colour, "plain" if felt else "woven", "felt" if felt else "straw")


def _cap(chance: random.Random, colour: str, style: str) -> Design:
    pattern = chance.choice(("plain", "plain", "plain", "camouflage", "checked", "floral"))
    fabric = canvas(shade(colour, chance)).but(bump_size=0.004, bump_depth=0.0006)
    other = shade(companion(colour, chance), chance)
    if pattern != "plain":
        fabric = fabric.but(pattern=pattern, second=other, third=shade(chance.choice(CLOTH), chance), repeat=0.04, seed=chance.randrange(50))
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 60, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    rings = []
    for t in np.linspace(0, 1, 26):
        f, y = math.cos(t * math.pi / 2) ** 0.75, 0.112 * math.sin(t * math.pi / 2) ** 0.95 + 0.008 * 0
        panel = 1 - 0.012 * np.abs(np.cos(3 * angle)) ** 8
        rings.append(np.stack([0.084 * f * c * panel, np.full(60, y) + 0.012 * s * (1 - t), 0.1 * f * s * panel], -1))
    model = Model()
    model.add(fabric, loft(np.stack(rings)))
    seam = Material(dimmed(fabric.first, 0.5))
    for k in range(6):
        j = round((k + 0.0) * 10)
        model.add(seam, tube(np.stack([ring[j] * [1.004, 1.0, 1.004] for ring in rings[:-1]]), 0.0009, sides=4))
        model.add(seam, ball(0.0028, 8).moved(*(rings[16][(j + 5) % 60] * 1.0)))
    model.add(fabric.plain(), ball(0.006, 12).moved(0, 0.113, 0))
    visor_colour = other if chance.random() < 0.4 else fabric.first
    visor = fabric.plain().but(first=visor_colour)
    u = np.linspace(-1, 1, 31)
    sheet = []
    for t in np.linspace(0, 1, 12):
        half = 0.078 * (1 - 0.1 * t)
        x = half * np.sin(u * math.pi / 2)
        z = 0.1 * np.sqrt(np.maximum(0, 1 - (x / 0.086) ** 2)) - 0.004 + t * 0.088 * np.cos(u * math.pi / 2) ** 0.7
        y = 0.016 - 0.006 * t - 0.02 * (x / 0.08) ** 2 * (0.4 + 0.6 * t)
        sheet.append(np.stack([x, y, z], -1))
    points = np.stack(sheet)
    model.add(visor, grid(points[::-1]), grid(points[::-1] - [0, 0.003, 0]))
    model.add(visor, tube(np.concatenate([points[-1]]), 0.0024, sides=6))
    for t in (3, 5, 7, 9):
        model.add(Material(dimmed(visor_colour, 0.6)), tube(points[t] + [0, 0.0008, 0], 0.0006, sides=4))
    if chance.random() < 0.7:
        badge = prism(np.array([(0.018 * math.cos(a), 0.018 * math.sin(a)) for a in np.linspace(0, 2 * np.pi, chance.choice((5, 6, 24)), endpoint=False)]), 0.004, round_top=0.0015)
        model.add(canvas(other), badge.turned("x", 68).moved(0, 0.058, 0.093))
    return Design(model.placed(turn=chance.choice((-50, -40, 40))), style, colour, pattern, "cotton")


def _beanie(chance: random.Random, colour: str, style: str) -> Design:
    other = shade(companion(colour, chance), chance)
    wool = knit(shade(colour, chance)).but(bump=chance.choice(("knit", "cord", "cable")), bump_size=0.014, bump_depth=0.005, crease_depth=0.001)
    pattern = chance.choice(("plain", "plain", "striped", "zigzag"))
    if pattern != "plain":
        wool = wool.but(pattern=pattern, second=other, repeat=0.045)
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, 60, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    tall = chance.uniform(0.17, 0.2)
    stations = [(0.0, 0.086), (0.05, 0.092), (0.1, 0.09), (tall * 0.8, 0.07), (tall * 0.97, 0.035), (tall, 0.002)]
    rings = [np.stack([r * c * 0.95, np.full(60, y), r * s], -1) for y, r in curve(stations, 34)]
    model = Model()
    model.add(wool, loft(np.stack(rings)))
    cuff = wool.but(pattern="plain", bump="cord", bump_size=0.011, bump_depth=0.005, first=other if chance.random() < 0.3 else wool.first)
    fold = [(0.0, 0.091), (0.004, 0.096), (0.03, 0.098), (0.052, 0.097), (0.058, 0.092)]
    model.add(cuff, loft(np.stack([np.stack([r * c * 0.95, np.full(60, y), r * s], -1) for y, r in fold])))
    if chance.random() < 0.6:
        fluff = Material(other, rough=0.95, sheen=0.6, wrap=0.4, bump="fleece", bump_size=0.006, bump_depth=0.008, mottle=0.4, crease_size=0.01)
        ring = np.random.default_rng(chance.randrange(10**6))
        puff = ball(0.034, 44)
        rough = 1 + 0.07 * ring.standard_normal(len(puff.vertices))[:, None]
        model.add(fluff, replace(puff, vertices=(puff.vertices * rough).astype(np.float32)).moved(0, tall + 0.02, 0))
    if chance.random() < 0.5:
        model.add(leather(shade("tan", chance)), box(0.045, 0.004, 0.026, corner=0.003, edge=0.001, sides=16).turned("x", 90).moved(0, 0.03, 0.096))
    return Design(model, style, colour, pattern, "wool")


def headphones(chance: random.Random) -> Design:
    """Over-ear headphones: padded band, cups and cushions."""
    style = chance.choice(("over-ear headphones", "studio headphones", "retro headphones"))
    colour = chance.choice(("black", "white", "grey", "red", "blue", "navy", "pink", "teal", "beige", "green", "orange", "yellow", "purple"))
    shell = plastic(shade(colour, chance), gloss=chance.choice((0.1, 0.3, 0.42)))
    pad = leather(shade(chance.choice(("black", "black", "brown", "tan", "white", "grey")), chance), grain=0.003).but(crease_size=0.012, crease_depth=0.0006)
    chrome = metal(chance.choice(("steel", "gold", "black metal", "copper")), rough=0.15)
    model = Model()
    wide, tall = 0.078, 0.105
    turn = np.linspace(-0.08, np.pi + 0.08, 40)
    arc = np.stack([wide * np.cos(turn), 0.085 + tall * np.sin(turn), np.zeros(40)], -1)
    band = 0.017 if style != "retro headphones" else 0.009
    if style == "retro headphones":
        model.add(chrome, *(tube(arc + [0, 0, dz], 0.0022, sides=8) for dz in (-0.007, 0.007)))
    else:
        model.add(shell, tube(arc, band, flat=0.3, sides=16, up=(0, 0, 1)))
        inner = arc[6:-6] * [0.94, 1, 1] - [0, 0.004, 0]
        model.add(pad, tube(inner, band * 0.9, flat=0.45, sides=16, up=(0, 0, 1)))
    cup_r = {"over-ear headphones": (0.034, 0.042), "studio headphones": (0.039, 0.039), "retro headphones": (0.03, 0.03)}[style]
    for side in (-1, 1):
        _ear_cup(model, side, wide, cup_r, shell, pad, chrome, style)
    if style == "studio headphones" or chance.random() < 0.25:
        cord = [(wide, 0.03, 0.0), (wide + 0.004, 0.012, 0.01), (wide - 0.02, 0.004, 0.07), (-0.02, 0.004, 0.09), (-0.07, 0.004, 0.06), (-0.1, 0.004, 0.1)]
        model.add(rubber(shade("black", chance)), tube(curve(cord, 44), 0.0022, sides=8))
    return Design(model, style, colour, "plain", "leather" if style != "retro headphones" else "metal")


def _ear_cup(model: Model, side: int, wide: float, radius: tuple[float, float], shell: Material, pad: Material, chrome: Material, style: str) -> None:
    rx, ry = radius
    angle = np.linspace(0, 2 * np.pi, 44, endpoint=False)

    def rings(levels: list[tuple[float, float]]) -> Mesh:
        out = np.stack([np.stack([np.full(44, x), ry * f * np.sin(angle), rx * f * np.cos(angle)], -1) for x, f in levels])
        mesh = loft(out)
        return (mesh if side > 0 else mesh.scaled(-1, 1, 1)).turned("z", -6 * side).moved(side * wide * 0.97, 0.062, 0)

    model.add(shell, rings([(-0.004, 0.0), (-0.004, 0.9), (0.0, 0.97), (0.012, 0.95), (0.019, 0.86), (0.023, 0.7), (0.0235, 0.0)]))
    model.add(chrome, rings([(0.0195, 0.8), (0.0225, 0.74), (0.024, 0.7), (0.0235, 0.66)]))
    model.add(pad, rings([(-0.026, 0.0), (-0.02, 0.45), (-0.026, 0.55), (-0.03, 0.72), (-0.028, 0.9), (-0.02, 1.02), (-0.01, 1.04), (-0.003, 0.98)]))
    arm = [(side * wide * 1.03, 0.105, 0), (side * (wide + 0.008), 0.09, 0), (side * (wide + 0.014), 0.062, 0)]
    for dz in (-1, 1):
        fork = curve([(arm[0][0], arm[0][1], 0), (arm[1][0] * 1.02, arm[1][1], dz * rx * 0.8), (side * (wide + 0.008), 0.062, dz * rx * 1.02)], 14)
        model.add(chrome, tube(fork, 0.0024, sides=8))
    if style != "retro headphones":
        model.add(chrome, tube([(side * wide * 1.0, 0.1, 0), (side * wide * 0.99, 0.125, 0)], 0.006, flat=0.5, up=(0, 0, 1)))
