"""Handbags, backpacks and suitcases."""

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import ball, box, curve, grid, loft, prism, rounded_ring, tube
from feature_store.demo.materials import Material, canvas, leather, metal, nylon, plastic, rubber, suede
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, LEATHER, companion, dimmed, linear, shade
from feature_store.demo.products.shells import body, on_shell, patch, seam, stitches

BAG_COLOURS = (*LEATHER, "grey", "green", "teal", "yellow", "blue", "orange", "purple")


def _hide(chance: random.Random, colour: str) -> tuple[Material, str, str]:
    """Leather, quilted leather, suede or printed canvas; its pattern and its name."""
    tone = shade(colour, chance)
    kind = chance.choice(("leather", "leather", "leather", "quilted", "suede", "canvas"))
    if kind == "quilted":
        return leather(tone, gloss=0.3).but(bump="quilt", bump_size=0.042, bump_depth=0.012), "quilted", "leather"
    if kind == "canvas":
        pattern = chance.choice(("striped", "checked", "floral", "zigzag", "diamonds", "dotted", "leopard"))
        return canvas(tone).but(pattern=pattern, second=shade(companion(colour, chance), chance), third=shade("tan", chance),
                                repeat={"striped": 0.045, "floral": 0.06}.get(pattern, 0.04), seed=chance.randrange(50)), pattern, "canvas"  # fmt: skip
    if kind == "suede":
        return suede(tone), "plain", "suede"
    return leather(tone, gloss=chance.uniform(0.24, 0.42)), "plain", "leather"


def handbag(chance: random.Random) -> Design:
    """A tote, a satchel with a flap, a top-handle bag or a bucket bag."""
    style = chance.choice(("tote bag", "satchel", "top-handle bag", "bucket bag"))
    colour = chance.choice(BAG_COLOURS)
    hide, pattern, material = _hide(chance, colour)
    trim = leather(dimmed(hide.first, 0.75) if material == "leather" else shade(chance.choice(("tan", "brown", "black")), chance))
    gold = metal(chance.choice(("gold", "gold", "steel")), rough=0.12)
    thread = Material(dimmed(trim.first, 2.2))
    model = Model()
    wide, high, deep = {"tote bag": (0.36, 0.28, 0.14), "satchel": (0.3, 0.21, 0.1), "top-handle bag": (0.29, 0.22, 0.13), "bucket bag": (0.24, 0.27, 0.19)}[style]
    wide, high = wide * chance.uniform(0.92, 1.08), high * chance.uniform(0.92, 1.08)
    a, b = wide / 2, deep / 2
    profile = {
        "tote bag": [(0, a * 0.78, b), (0.02, a * 0.82, b * 1.02), (high * 0.5, a * 0.92, b * 0.85), (high, a, b * 0.42)],
        "satchel": [(0, a * 0.95, b * 0.9), (0.015, a, b), (high * 0.5, a, b * 0.95), (high * 0.97, a * 0.98, b * 0.75), (high, a * 0.9, b * 0.6)],
        "top-handle bag": [(0, a, b * 0.95), (0.015, a * 1.02, b), (high * 0.5, a * 0.9, b * 0.7), (high, a * 0.72, b * 0.26)],
        "bucket bag": [(0, a * 0.75, b * 0.75), (0.02, a * 0.82, b * 0.82), (high * 0.6, a * 0.95, b * 0.95), (high, a, b)],
    }[style]
    shell = body(profile, 36, 2.6 if style == "bucket bag" else 5.0)
    rings = shell.rings
    model.add(hide, loft(rings))
    model.add(trim, tube(rings[1], 0.0035, sides=6, closed=True), tube(rings[-1], 0.004, sides=8, closed=True))
    model.add(trim.but(first=dimmed(trim.first, 0.4)), loft(np.stack([rings[-1] * f + [0, (1 - np.asarray(f)[1]) * 0, 0] - [0, 0.012, 0] for f in ([1, 1, 1], [0.0, 1, 0.0])])))
    {"tote bag": _tote, "satchel": _satchel, "top-handle bag": _top_handle, "bucket bag": _bucket}[style](model, chance, rings, trim, gold, thread)
    return Design(model, style, colour, pattern, material)


