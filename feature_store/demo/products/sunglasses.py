"""Sunglasses."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, loft, tube
from feature_store.demo.materials import (
    Material,
    metal,
    plastic,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import dimmed, linear, shade
from feature_store.demo.products.shells import F64

LENSES = ("#1c1d20", "#2b2118", "#1d2a22", "#3a2a45", "#16324f", "#6a3a1a")


def sunglasses(chance: random.Random) -> Design:
    """Square, round, cat-eye or aviator sunglasses."""
    style = chance.choice(
        ("square sunglasses", "round sunglasses", "cat-eye sunglasses", "aviator sunglasses")
    )
    wire = style == "aviator sunglasses" or (style == "round sunglasses" and chance.random() < 0.6)
    colour = chance.choice(
        (
            "black",
            "brown",
            "tan",
            "red",
            "blue",
            "green",
            "white",
            "pink",
            "purple",
            "teal",
            "orange",
            "navy",
            "yellow",
        )
    )
    if wire:
        name = chance.choice(("gold", "steel", "black metal", "copper"))
        frame, colour = (
            metal(name, rough=0.1),
            {"gold": "yellow", "steel": "grey", "black metal": "black", "copper": "brown"}[name],
        )
    else:
        frame = plastic(shade(colour, chance), gloss=0.12)
        if colour in ("brown", "tan") or chance.random() < 0.15:
            frame = frame.but(
                pattern="camouflage",
                second=linear("#2a160b"),
                third=linear("#8a4f22"),
                repeat=0.014,
            )
    tint = linear(chance.choice(LENSES))
    lens = Material(
        tint, dimmed(tint, 4.0), pattern="ombre", repeat=0.03, angle=math.pi, rough=0.03, shine=0.09
    )
    model = Model()
    outline = _lens_outline(style, chance)
    thick = 0.0011 if wire else chance.uniform(0.0024, 0.0036)
    gap = 0.009 if not wire else 0.01
    half = float(outline[:, 0].max())
    bend = 0.006
    for side in (-1, 1):
        rim = np.stack(
            [
                side * (outline[:, 0] + half + gap),
                outline[:, 1],
                -bend * ((outline[:, 0] + half) / half) ** 2,
            ],
            -1,
        )
        model.add(frame, tube(rim, thick, sides=10, closed=True))
        centre = rim.mean(axis=0)
        rings = np.stack(
            [
                centre + (rim - centre) * f + [0, 0, 0.0024 * (1 - f * f)]
                for f in (1.0, 0.75, 0.45, 0.0)
            ]
        )
        skin = loft(rings if side > 0 else rings[:, ::-1])
        model.add(lens, _mapped(skin))
        hinge = rim[np.argmax(side * rim[:, 0] + 0.6 * rim[:, 1])]
        ear = [
            hinge,
            hinge + [side * 0.004, 0.001, -0.004],
            hinge + [side * 0.006, 0.001, -0.06],
            hinge + [side * 0.004, -0.002, -0.1],
            hinge + [side * 0.0, -0.026, -0.132],
        ]
        model.add(
            frame,
            tube(
                curve(ear, 30),
                np.linspace(thick * 1.25, thick * (1.2 if not wire else 1.6), 30),
                flat=0.5,
                sides=10,
                up=(0, 1, 0),
            ),
        )
    y = float(outline[:, 1].max()) * 0.35
    bridge = curve([(-gap - 0.002, y, 0), (0, y + 0.004, 0.002), (gap + 0.002, y, 0)], 14)
    model.add(frame, tube(bridge, thick * 1.1, sides=10))
    if style == "aviator sunglasses":
        top = float(outline[:, 1].max()) - 0.002
        model.add(
            frame,
            tube(
                curve([(-0.03, top, -0.002), (0, top + 0.001, 0.0), (0.03, top, -0.002)], 14),
                thick,
                sides=8,
            ),
        )
    return Design(
        model,
        style,
        colour,
        "tortoiseshell" if frame.pattern == "camouflage" else "plain",
        "metal" if wire else "acetate",
    )


def _mapped(mesh: Mesh) -> Mesh:
    return replace(mesh, uvs=mesh.vertices[:, :2].copy())


def _lens_outline(style: str, chance: random.Random) -> F64:
    """The right lens's outline (40, 2) about its own middle, nose to the left."""
    angle = np.linspace(0, 2 * np.pi, 44, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    power, wide, high = {
        "square sunglasses": (4.5, 0.026, 0.02),
        "round sunglasses": (2.0, 0.0235, 0.0235),
        "cat-eye sunglasses": (2.8, 0.027, 0.0195),
        "aviator sunglasses": (2.3, 0.0285, 0.0235),
    }[style]
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
