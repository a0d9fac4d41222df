"""Headphones."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, loft, tube
from feature_store.demo.materials import (
    Material,
    leather,
    metal,
    plastic,
    rubber,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import shade


def headphones(chance: random.Random) -> Design:
    """Over-ear headphones: padded band, cups and cushions."""
    style = chance.choice(("over-ear headphones", "studio headphones", "retro headphones"))
    colour = chance.choice(
        (
            "black",
            "white",
            "grey",
            "red",
            "blue",
            "navy",
            "pink",
            "teal",
            "beige",
            "green",
            "orange",
            "yellow",
            "purple",
        )
    )
    shell = plastic(shade(colour, chance), gloss=chance.choice((0.1, 0.3, 0.42)))
    pad = leather(
        shade(chance.choice(("black", "black", "brown", "tan", "white", "grey")), chance),
        grain=0.003,
    ).but(crease_size=0.012, crease_depth=0.0006)
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
    cup_r = {
        "over-ear headphones": (0.034, 0.042),
        "studio headphones": (0.039, 0.039),
        "retro headphones": (0.03, 0.03),
    }[style]
    for side in (-1, 1):
        _ear_cup(model, side, wide, cup_r, shell, pad, chrome, style)
    if style == "studio headphones" or chance.random() < 0.25:
        cord = [
            (wide, 0.03, 0.0),
            (wide + 0.004, 0.012, 0.01),
            (wide - 0.02, 0.004, 0.07),
            (-0.02, 0.004, 0.09),
            (-0.07, 0.004, 0.06),
            (-0.1, 0.004, 0.1),
        ]
        model.add(rubber(shade("black", chance)), tube(curve(cord, 44), 0.0022, sides=8))
    return Design(
        model, style, colour, "plain", "leather" if style != "retro headphones" else "metal"
    )


def _ear_cup(
    model: Model,
    side: int,
    wide: float,
    radius: tuple[float, float],
    shell: Material,
    pad: Material,
    chrome: Material,
    style: str,
) -> None:
    rx, ry = radius
    angle = np.linspace(2 * np.pi, 0, 44, endpoint=False)

    def rings(levels: list[tuple[float, float]]) -> Mesh:
        out = np.stack(
            [
                np.stack([np.full(44, x), ry * f * np.sin(angle), rx * f * np.cos(angle)], -1)
                for x, f in levels
            ]
        )
        mesh = loft(out)
        return (
            (mesh if side > 0 else mesh.scaled(-1, 1, 1))
            .turned("z", -6 * side)
            .moved(side * wide * 0.97, 0.062, 0)
        )

    model.add(
        shell,
        rings(
            [
                (-0.004, 0.0),
                (-0.004, 0.9),
                (0.0, 0.97),
                (0.012, 0.95),
                (0.019, 0.86),
                (0.023, 0.7),
                (0.0235, 0.0),
            ]
        ),
    )
    model.add(chrome, rings([(0.0195, 0.8), (0.0225, 0.74), (0.024, 0.7), (0.0235, 0.66)]))
    model.add(
        pad,
        rings(
            [
                (-0.026, 0.0),
                (-0.02, 0.45),
                (-0.026, 0.55),
                (-0.03, 0.72),
                (-0.028, 0.9),
                (-0.02, 1.02),
                (-0.01, 1.04),
                (-0.003, 0.98),
            ]
        ),
    )
    arm = [
        (side * wide * 1.03, 0.105, 0),
        (side * (wide + 0.008), 0.09, 0),
        (side * (wide + 0.014), 0.062, 0),
    ]
    for dz in (-1, 1):
        fork = curve(
            [
                (arm[0][0], arm[0][1], 0),
                (arm[1][0] * 1.02, arm[1][1], dz * rx * 0.8),
                (side * (wide + 0.008), 0.062, dz * rx * 1.02),
            ],
            14,
        )
        model.add(chrome, tube(fork, 0.0024, sides=8))
    if style != "retro headphones":
        model.add(
            chrome,
            tube(
                [(side * wide * 1.0, 0.1, 0), (side * wide * 0.99, 0.125, 0)],
                0.006,
                flat=0.5,
                up=(0, 0, 1),
            ),
        )