def _arc(model: Model, surface: Material, x: float, y: float, z: float, rise: float, thick: float, flat: float = 1.0) -> None:
    path = curve([(-x, y - 0.035, z), (-x, y + 0.01, z), (-x * 0.75, y + rise * 0.75, z * 0.9), (0, y + rise, z * 0.8), (x * 0.75, y + rise * 0.75, z * 0.9), (x, y + 0.01, z), (x, y - 0.035, z)], 44)
    model.add(surface, tube(path, thick, sides=12, flat=flat, up=(0, 0, 1)))


def _tote(model: Model, chance: random.Random, rings: np.ndarray, trim: Material, gold: Material, thread: Material) -> None:  # type: ignore[type-arg]
    top = rings[-1]
    y, z = float(top[0, 1]), float(np.abs(top[:, 2]).max())
    x = float(np.abs(top[:, 0]).max()) * 0.45
    rise = chance.uniform(0.12, 0.2)
    for side in (1, -1):
        _arc(model, trim, x, y, side * z, rise, 0.0065)
        for s in (-1, 1):
            tab = box(0.024, 0.06, 0.006, corner=0.0029, edge=0.002, sides=20)
            model.add(trim, tab.moved(s * x, y - 0.065, side * (z + 0.012)))
            model.add(gold, ball(0.004, 10).moved(s * x, y - 0.05, side * (z + 0.017)))
    if chance.random() < 0.6:
        model.add(trim, patch(rings, (0.0, 0.3), (0.0, 1.0), 0.002))
    model.add(thread, *stitches(on_shell(rings, [(0.93, 0.3), (0.93, 0.5), (0.93, 0.7)], 0.001, 30), 0.006))


def _satchel(model: Model, chance: random.Random, rings: np.ndarray, trim: Material, gold: Material, thread: Material) -> None:  # type: ignore[type-arg]
    hide = model.parts[0][1]
    top = rings[-1]
    x, y = float(np.abs(top[:, 0]).max()) * 1.07, float(top[0, 1])
    depth = float(np.abs(rings[12][:, 2]).max())
    low = y * chance.uniform(0.38, 0.55)
    line = curve([(y - 0.01, -depth * 0.6), (y + 0.008, -depth * 0.3), (y + 0.01, depth * 0.4), (y - 0.012, depth * 1.02), (y * 0.6, depth * 1.1), (low, depth * 1.14)], 24)
    s = np.linspace(-1, 1, 31)
    round_off = np.clip((np.linspace(0, 1, 24) - 0.75) / 0.25, 0, 1)[:, None]
    points = np.stack([np.broadcast_to(s * x, (24, 31)) * (1 - 0.0 * round_off), np.repeat(line[:, :1], 31, 1), np.repeat(line[:, 1:], 31, 1)], -1)
    points[..., 1] += round_off * np.abs(s[None]) ** 6 * 0.035
    flap = grid(points[::-1])
    model.add(hide, flap)
    rim = np.concatenate([points[6:, 0], points[-1, 1:-1], points[:5:-1, -1]])
    model.add(trim, tube(rim, 0.003, sides=6))
    inset = points[6:, [2, -3]]
    edge = np.concatenate([inset[:-2, 0], points[-3, 3:-3], inset[-3::-1, 1]]) + [0, 0.0, 0.002]
    model.add(thread, *stitches(edge, 0.006))
    clasp = box(0.03, 0.026, 0.01, corner=0.004, edge=0.003, sides=20)
    model.add(gold, clasp.moved(0, low + 0.004, depth * 1.14))
    if chance.random() < 0.6:
        for side in (-1, 1):
            strap = [(side * x * 0.55, y * 0.75, depth * 1.12), (side * x * 0.55, low - 0.02, depth * 1.18)]
            model.add(trim, tube(strap, 0.011, flat=0.2, sides=8, up=(1, 0, 0)))
            model.add(gold, tube(curve([(side * x * 0.55 + dx, low + 0.015 + dy, depth * 1.2) for dx, dy in ((-0.014, -0.012), (0.014, -0.012), (0.014, 0.012), (-0.014, 0.012), (-0.014, -0.012))], 17), 0.002, sides=6))
    _arc(model, trim, x * chance.uniform(0.35, 0.95), y, 0.0, chance.uniform(0.06, 0.22), 0.0065, 0.7)


