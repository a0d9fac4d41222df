"""Dresses, worn by a dressmaker's form."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, lathe, loft, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    cloth,
    leather,
    metal,
    wood,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, companion, dimmed, shade
from feature_store.demo.products.shells import F64, body, drape, limb, mirrored
from feature_store.demo.products.tailoring import hem, printed


def dress(chance: random.Random) -> Design:
    """A dress: full-skirted, straight, long or with a short flounced skirt."""
    style = chance.choice(
        ("fit-and-flare dress", "maxi dress", "shift dress", "slip dress", "tea dress")
    )
    colour = chance.choice(CLOTH)
    pattern = chance.choice(
        (
            "floral",
            "floral",
            "plain",
            "plain",
            "plain",
            "dotted",
            "striped",
            "leopard",
            "checked",
            "zigzag",
            "ombre",
        )
    )
    base = cloth(shade(colour, chance), crease=0.012, size=0.11).but(seed=chance.randrange(90))
    if chance.random() < 0.25:
        base = base.but(rough=0.42, shine=0.05)
    length, flare, waist, folds = {
        "fit-and-flare dress": (0.55, 0.36, 0.155, 9),
        "maxi dress": (0.9, 0.36, 0.165, 8),
        "shift dress": (0.5, 0.235, 0.215, 4),
        "slip dress": (0.66, 0.25, 0.18, 5),
        "tea dress": (0.62, 0.32, 0.16, 8),
    }[style]
    length *= chance.uniform(0.92, 1.08)
    if pattern == "ombre":
        fabric = base.but(
            pattern="ombre",
            second=shade(companion(colour, chance), chance),
            repeat=0.5,
            shift=(0.0, length * 0.8),
        )
    else:
        fabric = printed(base, pattern, colour, chance, 1.1)
    model = Model()
    _dressmakers_form(model, chance, length)
    _skirt(model, chance, fabric, length, flare, waist, folds)
    top = [
        (0.0, waist, 0.095),
        (0.06, waist * 1.05, 0.1),
        (0.2, 0.215, 0.12),
        (0.27, 0.212, 0.112),
        (0.33, 0.19, 0.095),
        (0.372, 0.145, 0.08),
        (0.4, 0.105, 0.07),
    ]
    strappy = style in ("slip dress", "maxi dress") and chance.random() < 0.75
    shell = body(top[:4] if strappy else top, 30)
    rings = shell.rings.copy()
    t = np.linspace(0, 1, 30)[:, None]
    if strappy:
        rings[..., 1] -= (
            0.045
            * t**4
            * (np.abs(np.cos(np.pi * (shell.front + 1)))[None] + (shell.front < 0))
            * 0.7
        )
    else:
        rings[..., 1] -= (
            chance.choice((0.05, 0.09, 0.14))
            * np.clip((t - 0.7) / 0.3, 0, 1) ** 1.5
            * np.clip(shell.front, 0, 1)[None] ** 2
        )
    model.add(fabric, loft(drape(rings, chance, 0.003, 5), hanging=True))
    model.add(fabric.plain(), hem(rings[-1], 0.005))
    if strappy:
        _straps(model, fabric.plain(), rings)
    else:
        _dress_sleeves(model, chance, fabric, style)
    if style in ("fit-and-flare dress", "tea dress", "maxi dress") and chance.random() < 0.6:
        belt = (
            leather(shade(chance.choice(("brown", "tan", "black")), chance))
            if chance.random() < 0.4
            else base.but(first=dimmed(base.first, 0.8))
        )
        sash = body(
            [(-0.018, waist + 0.005, 0.1), (0.0, waist + 0.004, 0.1), (0.02, waist + 0.006, 0.101)],
            5,
        )
        model.add(belt, loft(sash.rings))
    return Design(model, style, colour, pattern, "satin" if fabric.rough < 0.5 else "cotton")


def _dressmakers_form(model: Model, chance: random.Random, length: float) -> None:
    """The linen bust that wears the dress, its turned neck cap, and its stand."""
    linen = canvas(shade(chance.choice(("beige", "beige", "black", "grey")), chance)).but(
        bump_size=0.008, bump_depth=0.0008
    )
    stand = (
        wood(chance.choice(("oak", "walnut", "beech")))
        if chance.random() < 0.7
        else metal("black metal", rough=0.3)
    )
    bust = [
        (0.02, 0.13, 0.08),
        (0.2, 0.17, 0.1),
        (0.27, 0.175, 0.095),
        (0.33, 0.165, 0.08),
        (0.375, 0.125, 0.07),
        (0.4, 0.07, 0.06),
        (0.43, 0.055, 0.052),
        (0.5, 0.05, 0.048),
    ]
    model.add(linen, loft(body(bust, 30).rings))
    cap = [
        (0.053, 0.498),
        (0.054, 0.508),
        (0.03, 0.515),
        (0.012, 0.52),
        (0.014, 0.535),
        (0.009, 0.552),
        (0.0, 0.556),
    ]
    model.add(stand, lathe(cap, 28))
    foot = -max(length, 0.55) - chance.uniform(0.2, 0.3)
    model.add(stand, tube([(0, 0.05, 0), (0, foot + 0.05, 0)], 0.013))
    for k in range(3):
        angle = 2.0944 * k + 0.5
        out = (0.2 * math.sin(angle), 0.2 * math.cos(angle))
        leg = curve(
            [
                (0, foot + 0.12, 0),
                (out[0] * 0.5, foot + 0.07, out[1] * 0.5),
                (out[0], foot, out[1]),
            ],
            12,
        )
        model.add(stand, tube(leg, np.linspace(0.013, 0.009, 12)))


def _skirt(
    model: Model,
    chance: random.Random,
    fabric: Material,
    length: float,
    flare: float,
    waist: float,
    folds: int,
) -> None:
    mid = waist + (flare - waist) * 0.45 + (0.02 if flare > waist + 0.05 else 0.005)
    hip = waist + min(0.045, 0.2 * (flare - waist) + 0.008)
    skirt = body(
        [
            (-length, flare, 0.14),
            (-length * 0.55, mid, 0.125),
            (-length * 0.2, hip, 0.11),
            (0.004, waist, 0.095),
        ],
        44,
        2.2,
    )
    share = np.linspace(1, 0.05, 44) ** 1.1
    rings = drape(skirt.rings, chance, 0.05 * (flare / 0.36) ** 2, folds, share)
    if chance.random() < 0.3:
        rings[..., 1] += (0.12 * length * skirt.front * (np.linspace(1, 0, 44)[:, None] ** 2)) * 0.5
    model.add(fabric, loft(rings))
    model.add(fabric.plain(), hem(rings[0], 0.004))


def _straps(model: Model, fabric: Material, rings: F64) -> None:
    top = rings[-1]
    for side in (-1, 1):
        front = top[np.argmin(np.linalg.norm(top[:, [0, 2]] - [side * 0.115, 0.1], axis=1))]
        back = top[np.argmin(np.linalg.norm(top[:, [0, 2]] - [side * 0.1, -0.1], axis=1))]
        mid = (side * 0.088, 0.422, -0.005)
        model.add(fabric, tube(curve([front, mid, back], 18), 0.006, flat=0.5, up=(1, 0, 0)))


def _dress_sleeves(model: Model, chance: random.Random, fabric: Material, style: str) -> None:
    kind = chance.choice(("none", "cap", "long", "puff")) if style != "slip dress" else "none"
    if kind == "none":
        return
    reach, cuff = {"cap": (0.14, 0.07), "long": (0.48, 0.042), "puff": (0.2, 0.05)}[kind]
    swell = 0.095 if kind == "puff" else 0.07
    end = (0.2 + reach * 0.62, 0.275 - reach * 0.8, 0.0)
    path = [(0.1, 0.3, 0), (0.175, 0.28, 0), (0.2 + reach * 0.35, 0.275 - reach * 0.4, 0), end]
    right = limb(path, [0.055, swell, swell * 0.9, cuff], [0.05, 0.07, 0.065, cuff], chance)
    for rings in (right, mirrored(right)):
        model.add(fabric, loft(rings))
        model.add(fabric.plain(), hem(rings[-1], 0.005))
