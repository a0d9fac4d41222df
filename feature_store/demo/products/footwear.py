"""Sneakers and boots."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, loft, prism, tube
from feature_store.demo.materials import Material, canvas, leather, rubber, suede
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, LEATHER, companion, dimmed, shade
from feature_store.demo.products.shells import AROUND, F64, on_shell, patch

TOE, OUTER, HEEL = 0.75, 0.5, 0.25
"""Where the toe, the side towards the viewer and the heel are, as shares of the columns."""

SEAT = [(0.0, 0.030), (0.10, 0.034), (0.35, 0.032), (0.55, 0.040), (0.72, 0.047), (0.9, 0.042), (1.0, 0.034)]
"""Half width (metres) of a foot's outline by share of its length from the heel."""


@dataclass(frozen=True)
class Last:
    """The form a shoe is made on: stations (height, toe's x, heel's x, width factor), the
    pointedness of the toe (0 round, 1 pointed) and how far the heel is lifted, in metres."""

    stations: list[tuple[float, float, float, float]]
    pointed: float = 0.0
    lift: float = 0.0

    def ring(self, height: float, toe: float, heel: float, width: float) -> F64:
        """One outline (AROUND, 3) at a height."""
        angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, AROUND, endpoint=False)
        c, s = np.cos(angle), np.sin(angle)
        x = heel + (toe - heel) * (np.sign(c) * np.abs(c) ** 0.85 + 1) / 2
        share = np.clip((x + 0.14) / 0.285, 0, 1)
        half = np.interp(share, *np.array(SEAT).T) * width
        half = half * (1 - self.pointed * 0.75 * np.clip((share - 0.68) / 0.32, 0, 1) ** 1.3)
        z = np.sign(s) * np.abs(s) ** 0.72 * half
        z = z + 0.006 * np.clip(share - 0.6, 0, 1) * 2.5
        return np.stack([x, height + self.rise(x), z], -1)

    def rise(self, x: F64) -> F64:
        """How much the heel's lift raises the shoe at x."""
        t = np.clip((0.055 - x) / 0.13, 0, 1)
        spring = 0.009 * np.clip((x - 0.07) / 0.08, 0, 1.2) ** 2
        return np.asarray(self.lift * t * t * (3 - 2 * t) + spring)

    def upper(self, rows: int) -> F64:
        """The upper's rings (rows, AROUND, 3)."""
        return np.stack([self.ring(*station) for station in curve(self.stations, rows)])

    def sole(self, levels: list[tuple[float, float]]) -> Mesh:
        """A sole through (height, margin in metres) levels under the upper's first outline."""
        _, toe, heel, width = self.stations[0]
        rings = []
        for height, margin in levels:
            rings.append(self.ring(height, toe + margin, heel - margin, width * (1 + margin / 0.042)))
        rings.append(rings[-1] * [0.9, 1, 0.8])
        return loft(np.stack(rings))


def _lining(top: F64, surface: Material, model: Model, depth: float) -> None:
    """The dark inside of the shoe below its opening."""
    centre = top.mean(axis=0)
    inner = [top, *(centre + (top - centre) * f - [0, depth * d, 0] for f, d in ((0.88, 0.3), (0.72, 1.0), (0.0, 1.0)))]
    model.add(surface, loft(np.stack(inner)[::-1]).tinted(0.8))


def _laces(upper: F64, first: float, last: float, count: int, spread: float, surface: Material, model: Model) -> None:
    for k, row in enumerate(np.linspace(first, last, count)):
        wide = spread * (0.75 + 0.25 * k / count)
        path = on_shell(upper, [(row, TOE - wide), (row + 0.01, TOE - wide / 2), (row + 0.012, TOE), (row + 0.01, TOE + wide / 2), (row, TOE + wide)], 0.0035, 14)
        model.add(surface, tube(path, 0.0031, sides=6, flat=0.7))
        if k + 1 < count:
            step = (last - first) / count
            for side in (-1, 1):
                cross = on_shell(upper, [(row, TOE - side * wide), (row + step * 0.6, TOE), (row + step, TOE + side * wide)], 0.0025, 10)
                model.add(surface, tube(cross, 0.0026, sides=5))


def _bow(upper: F64, row: float, surface: Material, model: Model) -> None:
    knot = on_shell(upper, [(row, TOE), (row + 0.01, TOE)], 0.008, 2)[0]
    for side in (-1, 1):
        loop = curve([knot, knot + [0.012, 0.004, side * 0.02], knot + [0.02, -0.012, side * 0.03], knot + [0.008, -0.006, side * 0.012], knot], 16)
        tail = curve([knot, knot + [0.02, -0.008, side * 0.012], knot + [0.026, -0.024, side * 0.02]], 8)
        model.add(surface, tube(loop, 0.0024, sides=5), tube(tail, 0.0024, sides=5))