def _top_handle(model: Model, chance: random.Random, rings: np.ndarray, trim: Material, gold: Material, thread: Material) -> None:  # type: ignore[type-arg]
    top = rings[-1]
    x, y = float(np.abs(top[:, 0]).max()) * 0.55, float(top[0, 1])
    z = float(np.abs(top[:, 2]).max())
    for side in (-1, 1):
        _arc(model, trim, x, y, side * z * 0.6, chance.uniform(0.09, 0.13), 0.0075)
        for s in (-1, 1):
            ring = [(s * x + 0.011 * np.cos(t), y + 0.006 + 0.011 * np.sin(t), side * z * 0.8) for t in np.linspace(0, 2 * np.pi, 16, endpoint=False)]
            model.add(gold, tube(np.array(ring), 0.0024, sides=6, closed=True))
    model.add(gold, tube([(-x * 1.1, y + 0.003, 0), (x * 1.1, y + 0.003, 0)], 0.003))
    model.add(trim, patch(rings, (0.0, 0.18), (0.0, 1.0), 0.0018))
    if chance.random() < 0.6:
        strap = on_shell(rings, [(1.0, 0.5), (0.75, 0.5), (0.5, 0.5)], 0.004, 12)
        model.add(trim, tube(strap, 0.016, flat=0.2, sides=8, up=(1, 0, 0)))
        model.add(gold, box(0.026, 0.03, 0.008, corner=0.003, edge=0.002, sides=16).moved(*(strap[-1] - [0, 0.012, 0])))
    for c in (0.36, 0.64):
        model.add(thread, *stitches(on_shell(rings, [(0.2, c), (0.95, c)], 0.001, 24), 0.006))


def _bucket(model: Model, chance: random.Random, rings: np.ndarray, trim: Material, gold: Material, thread: Material) -> None:  # type: ignore[type-arg]
    y = float(rings[-1][0, 1])
    x = float(np.abs(rings[-1][:, 0]).max())
    cord = on_shell(rings, [(0.86, k / 12) for k in range(13)], 0.003, 80)
    model.add(trim, tube(cord[:-1], 0.003, sides=6, closed=True))
    for k in range(10):
        place = on_shell(rings, [(0.86, 0.05 + k / 10), (0.87, 0.05 + k / 10)], 0.003, 2)[0]
        model.add(gold, ball(0.0062, 10).moved(*place))
    knot = on_shell(rings, [(0.86, 0.5), (0.87, 0.5)], 0.006, 2)[0]
    for s in (-1, 1):
        model.add(trim, tube(curve([knot, knot + [s * 0.012, -0.04, 0.008], knot + [s * 0.016, -0.09, 0.004]], 12), 0.003, sides=6))
        model.add(trim, ball(0.006, 10).moved(*(knot + [s * 0.016, -0.092, 0.004])))
    _arc(model, trim, x, y, 0.0, chance.uniform(0.14, 0.2), 0.008, 0.5)
    model.add(trim, patch(rings, (0.0, 0.22), (0.0, 1.0), 0.002))
    model.add(thread, *stitches(on_shell(rings, [(0.24, k / 8) for k in range(9)], 0.0015, 60), 0.006))


