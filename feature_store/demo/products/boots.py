"""Boots."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import loft, tube
from feature_store.demo.materials import Material, canvas, leather, rubber, suede
from feature_store.demo.model import Model
from feature_store.demo.palette import LEATHER, companion, dimmed, shade
from feature_store.demo.products.lasts import HEEL, OUTER, TOE, Last, bow, laces, lining, pair
from feature_store.demo.products.shells import AROUND, F64, on_shell, patch
from feature_store.demo.solids import prism


def boot(chance: random.Random) -> Design:
    """A Chelsea, work, cowboy or rubber boot."""
    style = chance.choice(("Chelsea boot", "work boot", "cowboy boot", "rubber boot"))
    palette = (
        ("green", "navy", "yellow", "red", "black", "olive", "pink", "teal")
        if style == "rubber boot"
        else LEATHER
    )
    colour = chance.choice(palette)
    tone = shade(colour, chance)
    hide = (
        rubber(tone).but(rough=0.18, shine=0.05)
        if style == "rubber boot"
        else (
            suede(tone)
            if chance.random() < 0.3
            else leather(tone, gloss=chance.uniform(0.25, 0.42))
        )
    )
    tall = {"Chelsea boot": 0.2, "work boot": 0.215, "cowboy boot": 0.33, "rubber boot": 0.36}[
        style
    ] * chance.uniform(0.94, 1.06)
    wide = {"cowboy boot": 1.25, "rubber boot": 1.3}.get(style, 1.02)
    toe = 0.168 if style == "cowboy boot" else 0.146
    back = -0.155 if style in ("cowboy boot", "rubber boot") else -0.146
    front = 0.035 if style in ("cowboy boot", "rubber boot") else 0.0
    stations = [
        (0.02, toe, -0.14, 1.0),
        (0.042, toe + 0.001, -0.143, 1.0),
        (0.06, toe - 0.012, -0.142, 0.97),
        (0.074, 0.103, -0.14, 0.92),
        (0.088, 0.06, -0.137, 0.88),
        (0.105, 0.028, -0.134, 0.88),
        (0.13, 0.006, -0.131, 0.95),
        (0.6 * tall + 0.04, -0.004 + front * 0.6, -0.138, wide * 0.96),
        (tall, front, back, wide),
    ]
    last = Last(
        stations,
        pointed={"cowboy boot": 0.75, "Chelsea boot": 0.25}.get(style, 0.0),
        lift={"cowboy boot": 0.045, "Chelsea boot": 0.018}.get(style, 0.012),
    )
    upper = last.upper(64)
    if style == "cowboy boot":
        upper[..., 1] += (
            0.03
            * np.clip((np.linspace(0, 1, 64) - 0.75) / 0.25, 0, 1)[:, None]
            * (np.cos(2 * np.linspace(1.5 * np.pi, -0.5 * np.pi, AROUND, endpoint=False)) * -1)[
                None
            ]
        )
    model = Model()
    model.add(hide, loft(upper))
    dark = rubber(shade(chance.choice(("black", "brown", "black", "beige")), chance))
    thick = 0.014 if style == "work boot" else 0.006
    model.add(
        dark, last.sole([(-thick, 0.002), (-thick + 0.003, 0.006), (0.012, 0.0065), (0.018, 0.005)])
    )
    outline = last.ring(0.0, last.stations[0][1], -0.147, 1.05)
    heel = outline[outline[:, 0] < -0.06]
    heel_height = last.lift + thick + 0.016
    block = prism(heel[:, (0, 2)], heel_height, rows=2)
    model.add(dark, block.moved(y=-thick - 0.012))
    welt = last.ring(0.017, toe + 0.006, -0.146, 1.13)
    model.add(
        rubber(shade(chance.choice(("tan", "brown", "beige")), chance)),
        tube(welt, 0.0018, sides=5, closed=True),
    )
    _boot_details(model, chance, style, upper, hide)
    model.add(hide.but(first=dimmed(hide.first, 0.8)), tube(upper[-1], 0.004, sides=8, closed=True))
    lining(upper[-1], suede(dimmed(shade("tan", chance), 0.6)), model, 0.03)
    pair(model, chance, 0.35)
    return Design(
        model,
        style,
        colour,
        "plain",
        "rubber" if style == "rubber boot" else ("suede" if hide.rough > 0.5 else "leather"),
    )


def _boot_details(
    model: Model, chance: random.Random, style: str, upper: F64, hide: Material
) -> None:
    if style == "Chelsea boot":
        elastic = canvas(dimmed(hide.first, 0.35)).but(
            bump="cord", bump_size=0.004, bump_depth=0.0018
        )
        for c in (OUTER, 1.0):
            model.add(elastic, patch(upper, (0.6, 0.97), (c - 0.075, c + 0.075), 0.0012))
        tab = on_shell(upper, [(0.86, HEEL), (0.96, HEEL), (1.0, HEEL)], 0.003, 10)
        loop = np.concatenate(
            [
                tab,
                tab[-1:] + [[-0.002, 0.02, 0]],
                tab[-1:] + [[0.006, 0.02, 0]],
                tab[-1:] + [[0.006, 0, 0]],
            ]
        )
        model.add(elastic, tube(loop, 0.009, flat=0.2, sides=8, up=(0, 0, 1)))
    elif style == "work boot":
        lace = canvas(shade(chance.choice(("yellow", "brown", "black", "red")), chance)).but(
            bump="smooth"
        )
        for side in (-1, 1):
            low, high = sorted((TOE + side * 0.045, TOE + side * 0.1))
            model.add(
                hide.but(first=dimmed(hide.first, 0.85)),
                patch(upper, (0.42, 0.99), (low, high), 0.002),
            )
        laces(upper, 0.44, 0.95, 7, 0.07, lace, model)
        bow(upper, 0.96, lace, model)
        model.add(
            hide.but(first=dimmed(hide.first, 0.6)),
            patch(upper, (0.0, 0.24), (TOE - 0.16, TOE + 0.16), 0.003),
            patch(upper, (0.0, 0.3), (HEEL - 0.12, HEEL + 0.12), 0.003),
        )
        model.add(suede(dimmed(hide.first, 0.7)), tube(upper[-1], 0.011, sides=10, closed=True))
    elif style == "cowboy boot":
        thread = Material(shade(companion("brown", chance), chance))
        for c in (OUTER, 1.0):
            for wide in (0.05, 0.075, 0.1):
                line = on_shell(
                    upper,
                    [
                        (0.5, c - wide * 0.4),
                        (0.7, c - wide),
                        (0.88, c - wide * 0.5),
                        (0.95, c),
                        (0.88, c + wide * 0.5),
                        (0.7, c + wide),
                        (0.5, c + wide * 0.4),
                    ],
                    0.0012,
                    30,
                )
                model.add(thread, tube(line, 0.0013, sides=4))
        for wide in (0.06, 0.09):
            line = on_shell(
                upper,
                [
                    (0.05, TOE - wide),
                    (0.2, TOE - wide * 0.8),
                    (0.3, TOE),
                    (0.2, TOE + wide * 0.8),
                    (0.05, TOE + wide),
                ],
                0.0012,
                24,
            )
            model.add(thread, tube(line, 0.0013, sides=4))
    else:
        band = rubber(dimmed(hide.first, 0.5)).but(rough=0.25)
        model.add(
            band,
            patch(upper, (0.95, 1.0), (0.0, 1.0), 0.003),
            patch(upper, (0.0, 0.12), (0.0, 1.0), 0.002),
        )
        model.add(band, patch(upper, (0.0, 0.2), (TOE - 0.13, TOE + 0.13), 0.0025))