def sneaker(chance: random.Random) -> Design:
    """A running shoe, a court shoe, a canvas plimsoll or a high-top."""
    style = chance.choice(("running shoe", "court sneaker", "canvas sneaker", "high-top sneaker"))
    colour = chance.choice(CLOTH)
    base = shade(colour, chance)
    other = shade(companion(colour, chance), chance) if chance.random() < 0.7 else dimmed(base, 0.6)
    body = {"running shoe": canvas(base).but(bump_size=0.005), "court sneaker": leather(base, gloss=0.42), "canvas sneaker": canvas(base),
            "high-top sneaker": chance.choice((canvas, leather, suede))(base)}[style].but(crease_depth=0.0006)  # fmt: skip
    pattern = "plain"
    if style in ("canvas sneaker", "running shoe") and chance.random() < 0.35:
        pattern = chance.choice(("checked", "floral", "camouflage", "dotted", "leopard", "striped"))
        body = body.but(pattern=pattern, second=other, third=shade(chance.choice(CLOTH), chance), repeat=0.024, seed=chance.randrange(60))
    white = rubber(shade(chance.choice(("white", "white", "white", "beige", "black")), chance))
    model = Model()
    high = style == "high-top sneaker"
    toe_top = 0.06 if style != "canvas sneaker" else 0.056
    stations = [(0.024, 0.143, -0.14, 1.0), (0.042, 0.146, -0.143, 1.0), (toe_top, 0.134, -0.142, 0.97), (toe_top + 0.012, 0.103, -0.14, 0.9),
                (0.082, 0.066, -0.137, 0.84), (0.096, 0.034, -0.135, 0.81), (0.11, 0.008, -0.138, 0.85)]  # fmt: skip
    if high:
        stations += [(0.135, -0.016, -0.135, 0.9), (0.16, -0.022, -0.138, 0.95)]
    last = Last(stations)
    upper = last.upper(46 if high else 40)
    _dip(upper, 0.012 if not high else 0.004)
    model.add(body, loft(upper))
    if style == "running shoe":
        _runner_sole(model, chance, last, white, other)
    else:
        model.add(white, last.sole([(0.0, 0.0), (0.002, 0.005), (0.014, 0.007), (0.029, 0.006), (0.031, 0.003)]))
        model.add(rubber(other if style != "canvas sneaker" else shade("tan", chance)), last.sole([(0.0, 0.001), (0.006, 0.0066)]))
        if style != "court sneaker":
            line = last.ring(0.024, 0.143 + 0.0068, -0.14 - 0.0068, 1.16)
            model.add(rubber(other), tube(line, 0.0014, sides=5, closed=True))
    _panels(model, chance, upper, style, body, other, white)
    top = upper[-1]
    model.add(body.plain().but(first=dimmed(body.first, 0.85)), tube(top, 0.0055 if style != "canvas sneaker" else 0.003, sides=8, closed=True))
    _lining(top, canvas(dimmed(other, 0.7)), model, 0.045)
    tongue = on_shell(upper, [(0.62, TOE), (0.8, TOE), (1.0, TOE)], 0.002, 10)
    tongue = np.concatenate([tongue, tongue[-1:] + [[-0.002, 0.014, 0]], tongue[-1:] + [[-0.005, 0.024, 0]]])
    model.add(body.plain(), tube(tongue, 0.022, sides=10, flat=0.22, up=(0, 0, 1)))
    lace = canvas(shade(chance.choice(("white", "white", "black")), chance) if chance.random() < 0.7 else other).but(bump="smooth")
    _laces(upper, 0.5, 0.94, 7 if high else 5, 0.075, lace, model)
    _bow(upper, 0.95, lace, model)
    _pair(model, chance, 0.4)
    return Design(model, style, colour, pattern, "leather" if body.rough < 0.5 else ("suede" if body.bump == "fleece" else "canvas"))


def _dip(upper: F64, depth: float) -> None:
    """Lower the opening at the sides, as shoes are cut."""
    rows = len(upper)
    weight = np.clip((np.linspace(0, 1, rows) - 0.7) / 0.3, 0, 1)[:, None]
    side = np.abs(np.sin(np.linspace(1.5 * np.pi, -0.5 * np.pi, AROUND, endpoint=False)))[None] ** 2
    upper[..., 1] -= depth * weight * side


def _runner_sole(model: Model, chance: random.Random, last: Last, white: Material, other: tuple[float, float, float]) -> None:
    heel = chance.uniform(0.004, 0.014)
    thick = Last(last.stations, last.pointed, heel)
    levels = [(-0.002, -0.004), (0.002, 0.004), (0.012, 0.008), (0.022, 0.0075), (0.034, 0.006), (0.037, 0.002)]
    model.add(white, thick.sole(levels))
    model.add(rubber(other), thick.sole([(-0.006, -0.003), (0.001, 0.0045)]))
    for height in (0.018,):
        line = thick.ring(height, 0.143 + 0.0075, -0.14 - 0.0075, 1.175)
        model.add(rubber(dimmed(other, 0.9)), tube(line, 0.0016, sides=5, closed=True))


