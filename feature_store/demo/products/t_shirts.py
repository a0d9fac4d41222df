"""T-shirts."""

from __future__ import annotations

import math
import random

from feature_store.demo.design import Design
from feature_store.demo.geometry import loft
from feature_store.demo.materials import (
    Material,
    cloth,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, companion, dimmed, shade
from feature_store.demo.products.shells import Body, limb, mirrored
from feature_store.demo.products.tailoring import collar, hem, printed, torso_of
from feature_store.demo.solids import box

TEE_PROFILE = [
    (-0.08, 0.255, 0.105),
    (0.2, 0.25, 0.11),
    (0.42, 0.255, 0.115),
    (0.5, 0.25, 0.115),
    (0.56, 0.225, 0.1),
    (0.595, 0.17, 0.085),
    (0.618, 0.118, 0.075),
    (0.63, 0.088, 0.07),
]


def t_shirt(chance: random.Random) -> Design:
    """A T-shirt, round or V-necked, printed, striped or plain."""
    style = chance.choice(
        ("crew-neck T-shirt", "V-neck T-shirt", "oversized T-shirt", "ringer T-shirt")
    )
    colour = chance.choice(CLOTH)
    pattern = chance.choice(
        (
            "plain",
            "plain",
            "graphic",
            "graphic",
            "striped",
            "striped",
            "dotted",
            "floral",
            "block",
            "camouflage",
            "checked",
        )
    )
    base = cloth(shade(colour, chance), crease=0.016, size=0.09).but(seed=chance.randrange(90))
    other = shade(companion(colour, chance), chance)
    if pattern == "graphic":
        fabric = base.but(
            pattern="graphic",
            second=other,
            third=shade(chance.choice(CLOTH), chance),
            repeat=chance.uniform(0.22, 0.3),
            seed=chance.randrange(60),
            shift=(0.0, 0.4),
        )
    elif pattern == "block":
        fabric = base.but(
            pattern="block",
            second=other,
            third=shade(chance.choice(CLOTH), chance),
            repeat=0.5,
            shift=(0.0, 0.34),
        )
    else:
        fabric = printed(base, pattern, colour, chance)
    wide = 1.1 if style == "oversized T-shirt" else chance.uniform(0.93, 1.02)
    profile = [(y, w * wide if y < 0.58 else w, d) for y, w, d in TEE_PROFILE]
    drop = 0.16 if style == "V-neck T-shirt" else chance.uniform(0.06, 0.085)
    torso = torso_of(chance, profile, drop, 0.008)
    model = Model(pose="flat")
    model.add(fabric, loft(torso.rings, hanging=True))
    long = 0.3 if style == "oversized T-shirt" else chance.uniform(0.2, 0.26)
    _sleeves(model, chance, fabric, wide, long)
    trim = (
        base.but(first=other)
        if style == "ringer T-shirt"
        else base.but(first=dimmed(base.first, 0.93))
    )
    collar(model, torso, trim, 0.009)
    model.add(base, hem(torso.rings[0], 0.004))
    _label(model, torso)
    return Design(model, style, colour, pattern, "cotton")


def _sleeves(
    model: Model, chance: random.Random, fabric: Material, wide: float, long: float
) -> None:
    side = 0.215 * wide
    slope = chance.uniform(0.7, 1.0)
    end = (side + long * math.cos(slope), 0.475 - long * math.sin(slope), 0.0)
    path = [(side - 0.1, 0.5, 0.0), (side - 0.01, 0.478, 0.0), end]
    right = limb(
        path, [0.05, 0.088, 0.09, 0.092], [0.05, 0.085, 0.07, 0.062], chance, rows=18, crumple=0.003
    )
    plain = fabric.plain() if fabric.pattern in ("graphic", "block") else fabric
    for rings in (right, mirrored(right)):
        model.add(plain, loft(rings))
        model.add(plain.plain(), hem(rings[-1], 0.0035))


def _label(model: Model, torso: Body) -> None:
    """The small woven label inside the back of the neck."""
    back = torso.rings[-2][0]
    tag = box(0.045, 0.028, 0.002, corner=0.0009, edge=0.0005, sides=16)
    model.add(Material((0.9, 0.9, 0.9)), tag.moved(back[0], back[1] - 0.036, back[2] + 0.006))
