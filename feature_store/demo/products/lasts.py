"""The last that shoes and boots are made on, and what both are closed with."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from feature_store.demo.geometry import Mesh, curve, loft, tube
from feature_store.demo.materials import Material
from feature_store.demo.model import Model
from feature_store.demo.products.shells import AROUND, F64, on_shell

TOE, OUTER, HEEL = 0.75, 0.5, 0.25
"""Where the toe, the side towards the viewer and the heel are, as shares of the columns."""


SEAT = [
    (0.0, 0.030),
    (0.10, 0.034),
    (0.35, 0.032),
    (0.55, 0.040),
    (0.72, 0.047),
    (0.9, 0.042),
    (1.0, 0.034),
]
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
            rings.append(
                self.ring(height, toe + margin, heel - margin, width * (1 + margin / 0.042))
            )
        rings.append(rings[-1] * [0.9, 1, 0.8])
        return loft(np.stack(rings))


def lining(top: F64, surface: Material, model: Model, depth: float) -> None:
    """The dark inside of the shoe below its opening."""
    centre = top.mean(axis=0)
    inner = [
        top,
        *(
            centre + (top - centre) * f - [0, depth * d, 0]
            for f, d in ((0.88, 0.3), (0.72, 1.0), (0.0, 1.0))
        ),
    ]
    model.add(surface, loft(np.stack(inner)[::-1]).tinted(0.8))


def laces(
    upper: F64,
    first: float,
    last: float,
    count: int,
    spread: float,
    surface: Material,
    model: Model,
) -> None:
    """Criss-crossed laces over the instep, from row share `first` to `last`."""
    for k, row in enumerate(np.linspace(first, last, count)):
        wide = spread * (0.75 + 0.25 * k / count)
        path = on_shell(
            upper,
            [
                (row, TOE - wide),
                (row + 0.01, TOE - wide / 2),
                (row + 0.012, TOE),
                (row + 0.01, TOE + wide / 2),
                (row, TOE + wide),
            ],
            0.0035,
            14,
        )
        model.add(surface, tube(path, 0.0031, sides=6, flat=0.7))
        if k + 1 < count:
            step = (last - first) / count
            for side in (-1, 1):
                cross = on_shell(
                    upper,
                    [
                        (row, TOE - side * wide),
                        (row + step * 0.6, TOE),
                        (row + step, TOE + side * wide),
                    ],
                    0.0025,
                    10,
                )
                model.add(surface, tube(cross, 0.0026, sides=5))


def bow(upper: F64, row: float, surface: Material, model: Model) -> None:
    """The bow in which the laces end, at a row share."""
    knot = on_shell(upper, [(row, TOE), (row + 0.01, TOE)], 0.008, 2)[0]
    for side in (-1, 1):
        loop = curve(
            [
                knot,
                knot + [0.012, 0.004, side * 0.02],
                knot + [0.02, -0.012, side * 0.03],
                knot + [0.008, -0.006, side * 0.012],
                knot,
            ],
            16,
        )
        tail = curve(
            [knot, knot + [0.02, -0.008, side * 0.012], knot + [0.026, -0.024, side * 0.02]], 8
        )
        model.add(surface, tube(loop, 0.0024, sides=5), tube(tail, 0.0024, sides=5))


def pair(model: Model, chance: random.Random, share: float) -> None:
    """Sometimes stand the second shoe behind the first."""
    if chance.random() > share:
        return
    for mesh, material in list(model.parts):
        other = mesh.scaled(1, 1, -1).turned("y", 8)
        model.parts.append((other.moved(-0.03, 0.0, -0.125), material))