def _panels(
    model: Model, chance: random.Random, upper: F64, style: str, body: Material, other: tuple[float, float, float], white: Material
) -> None:
    """Toe cap, heel counter, eyelet stays, and the mark on the side."""
    trim = (suede if chance.random() < 0.4 else leather)(other).but(crease_depth=0.0)
    if style == "canvas sneaker" or (style == "high-top sneaker" and body.rough > 0.5):
        model.add(white, patch(upper, (0.0, 0.36), (TOE - 0.13, TOE + 0.13), 0.003))
    else:
        model.add(trim, patch(upper, (0.0, 0.34), (TOE - 0.15, TOE + 0.15), 0.0018))
    model.add(trim, patch(upper, (0.0, 0.62), (HEEL - 0.11, HEEL + 0.11), 0.0018))
    for side in (-1, 1):
        low, high = sorted((TOE + side * 0.05, TOE + side * 0.1))
        model.add(trim if style != "canvas sneaker" else body, patch(upper, (0.48, 0.98), (low, high), 0.0022))
    kind = chance.randrange(4) if style != "canvas sneaker" else 3
    mark = leather(other if chance.random() < 0.6 else white.first).but(crease_depth=0.0)
    for side in (1, -1):
        if kind == 0:
            for k in range(3):
                c = OUTER + side * (0.0 + 0.03 * k) if side > 0 else 1.0 + 0.03 * -k
                model.add(mark, tube(on_shell(upper, [(0.05, c + 0.035), (0.75, c - 0.01)], 0.0016, 10), 0.0052, flat=0.3, sides=8))
        elif kind == 1:
            c = OUTER if side > 0 else 1.0
            sweep = on_shell(upper, [(0.35, c + side * -0.12), (0.12, c + side * -0.02), (0.3, c + side * 0.08), (0.62, c + side * 0.14)], 0.0018, 20)
            model.add(mark, tube(sweep, np.linspace(0.002, 0.011, 20), flat=0.25, sides=8))
        elif kind == 2:
            c = OUTER if side > 0 else 1.0
            for turn in (0.05, -0.05):
                line = on_shell(upper, [(0.1, c - turn), (0.7, c + turn)], 0.0017, 10)
                model.add(mark, tube(line, 0.005, flat=0.3, sides=8))


def _pair(model: Model, chance: random.Random, share: float) -> None:
    """Sometimes stand the second shoe behind the first."""
    if chance.random() > share:
        return
    for mesh, material in list(model.parts):
        other = mesh.scaled(1, 1, -1).turned("y", 8)
        model.parts.append((other.moved(-0.03, 0.0, -0.125), material))


def boot(chance: random.Random) -> Design:
    """A Chelsea, work, cowboy or rubber boot."""
    style = chance.choice(("Chelsea boot", "work boot", "cowboy boot", "rubber boot"))
    palette = ("green", "navy", "yellow", "red", "black", "olive", "pink", "teal") if style == "rubber boot" else LEATHER
    colour = chance.choice(palette)
    tone = shade(colour, chance)
    hide = rubber(tone).but(rough=0.18, shine=0.05) if style == "rubber boot" else (
        suede(tone) if chance.random() < 0.3 else leather(tone, gloss=chance.uniform(0.25, 0.42)))  # fmt: skip
    tall = {"Chelsea boot": 0.2, "work boot": 0.215, "cowboy boot": 0.33, "rubber boot": 0.36}[style] * chance.uniform(0.94, 1.06)
    wide = {"cowboy boot": 1.25, "rubber boot": 1.3}.get(style, 1.02)
    toe = 0.168 if style == "cowboy boot" else 0.146
    back = -0.155 if style in ("cowboy boot", "rubber boot") else -0.146
    front = 0.035 if style in ("cowboy boot", "rubber boot") else 0.0
    stations = [(0.02, toe, -0.14, 1.0), (0.042, toe + 0.001, -0.143, 1.0), (0.06, toe - 0.012, -0.142, 0.97), (0.074, 0.103, -0.14, 0.92),
                (0.088, 0.06, -0.137, 0.88), (0.105, 0.028, -0.134, 0.88), (0.13, 0.006, -0.131, 0.95), (0.6 * tall + 0.04, -0.004 + front * 0.6, -0.138, wide * 0.96), (tall, front, back, wide)]  # fmt: skip
    last = Last(stations, pointed={"cowboy boot": 0.75, "Chelsea boot": 0.25}.get(style, 0.0), lift={"cowboy boot": 0.045, "Chelsea boot": 0.018}.get(style, 0.012))
    upper = last.upper(64)
    if style == "cowboy boot":
        upper[..., 1] += 0.03 * np.clip((np.linspace(0, 1, 64) - 0.75) / 0.25, 0, 1)[:, None] * (np.cos(2 * np.linspace(1.5 * np.pi, -0.5 * np.pi, AROUND, endpoint=False)) * -1)[None]
    model = Model()
    model.add(hide, loft(upper))
    dark = rubber(shade(chance.choice(("black", "brown", "black", "beige")), chance))
    thick = 0.014 if style == "work boot" else 0.006
    model.add(dark, last.sole([(-thick, 0.002), (-thick + 0.003, 0.006), (0.012, 0.0065), (0.018, 0.005)]))
    outline = last.ring(0.0, last.stations[0][1], -0.147, 1.05)
    heel = outline[outline[:, 0] < -0.06]
    heel_height = last.lift + thick + 0.016
    block = prism(heel[:, (0, 2)], heel_height, rows=2)
    model.add(dark, block.moved(y=-thick - 0.012))
    welt = last.ring(0.017, toe + 0.006, -0.146, 1.13)
    model.add(rubber(shade(chance.choice(("tan", "brown", "beige")), chance)), tube(welt, 0.0018, sides=5, closed=True))
    _boot_details(model, chance, style, upper, hide)
    model.add(hide.but(first=dimmed(hide.first, 0.8)), tube(upper[-1], 0.004, sides=8, closed=True))
    _lining(upper[-1], suede(dimmed(shade("tan", chance), 0.6)), model, 0.03)
    _pair(model, chance, 0.35)
    return Design(model, style, colour, "plain", "rubber" if style == "rubber boot" else ("suede" if hide.rough > 0.5 else "leather"))


