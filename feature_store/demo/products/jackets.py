"""Jackets and coats on a hanger."""

# ruff: noqa: RUF005 -- a list added to an array of points moves it

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, grid, lathe, loft, tube
from feature_store.demo.materials import (
    Material,
    cloth,
    knit,
    leather,
    metal,
    nylon,
    plastic,
    wood,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import COLOURS, companion, dimmed, shade
from feature_store.demo.products.shells import AROUND, F64, limb, mirrored
from feature_store.demo.products.tailoring import hem, on_front, printed, torso_of
from feature_store.demo.solids import box


def jacket(chance: random.Random) -> Design:
    """A puffer, bomber, denim, leather or rain jacket, or a wool coat."""
    style = chance.choice(
        (
            "puffer jacket",
            "bomber jacket",
            "denim jacket",
            "biker jacket",
            "rain jacket",
            "wool coat",
        )
    )
    colour, fabric, material, pattern = _jacket_cloth(chance, style)
    long = {"puffer jacket": 0.1, "rain jacket": 0.2, "wool coat": 0.36}.get(style, 0.05)
    profile = [
        (-long, 0.262, 0.12),
        (0.0 if long > 0.1 else -long / 2, 0.258, 0.125),
        (0.22, 0.262, 0.13),
        (0.42, 0.27, 0.135),
        (0.52, 0.255, 0.125),
        (0.575, 0.205, 0.11),
        (0.605, 0.15, 0.095),
        (0.625, 0.095, 0.085),
    ]
    fabric = fabric.but(seed=fabric.seed or chance.randrange(90))
    torso = torso_of(chance, profile, 0.05, 0.005)
    rings = torso.rings
    if style == "puffer jacket":
        rings = _quilted(rings, 0.085, 0.02)
    model = Model(pose="flat")
    gap = chance.choice((2, 3, 3, 4))
    middle = AROUND // 2
    open_front = np.r_[middle + gap : AROUND, 0 : middle - gap + 1]
    sheet = rings[:, open_front]
    shell = grid(sheet)
    uvs = shell.uvs.copy()
    uvs[:, 1] = shell.vertices[:, 1]
    model.add(fabric, replace(shell, uvs=uvs))
    lining = (
        nylon(shade(companion(colour, chance), chance))
        if chance.random() < 0.5
        else nylon(dimmed(fabric.first, 0.45))
    )
    inside = (rings - rings.mean(axis=1, keepdims=True)) * [0.965, 1, 0.93] + rings.mean(
        axis=1, keepdims=True
    )
    back = np.r_[AROUND - 15 : AROUND, 0:16]
    model.add(lining.but(pattern="plain", crease_depth=0.003), grid(inside[:, back]))
    _hanger(model, chance, rings)
    _jacket_sleeves(model, chance, fabric, style)
    _front(model, chance, fabric, rings, style, gap)
    _jacket_collar(model, fabric, rings, style, gap, open_front)
    rib = knit(dimmed(fabric.first, 0.7)).but(
        bump="cord", bump_size=0.008, bump_depth=0.004, pattern="plain"
    )
    if style == "bomber jacket":
        hem = rings[0][open_front] * [0.97, 1, 0.97]
        model.add(rib, grid(np.stack([hem + [0, dy, 0] for dy in (-0.065, -0.03, 0.004)])))
    return Design(model, style, colour, pattern, material)


def _jacket_cloth(chance: random.Random, style: str) -> tuple[str, Material, str, str]:
    colour = chance.choice(
        {
            "denim jacket": ("blue", "light blue", "navy", "black"),
            "biker jacket": ("black", "brown", "tan", "burgundy", "black"),
            "wool coat": ("grey", "beige", "navy", "black", "brown", "burgundy", "tan"),
        }.get(style, tuple(COLOURS))
    )
    tone = shade(colour, chance)
    if style == "denim jacket":
        return (
            colour,
            cloth(dimmed(tone, 0.45 if colour != "black" else 0.9), crease=0.012).but(
                pattern="denim", second=shade("light blue", chance), mottle=0.3
            ),
            "denim",
            "denim",
        )
    if style == "biker jacket":
        return colour, leather(tone, grain=0.008).but(crease_depth=0.006), "leather", "plain"
    if style == "wool coat":
        pattern = chance.choice(("plain", "plain", "tartan", "herringbone", "checked"))
        return (
            colour,
            printed(
                knit(tone).but(bump="fleece", bump_size=0.006, bump_depth=0.0015),
                pattern,
                colour,
                chance,
            ),
            "wool",
            pattern,
        )
    pattern = chance.choice(("plain", "plain", "plain", "camouflage", "block"))
    fabric = nylon(tone)
    if style == "puffer jacket":
        fabric = fabric.but(crease_size=0.035, crease_depth=0.006)
    if pattern == "block":
        second = shade(companion(colour, chance), chance)
        return (
            colour,
            fabric.but(
                pattern="block", second=second, third=fabric.first, repeat=0.9, shift=(0, 0.35)
            ),
            "nylon",
            pattern,
        )
    return colour, printed(fabric, pattern, colour, chance, 1.2), "nylon", pattern


def _quilted(rings: F64, pitch: float, depth: float) -> F64:
    """Swell a shell between horizontal seams, as down does."""
    fine = np.linspace(0, len(rings) - 1, 120)
    low = fine.astype(int)
    high = np.minimum(low + 1, len(rings) - 1)
    t = (fine - low)[:, None, None]
    p = rings[low] * (1 - t) + rings[high] * t
    length = np.concatenate(
        [[0], np.cumsum(np.linalg.norm(np.diff(p.mean(axis=1), axis=0), axis=1))]
    )
    length = np.maximum(length, p[:, :, 1].mean(axis=1) - p[0, :, 1].mean()) if len(p) else length
    swell = depth * np.sqrt(np.abs(np.sin(np.pi * length / pitch)))
    out = p - p.mean(axis=1, keepdims=True)
    out /= np.linalg.norm(out, axis=2, keepdims=True) + 1e-9
    return np.asarray(p + out * (swell - 0.5 * depth)[:, None, None])


def _jacket_sleeves(model: Model, chance: random.Random, fabric: Material, style: str) -> None:
    bend = chance.uniform(0.0, 0.05)
    path = [(0.1, 0.5, 0), (0.215, 0.475, 0), (0.315, 0.25, 0.0), (0.34 + bend, -0.05, 0.01)]
    right = limb(
        path,
        [0.05, 0.09, 0.088, 0.08, 0.072, 0.066],
        [0.05, 0.09, 0.082, 0.074, 0.066, 0.058],
        chance,
        rows=40,
        crumple=0.005,
    )
    if style == "puffer jacket":
        right = _quilted(right, 0.08, 0.018)
    plain = fabric.but(pattern="plain") if fabric.pattern == "block" else fabric
    cuff = knit(dimmed(fabric.first, 0.7)).but(bump="cord", bump_size=0.008, bump_depth=0.004)
    for rings in (right, mirrored(right)):
        model.add(plain, loft(rings))
        end = rings[-1]
        centre = end.mean(axis=0)
        away = (centre - rings[-4].mean(axis=0)) / np.linalg.norm(centre - rings[-4].mean(axis=0))
        if style == "bomber jacket":
            model.add(
                cuff,
                loft(
                    np.stack(
                        [
                            centre + (end - centre) * f + away * d
                            for f, d in ((0.95, -0.005), (0.78, 0.02), (0.72, 0.055))
                        ]
                    )
                ),
            )
        else:
            model.add(plain.plain(), hem(end, 0.006))


def _hanger(model: Model, chance: random.Random, rings: F64) -> None:
    """The wooden hanger in the jacket's shoulders and its steel hook."""
    top = float(rings[-1][0, 1])
    arms = curve(
        [
            (-0.19, top - 0.085, -0.01),
            (-0.1, top - 0.035, -0.01),
            (0, top + 0.0, -0.01),
            (0.1, top - 0.035, -0.01),
            (0.19, top - 0.085, -0.01),
        ],
        30,
    )
    model.add(wood(chance.choice(("oak", "beech", "walnut"))), tube(arms, 0.016, flat=0.6))
    hook = curve(
        [
            (0, top - 0.01, -0.01),
            (0, top + 0.05, -0.01),
            (0.004, top + 0.07, -0.01),
            (0.032, top + 0.085, -0.01),
            (0.036, top + 0.12, -0.01),
            (0.004, top + 0.14, -0.01),
            (-0.028, top + 0.12, -0.01),
        ],
        34,
    )
    model.add(metal("steel", rough=0.2), tube(hook, 0.0035, sides=8))


def _front(
    model: Model, chance: random.Random, fabric: Material, rings: F64, style: str, gap: int
) -> None:
    """The closing, zip or buttons, and the pockets."""
    middle = AROUND // 2
    right, left = rings[::2, middle + gap], rings[::2, middle - gap]
    dark = fabric.plain().but(first=dimmed(fabric.first, 0.5), crease_depth=0.0)
    trim = fabric.plain().but(first=dimmed(fabric.first, 0.85))
    if style in ("denim jacket", "wool coat"):
        model.add(
            trim,
            tube(left, 0.009, sides=8, flat=0.5, up=(1, 0, 0)),
            tube(right, 0.009, sides=8, flat=0.5, up=(1, 0, 0)),
        )
        button = lathe([(0.0, 0.006), (0.011, 0.005), (0.012, 0.0)], 16).turned("x", 90)
        surface = metal("copper") if style == "denim jacket" else plastic(shade("brown", chance))
        for y in np.linspace(left[0][1] + 0.06, left[-1][1] - 0.03, 6):
            place = on_front(rings, y, middle - gap - 1)
            model.add(surface, button.moved(*(place + [0, 0, 0.003])))
    else:
        teeth = metal(chance.choice(("steel", "brass", "black metal")), rough=0.25)
        for edge in (left, right):
            model.add(dark, tube(edge, 0.007, sides=6, flat=0.6, up=(1, 0, 0)))
            model.add(teeth, tube(edge + [0, 0, 0.003], 0.0035, sides=6))
    for side in (-1, 1):
        if style == "denim jacket":
            place = on_front(rings, 0.36, middle + side * 8)
            pocket = box(0.1, 0.11, 0.014, corner=0.006, edge=0.004).moved(
                *(place - [0, 0.055, 0.003])
            )
            flap = box(0.106, 0.036, 0.019, corner=0.006, edge=0.004).moved(
                *(place + [0, 0.03, -0.003])
            )
            model.add(fabric, pocket, flap)
        else:
            slit = [
                on_front(rings, y, middle + side * 10) + [0, 0, 0.003] for y in (0.05, 0.11, 0.17)
            ]
            model.add(dark, tube(curve(slit, 10), 0.005, sides=6))


def _jacket_collar(
    model: Model, fabric: Material, rings: F64, style: str, gap: int, open_front: NDArray[np.int64]
) -> None:
    ring = rings[-1][open_front]
    plain = fabric.plain() if fabric.pattern in ("block", "denim") else fabric
    if style == "bomber jacket":
        rib = knit(dimmed(fabric.first, 0.7)).but(bump="cord", bump_size=0.008, bump_depth=0.004)
        model.add(rib, tube(ring + [0, 0.008, 0], 0.02, sides=10))
        return
    levels = [
        ([1, 1, 1], -0.008),
        ([1.08, 1, 1.1], 0.03),
        ([1.2, 1, 1.2], -0.015),
        ([1.22, 1, 1.22], -0.022),
    ]
    if style in ("puffer jacket", "rain jacket"):
        levels = [
            ([1, 1, 1], -0.01),
            ([1.06, 1, 1.1], 0.03),
            ([1.04, 1, 1.06], 0.075),
            ([0.97, 1, 0.96], 0.08),
            ([0.92, 1, 0.9], 0.03),
        ]
    model.add(plain, grid(np.stack([ring * factors + [0, rise, 0] for factors, rise in levels])))
    if style in ("biker jacket", "wool coat"):
        low = 0.3 if style == "wool coat" else 0.36
        for side in (-1, 1):
            model.add(plain.plain(), _lapel(rings, AROUND // 2 + side * gap, side, low))


def _lapel(rings: F64, column: int, side: int, low: float) -> Mesh:
    """The front's edge from height `low` up, folded back over the chest."""
    heights = np.linspace(low, float(rings[-1, column, 1]), 16)
    edge = np.array([on_front(rings, y, column) for y in heights])
    t = np.linspace(0, 1, 16)
    wide = (
        0.075 * np.sin(np.pi * np.minimum(t * 0.62, 1)) * np.where(t > 0.8, 1 - 1.5 * (t - 0.8), 1)
    )
    steps = np.linspace(0, 1, 5)[:, None, None]
    fold = (
        edge[None]
        + steps * wide[None, :, None] * np.array([side, 0.12, 0])
        + np.array([0, 0, 0.012])
    )
    fold[..., 2] -= 0.16 * (steps[..., 0] * wide[None]) ** 1.2
    return grid(fold if side < 0 else fold[::-1])
