"""Sneakers."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import loft, tube
from feature_store.demo.materials import Material, canvas, leather, rubber, suede
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, companion, dimmed, shade
from feature_store.demo.products.lasts import HEEL, OUTER, TOE, Last, bow, laces, lining, pair
from feature_store.demo.products.shells import AROUND, F64, on_shell, patch


def sneaker(chance: random.Random) -> Design:
    """A running shoe, a court shoe, a canvas plimsoll or a high-top."""
    style = chance.choice(("running shoe", "court sneaker", "canvas sneaker", "high-top sneaker"))
    colour = chance.choice(CLOTH)
    base = shade(colour, chance)
    other = shade(companion(colour, chance), chance) if chance.random() < 0.7 else dimmed(base, 0.6)
    body = {
        "running shoe": canvas(base).but(bump_size=0.005),
        "court sneaker": leather(base, gloss=0.42),
        "canvas sneaker": canvas(base),
        "high-top sneaker": chance.choice((canvas, leather, suede))(base),
    }[style].but(crease_depth=0.0006)
    pattern = "plain"
    if style in ("canvas sneaker", "running shoe") and chance.random() < 0.35:
        pattern = chance.choice(("checked", "floral", "camouflage", "dotted", "leopard", "striped"))
        body = body.but(
            pattern=pattern,
            second=other,
            third=shade(chance.choice(CLOTH), chance),
            repeat=0.024,
            seed=chance.randrange(60),
        )
    white = rubber(shade(chance.choice(("white", "white", "white", "beige", "black")), chance))
    model = Model()
    high = style == "high-top sneaker"
    toe_top = 0.06 if style != "canvas sneaker" else 0.056
    stations = [
        (0.024, 0.143, -0.14, 1.0),
        (0.042, 0.146, -0.143, 1.0),
        (toe_top, 0.134, -0.142, 0.97),
        (toe_top + 0.012, 0.103, -0.14, 0.9),
        (0.082, 0.066, -0.137, 0.84),
        (0.096, 0.034, -0.135, 0.81),
        (0.11, 0.008, -0.138, 0.85),
    ]
    if high:
        stations += [(0.135, -0.016, -0.135, 0.9), (0.16, -0.022, -0.138, 0.95)]
    last = Last(stations)
    upper = last.upper(46 if high else 40)
    _dip(upper, 0.012 if not high else 0.004)
    model.add(body, loft(upper))
    if style == "running shoe":
        _runner_sole(model, chance, last, white, other)
    else:
        model.add(
            white,
            last.sole([(0.0, 0.0), (0.002, 0.005), (0.014, 0.007), (0.029, 0.006), (0.031, 0.003)]),
        )
        model.add(
            rubber(other if style != "canvas sneaker" else shade("tan", chance)),
            last.sole([(0.0, 0.001), (0.006, 0.0066)]),
        )
        if style != "court sneaker":
            line = last.ring(0.024, 0.143 + 0.0068, -0.14 - 0.0068, 1.16)
            model.add(rubber(other), tube(line, 0.0014, sides=5, closed=True))
    _panels(model, chance, upper, style, body, other, white)
    top = upper[-1]
    model.add(
        body.plain().but(first=dimmed(body.first, 0.85)),
        tube(top, 0.0055 if style != "canvas sneaker" else 0.003, sides=8, closed=True),
    )
    lining(top, canvas(dimmed(other, 0.7)), model, 0.045)
    tongue = on_shell(upper, [(0.62, TOE), (0.8, TOE), (1.0, TOE)], 0.002, 10)
    tongue = np.concatenate(
        [tongue, tongue[-1:] + [[-0.002, 0.014, 0]], tongue[-1:] + [[-0.005, 0.024, 0]]]
    )
    model.add(body.plain(), tube(tongue, 0.022, sides=10, flat=0.22, up=(0, 0, 1)))
    lace = canvas(
        shade(chance.choice(("white", "white", "black")), chance)
        if chance.random() < 0.7
        else other
    ).but(bump="smooth")
    laces(upper, 0.5, 0.94, 7 if high else 5, 0.075, lace, model)
    bow(upper, 0.95, lace, model)
    pair(model, chance, 0.4)
    return Design(
        model,
        style,
        colour,
        pattern,
        "leather" if body.rough < 0.5 else ("suede" if body.bump == "fleece" else "canvas"),
    )


def _dip(upper: F64, depth: float) -> None:
    """Lower the opening at the sides, as shoes are cut."""
    rows = len(upper)
    weight = np.clip((np.linspace(0, 1, rows) - 0.7) / 0.3, 0, 1)[:, None]
    side = np.abs(np.sin(np.linspace(1.5 * np.pi, -0.5 * np.pi, AROUND, endpoint=False)))[None] ** 2
    upper[..., 1] -= depth * weight * side


def _runner_sole(
    model: Model,
    chance: random.Random,
    last: Last,
    white: Material,
    other: tuple[float, float, float],
) -> None:
    heel = chance.uniform(0.004, 0.014)
    thick = Last(last.stations, last.pointed, heel)
    levels = [
        (-0.002, -0.004),
        (0.002, 0.004),
        (0.012, 0.008),
        (0.022, 0.0075),
        (0.034, 0.006),
        (0.037, 0.002),
    ]
    model.add(white, thick.sole(levels))
    model.add(rubber(other), thick.sole([(-0.006, -0.003), (0.001, 0.0045)]))
    for height in (0.018,):
        line = thick.ring(height, 0.143 + 0.0075, -0.14 - 0.0075, 1.175)
        model.add(rubber(dimmed(other, 0.9)), tube(line, 0.0016, sides=5, closed=True))


def _panels(
    model: Model,
    chance: random.Random,
    upper: F64,
    style: str,
    body: Material,
    other: tuple[float, float, float],
    white: Material,
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
        model.add(
            trim if style != "canvas sneaker" else body,
            patch(upper, (0.48, 0.98), (low, high), 0.0022),
        )
    kind = chance.randrange(4) if style != "canvas sneaker" else 3
    mark = leather(other if chance.random() < 0.6 else white.first).but(crease_depth=0.0)
    for side in (1, -1):
        if kind == 0:
            for k in range(3):
                c = OUTER + side * (0.0 + 0.03 * k) if side > 0 else 1.0 + 0.03 * -k
                model.add(
                    mark,
                    tube(
                        on_shell(upper, [(0.05, c + 0.035), (0.75, c - 0.01)], 0.0016, 10),
                        0.0052,
                        flat=0.3,
                        sides=8,
                    ),
                )
        elif kind == 1:
            c = OUTER if side > 0 else 1.0
            sweep = on_shell(
                upper,
                [
                    (0.35, c + side * -0.12),
                    (0.12, c + side * -0.02),
                    (0.3, c + side * 0.08),
                    (0.62, c + side * 0.14),
                ],
                0.0018,
                20,
            )
            model.add(mark, tube(sweep, np.linspace(0.002, 0.011, 20), flat=0.25, sides=8))
        elif kind == 2:
            c = OUTER if side > 0 else 1.0
            for turn in (0.05, -0.05):
                line = on_shell(upper, [(0.1, c - turn), (0.7, c + turn)], 0.0017, 10)
                model.add(mark, tube(line, 0.005, flat=0.3, sides=8))