def backpack(chance: random.Random) -> Design:
    """A school, hiking, roll-top or flap backpack."""
    style = chance.choice(("school backpack", "hiking backpack", "roll-top backpack", "flap backpack"))
    colour = chance.choice(CLOTH)
    pattern = chance.choice(("plain", "plain", "plain", "camouflage", "floral", "block", "dotted", "checked", "triangles"))
    cloth = (nylon if chance.random() < 0.5 else canvas)(shade(colour, chance)).but(crease_size=0.09, crease_depth=0.006, seed=chance.randrange(60))
    other = shade(companion(colour, chance), chance)
    if pattern == "block":
        cloth = cloth.but(pattern="block", second=other, third=cloth.first, repeat=0.5, shift=(0.0, 0.24))
    elif pattern != "plain":
        cloth = cloth.but(pattern=pattern, second=other, third=shade(chance.choice(CLOTH), chance), repeat={"camouflage": 0.09, "floral": 0.075}.get(pattern, 0.05))
    plain = cloth.plain()
    trim = leather(shade(chance.choice(("brown", "tan", "black")), chance)) if chance.random() < 0.4 else nylon(dimmed(cloth.first, 0.45))
    h = chance.uniform(0.42, 0.47)
    roll = style in ("roll-top backpack", "flap backpack")
    top = [(h * 0.9, 0.135, 0.07), (h, 0.125, 0.045)] if roll else [(h * 0.85, 0.14, 0.075), (h * 0.95, 0.11, 0.06), (h * 0.995, 0.06, 0.035), (h, 0.005, 0.004)]
    shell = body([(0.0, 0.12, 0.06), (0.012, 0.145, 0.08), (0.04, 0.155, 0.09), (h * 0.55, 0.152, 0.088), *top], 44, 3.4)
    rings = shell.rings
    model = Model()
    model.add(cloth, loft(rings))
    model.add(trim, patch(rings, (0.0, 0.3), (0.0, 1.0), 0.002))
    zip_teeth = metal(chance.choice(("steel", "brass", "black metal")), rough=0.3)
    pocket = prism(rounded_ring(0.22, 0.19 if not roll else 0.15, 0.045, 44), 0.045, round_top=0.025, puff=0.012).turned("x", 90)
    model.add(plain if pattern == "block" else cloth, pocket.moved(0, 0.04 + (0.19 if not roll else 0.15) / 2, 0.066))
    if style in ("school backpack", "hiking backpack"):
        model.add(zip_teeth, seam(on_shell(rings, [(0.55, 0.33), (0.72, 0.37), (0.83, 0.44), (0.86, 0.5), (0.83, 0.56), (0.72, 0.63), (0.55, 0.67)], 0.002, 40), 0.0028))
        model.add(zip_teeth, seam(curve([(-0.09, 0.19, 0.107), (0, 0.2, 0.113), (0.09, 0.19, 0.107)], 16), 0.0025))
        model.add(trim, tube([(0.085, 0.19, 0.11), (0.09, 0.16, 0.116)], 0.004, flat=0.5))
    if style == "flap backpack":
        _backpack_flap(model, cloth, trim, zip_teeth, h)
    elif style == "roll-top backpack":
        fold = [(x, h + 0.004 + 0.006 * np.cos(20 * x), 0.015) for x in np.linspace(-0.13, 0.13, 24)]
        model.add(cloth, tube(fold, 0.03, sides=20))
        for x in (-0.06, 0.06):
            model.add(trim, tube(curve([(x, h + 0.03, -0.02), (x, h + 0.035, 0.03), (x, h - 0.03, 0.07), (x, h * 0.55, 0.096), (x, h * 0.45, 0.098)], 20), 0.011, flat=0.2, up=(1, 0, 0)))
            model.add(zip_teeth, box(0.03, 0.024, 0.008, corner=0.004, edge=0.002, sides=16).moved(x, h * 0.5, 0.096))
    _backpack_straps(model, chance, style, trim, plain, h)
    return Design(model, style, colour, pattern, "nylon" if cloth.rough < 0.6 else "canvas")


def _backpack_flap(model: Model, cloth: Material, trim: Material, buckle: Material, h: float) -> None:
    line = curve([(h - 0.02, -0.06), (h + 0.022, -0.03), (h + 0.024, 0.03), (h - 0.03, 0.088), (h * 0.75, 0.1), (h * 0.55, 0.104)], 24)
    s = np.linspace(-1, 1, 27)
    fall = np.clip((np.linspace(0, 1, 24) - 0.6) / 0.4, 0, 1)[:, None]
    points = np.stack([np.broadcast_to(s * 0.148, (24, 27)) * (1 - 0.06 * fall), np.repeat(line[:, :1], 27, 1) + fall * np.abs(s[None]) ** 5 * 0.04, np.repeat(line[:, 1:], 27, 1) - 0.03 * np.abs(s[None]) ** 4], -1)
    model.add(cloth, grid(points[::-1]))
    rim = np.concatenate([points[4:, 0], points[-1, 1:-1], points[:3:-1, -1]])
    model.add(trim, tube(rim, 0.0035, sides=6))
    for x in (-0.065, 0.065):
        model.add(trim, tube([(x, h * 0.68, 0.107), (x, h * 0.42, 0.116)], 0.012, flat=0.2, up=(1, 0, 0)))
        model.add(buckle, box(0.034, 0.028, 0.008, corner=0.004, edge=0.003, sides=16).moved(x, h * 0.5, 0.112))


