"""What several garments share: printed cloth, the torso, hems and collars."""

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.geometry import Mesh, tube
from feature_store.demo.materials import (
    Material,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import companion, shade
from feature_store.demo.products.shells import F64, Body, body, drape


def printed(
    base: Material, pattern: str, colour: str, chance: random.Random, size: float = 1.0
) -> Material:
    """The cloth with a pattern in a colour that goes with its own."""
    other = shade(companion(colour, chance), chance)
    third = shade(chance.choice(("green", "red", "yellow", "navy", "pink", "white")), chance)
    repeats = {
        "striped": 0.05,
        "checked": 0.045,
        "tartan": 0.1,
        "dotted": 0.045,
        "floral": 0.085,
        "zigzag": 0.06,
        "camouflage": 0.11,
        "leopard": 0.05,
        "diamonds": 0.08,
        "herringbone": 0.03,
    }
    if pattern == "plain":
        return base
    return base.but(
        pattern=pattern,
        second=other,
        third=third,
        seed=chance.randrange(90),
        repeat=repeats.get(pattern, 0.06) * size * chance.uniform(0.85, 1.25),
    )


def torso_of(
    chance: random.Random, profile: list[tuple[float, float, float]], neck: float, fold: float
) -> Body:
    """A torso through (height, half width, half depth) stations, with a neck cut `neck` metres
    deep into its front (pointed when deep) and folds of `fold` metres."""
    shell = body(profile, 44)
    rings = shell.rings.copy()
    t = np.linspace(0, 1, 44)
    top, low = profile[-1][0], 0.25
    weight = np.clip((rings[..., 1] - low) / (top - low), 0, 1)
    across = np.clip(np.abs(rings[..., 0]) / (profile[-1][1] * 1.12), 0, 1)
    dip = 1 - across if neck > 0.12 else 1 - across**2.4
    rings[..., 1] -= weight * dip * np.where(shell.front > 0, neck, 0.015)[None]
    share = np.clip(1.05 - t * 1.25, 0.06, 1)
    return Body(drape(rings, chance, fold, 6, share), shell.front)


def hem(ring: F64, radius: float) -> Mesh:
    """A rolled edge along a closed ring of cloth."""
    return tube(ring, radius, sides=6, closed=True)


def collar(model: Model, torso: Body, trim: Material, radius: float) -> None:
    """A ribbed collar on a torso's last ring."""
    ring = torso.rings[-1]
    rib = trim.but(
        bump="cord", bump_size=0.006, bump_depth=0.0015, crease_depth=0.0, pattern="plain"
    )
    model.add(rib, tube(ring, radius, sides=8, closed=True))


def on_front(rings: F64, y: float, column: int) -> F64:
    """The point of a shell's column at height y."""
    line = rings[:, column % rings.shape[1]]
    order = np.argsort(line[:, 1])
    return np.array([np.interp(y, line[order, 1], line[order, k]) for k in range(3)])