def _boot_details(model: Model, chance: random.Random, style: str, upper: F64, hide: Material) -> None:
    if style == "Chelsea boot":
        elastic = canvas(dimmed(hide.first, 0.35)).but(bump="cord", bump_size=0.004, bump_depth=0.0018)
        for c in (OUTER, 1.0):
            model.add(elastic, patch(upper, (0.6, 0.97), (c - 0.075, c + 0.075), 0.0012))
        tab = on_shell(upper, [(0.86, HEEL), (0.96, HEEL), (1.0, HEEL)], 0.003, 10)
        loop = np.concatenate([tab, tab[-1:] + [[-0.002, 0.02, 0]], tab[-1:] + [[0.006, 0.02, 0]], tab[-1:] + [[0.006, 0, 0]]])
        model.add(elastic, tube(loop, 0.009, flat=0.2, sides=8, up=(0, 0, 1)))
    elif style == "work boot":
        lace = canvas(shade(chance.choice(("yellow", "brown", "black", "red")), chance)).but(bump="smooth")
        for side in (-1, 1):
            low, high = sorted((TOE + side * 0.045, TOE + side * 0.1))
            model.add(hide.but(first=dimmed(hide.first, 0.85)), patch(upper, (0.42, 0.99), (low, high), 0.002))
        _laces(upper, 0.44, 0.95, 7, 0.07, lace, model)
        _bow(upper, 0.96, lace, model)
        model.add(hide.but(first=dimmed(hide.first, 0.6)), patch(upper, (0.0, 0.24), (TOE - 0.16, TOE + 0.16), 0.003),
                  patch(upper, (0.0, 0.3), (HEEL - 0.12, HEEL + 0.12), 0.003))  # fmt: skip
        model.add(suede(dimmed(hide.first, 0.7)), tube(upper[-1], 0.011, sides=10, closed=True))
    elif style == "cowboy boot":
        thread = Material(shade(companion("brown", chance), chance))
        for c in (OUTER, 1.0):
            for wide in (0.05, 0.075, 0.1):
                line = on_shell(upper, [(0.5, c - wide * 0.4), (0.7, c - wide), (0.88, c - wide * 0.5), (0.95, c), (0.88, c + wide * 0.5), (0.7, c + wide), (0.5, c + wide * 0.4)], 0.0012, 30)
                model.add(thread, tube(line, 0.0013, sides=4))
        for wide in (0.06, 0.09):
            line = on_shell(upper, [(0.05, TOE - wide), (0.2, TOE - wide * 0.8), (0.3, TOE), (0.2, TOE + wide * 0.8), (0.05, TOE + wide)], 0.0012, 24)
            model.add(thread, tube(line, 0.0013, sides=4))
    else:
        band = rubber(dimmed(hide.first, 0.5)).but(rough=0.25)
        model.add(band, patch(upper, (0.95, 1.0), (0.0, 1.0), 0.003), patch(upper, (0.0, 0.12), (0.0, 1.0), 0.002))
        model.add(band, patch(upper, (0.0, 0.2), (TOE - 0.13, TOE + 0.13), 0.0025))