def _backpack_straps(model: Model, chance: random.Random, style: str, trim: Material, plain: Material, h: float) -> None:
    loop = curve([(-0.035, h - 0.01, -0.04), (-0.03, h + 0.035, -0.04), (0.03, h + 0.035, -0.04), (0.035, h - 0.01, -0.04)], 20)
    model.add(trim, tube(loop, 0.008, flat=0.5, up=(0, 0, 1)))
    for side in (-1, 1):
        strap = curve([(side * 0.06, h - 0.02, -0.07), (side * 0.11, h * 0.85, -0.12), (side * 0.17, h * 0.5, -0.12), (side * 0.15, 0.08, -0.08), (side * 0.12, 0.03, -0.06)], 26)
        model.add(trim, tube(strap, 0.026, flat=0.25, up=(1, 0, 0)))
        if style in ("hiking backpack", "school backpack"):
            side_pocket = prism(rounded_ring(0.11, 0.14, 0.02, 32), 0.02, round_top=0.012, puff=0.01).turned("z", -90 * side).turned("y", 0)
            model.add(plain.but(first=dimmed(plain.first, 0.85)), side_pocket.moved(side * 0.146, 0.12, 0.0))
        if style == "hiking backpack":
            model.add(trim, tube(curve([(side * 0.15, h * 0.8, 0.0), (side * 0.12, h * 0.72, 0.08), (0, h * 0.7, 0.098)], 14), 0.008, flat=0.25))
            model.add(trim, tube(curve([(side * 0.155, h * 0.5, 0.0), (side * 0.13, h * 0.5, 0.085), (side * 0.1, h * 0.5, 0.098)], 14), 0.008, flat=0.25))
    if style == "hiking backpack":
        mat = plastic(shade(chance.choice(("blue", "orange", "grey", "green", "yellow")), chance), gloss=0.6)
        model.add(mat, tube([(-0.17, -0.02, 0.05), (0.17, -0.02, 0.05)], 0.05, sides=24))
        model.add(trim, *(tube([(x, -0.02, 0.05), (x + 0.012, -0.02, 0.05)], 0.052, sides=24) for x in (-0.09, 0.08)))


def suitcase(chance: random.Random) -> Design:
    """A hard-shell case on wheels, ribbed or smooth, or a leather travel case."""
    style = chance.choice(("ribbed suitcase", "ribbed suitcase", "smooth suitcase", "vintage suitcase"))
    colour = chance.choice((*CLOTH, "grey", "black", "navy"))
    if style == "vintage suitcase":
        return _vintage(chance)
    tone = shade(colour, chance)
    shine = chance.choice((0.12, 0.3, 0.4))
    surface = plastic(tone, gloss=shine)
    material = "polycarbonate"
    if chance.random() < 0.2:
        surface, material = Material(dimmed(tone, 1.3), rough=0.3, metal=0.85, shine=0.5), "aluminium"
    wide, high, deep = 0.36 * chance.uniform(0.95, 1.1), chance.uniform(0.48, 0.6), 0.23
    model = Model()
    ring = rounded_ring(wide, high, 0.05, 120)
    half = prism(ring, deep / 2 - 0.003, round_top=0.035, steps=5, puff=0.004)
    if style == "ribbed suitcase":
        rib = chance.choice((0.028, 0.036, 0.048))
        surface = surface.but(bump="cord", bump_size=rib, bump_depth=rib * 0.16)
    front = half.turned("x", 90).moved(y=high / 2 + 0.045)
    model.add(surface, front.moved(z=0.003), front.turned("y", 180).moved(z=-0.003))
    dark = rubber(shade("black", chance))
    middle = np.stack([ring[:, 0], ring[:, 1] + high / 2 + 0.045, np.zeros(len(ring))], -1)
    model.add(dark, tube(middle * [1, 1, 1], 0.004, sides=8, closed=True))
    _wheels_and_handle(model, chance, wide, high, deep, dark)
    return Design(model, style, colour, "plain", material)


def _wheels_and_handle(model: Model, chance: random.Random, wide: float, high: float, deep: float, dark: Material) -> None:
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z = sx * (wide / 2 - 0.045), sz * (deep / 2 - 0.04)
            model.add(dark, tube([(x - 0.011, 0.022, z), (x + 0.011, 0.022, z)], 0.022, sides=20))
            model.add(dark, box(0.035, 0.028, 0.04, corner=0.01, edge=0.008, sides=20).moved(x, 0.028, z))
    chrome = metal("steel", rough=0.2)
    top = high + 0.045
    rise = chance.choice((0.03, 0.16, 0.24))
    for sx in (-1, 1):
        model.add(chrome, tube([(sx * 0.075, top - 0.02, -0.05), (sx * 0.075, top + rise, -0.05)], 0.0065, sides=10))
    model.add(dark, tube([(-0.085, top + rise, -0.05), (0.085, top + rise, -0.05)], 0.012, sides=12))
    grip = curve([(-0.06, top - 0.004, 0.03), (-0.05, top + 0.018, 0.03), (0.05, top + 0.018, 0.03), (0.06, top - 0.004, 0.03)], 20)
    model.add(dark, tube(grip, 0.008, flat=0.6, up=(0, 0, 1)))
    model.add(metal("steel", rough=0.3), box(0.05, 0.02, 0.004, corner=0.0019, edge=0.001, sides=16).moved(0.0, top - 0.09, deep / 2 + 0.003))


def _vintage(chance: random.Random) -> Design:
    colour = chance.choice(("brown", "tan", "burgundy", "olive", "navy", "black", "beige", "teal"))
    hide = leather(shade(colour, chance), grain=0.01)
    trim = leather(dimmed(shade(chance.choice(("brown", "tan")), chance), 0.8))
    gold = metal(chance.choice(("brass", "gold", "steel")), rough=0.2)
    wide, high, deep = chance.uniform(0.48, 0.58), chance.uniform(0.32, 0.38), 0.17
    model = Model()
    shell = box(wide, deep, high, corner=0.04, edge=0.025).turned("x", 90).moved(y=high / 2, z=-deep / 2)
    model.add(hide, shell)
    edge = rounded_ring(wide - 0.004, high - 0.004, 0.04, 80)
    for z in (deep / 2 - 0.006, 0.0, -deep / 2 + 0.006):
        path = np.stack([edge[:, 0] * 1.0, edge[:, 1] + high / 2, np.full(len(edge), z)], -1)
        model.add(trim, tube(path, 0.005, sides=8, closed=True))
    for x in (-wide * 0.28, wide * 0.28):
        strap = curve([(x, 0.0, deep / 2 - 0.01), (x, 0.03, deep / 2 + 0.004), (x, high - 0.03, deep / 2 + 0.004), (x, high + 0.004, deep / 2 - 0.02), (x, high + 0.006, -0.04)], 24)
        model.add(trim, tube(strap, 0.017, flat=0.2, up=(1, 0, 0)))
        model.add(gold, box(0.044, 0.036, 0.009, corner=0.004, edge=0.003, sides=16).moved(x, high * 0.66, deep / 2 + 0.004))
    for sx in (-1, 1):
        for sy in (0.0, 1.0):
            model.add(trim, box(0.07, 0.07, deep * 1.02, corner=0.02, edge=0.012, sides=24).moved(sx * (wide / 2 - 0.033), sy * (high - 0.07), 0.0))
    grip = curve([(-0.07, high, 0.0), (-0.06, high + 0.035, 0.0), (0.06, high + 0.035, 0.0), (0.07, high, 0.0)], 22)
    model.add(trim, tube(grip, 0.011))
    model.add(gold, *(ball(0.012, 12).moved(x, high, 0.0) for x in (-0.072, 0.072)))
    model.add(Material(linear("#d9c9a5")), box(0.06, 0.035, 0.003, corner=0.0014, edge=0.001, sides=16).moved(0.05, high * 0.3, deep / 2 + 0.001))
    return Design(model, "vintage suitcase", colour, "plain", "leather")

