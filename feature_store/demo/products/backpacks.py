"""Backpacks."""

from __future__ import annotations

import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import curve, grid, loft, tube
from feature_store.demo.materials import (
    Material,
    canvas,
    leather,
    metal,
    nylon,
    plastic,
)
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, companion, dimmed, shade
from feature_store.demo.products.shells import body, on_shell, patch, seam
from feature_store.demo.solids import box, prism, rounded_ring


def backpack(chance: random.Random) -> Design:
    """A school, hiking, roll-top or flap backpack."""
    style = chance.choice(
        ("school backpack", "hiking backpack", "roll-top backpack", "flap backpack")
    )
    colour = chance.choice(CLOTH)
    pattern = chance.choice(
        (
            "plain",
            "plain",
            "plain",
            "camouflage",
            "floral",
            "block",
            "dotted",
            "checked",
            "triangles",
        )
    )
    cloth = (nylon if chance.random() < 0.5 else canvas)(shade(colour, chance)).but(
        crease_size=0.09, crease_depth=0.006, seed=chance.randrange(60)
    )
    other = shade(companion(colour, chance), chance)
    if pattern == "block":
        cloth = cloth.but(
            pattern="block", second=other, third=cloth.first, repeat=0.5, shift=(0.0, 0.24)
        )
    elif pattern != "plain":
        cloth = cloth.but(
            pattern=pattern,
            second=other,
            third=shade(chance.choice(CLOTH), chance),
            repeat={"camouflage": 0.09, "floral": 0.075}.get(pattern, 0.05),
        )
    plain = cloth.plain()
    trim = (
        leather(shade(chance.choice(("brown", "tan", "black")), chance))
        if chance.random() < 0.4
        else nylon(dimmed(cloth.first, 0.45))
    )
    h = chance.uniform(0.42, 0.47)
    roll = style in ("roll-top backpack", "flap backpack")
    top = (
        [(h * 0.9, 0.135, 0.07), (h, 0.125, 0.045)]
        if roll
        else [
            (h * 0.85, 0.14, 0.075),
            (h * 0.95, 0.11, 0.06),
            (h * 0.995, 0.06, 0.035),
            (h, 0.005, 0.004),
        ]
    )
    shell = body(
        [
            (0.0, 0.12, 0.06),
            (0.012, 0.145, 0.08),
            (0.04, 0.155, 0.09),
            (h * 0.55, 0.152, 0.088),
            *top,
        ],
        44,
        3.4,
    )
    rings = shell.rings
    model = Model()
    model.add(cloth, loft(rings))
    model.add(trim, patch(rings, (0.0, 0.3), (0.0, 1.0), 0.002))
    zip_teeth = metal(chance.choice(("steel", "brass", "black metal")), rough=0.3)
    pocket = prism(
        rounded_ring(0.22, 0.19 if not roll else 0.15, 0.045, 44),
        0.045,
        round_top=0.025,
        puff=0.012,
    ).turned("x", 90)
    model.add(
        plain if pattern == "block" else cloth,
        pocket.moved(0, 0.04 + (0.19 if not roll else 0.15) / 2, 0.066),
    )
    if style in ("school backpack", "hiking backpack"):
        model.add(
            zip_teeth,
            seam(
                on_shell(
                    rings,
                    [
                        (0.55, 0.33),
                        (0.72, 0.37),
                        (0.83, 0.44),
                        (0.86, 0.5),
                        (0.83, 0.56),
                        (0.72, 0.63),
                        (0.55, 0.67),
                    ],
                    0.002,
                    40,
                ),
                0.0028,
            ),
        )
        model.add(
            zip_teeth,
            seam(curve([(-0.09, 0.19, 0.107), (0, 0.2, 0.113), (0.09, 0.19, 0.107)], 16), 0.0025),
        )
        model.add(trim, tube([(0.085, 0.19, 0.11), (0.09, 0.16, 0.116)], 0.004, flat=0.5))
    if style == "flap backpack":
        _backpack_flap(model, cloth, trim, zip_teeth, h)
    elif style == "roll-top backpack":
        fold = [
            (x, h + 0.004 + 0.006 * np.cos(20 * x), 0.015) for x in np.linspace(-0.13, 0.13, 24)
        ]
        model.add(cloth, tube(fold, 0.03, sides=20))
        for x in (-0.06, 0.06):
            model.add(
                trim,
                tube(
                    curve(
                        [
                            (x, h + 0.03, -0.02),
                            (x, h + 0.035, 0.03),
                            (x, h - 0.03, 0.07),
                            (x, h * 0.55, 0.096),
                            (x, h * 0.45, 0.098),
                        ],
                        20,
                    ),
                    0.011,
                    flat=0.2,
                    up=(1, 0, 0),
                ),
            )
            model.add(
                zip_teeth,
                box(0.03, 0.024, 0.008, corner=0.004, edge=0.002, sides=16).moved(
                    x, h * 0.5, 0.096
                ),
            )
    _backpack_straps(model, chance, style, trim, plain, h)
    return Design(model, style, colour, pattern, "nylon" if cloth.rough < 0.6 else "canvas")


def _backpack_flap(
    model: Model, cloth: Material, trim: Material, buckle: Material, h: float
) -> None:
    line = curve(
        [
            (h - 0.02, -0.06),
            (h + 0.022, -0.03),
            (h + 0.024, 0.03),
            (h - 0.03, 0.088),
            (h * 0.75, 0.1),
            (h * 0.55, 0.104),
        ],
        24,
    )
    s = np.linspace(-1, 1, 27)
    fall = np.clip((np.linspace(0, 1, 24) - 0.6) / 0.4, 0, 1)[:, None]
    points = np.stack(
        [
            np.broadcast_to(s * 0.148, (24, 27)) * (1 - 0.06 * fall),
            np.repeat(line[:, :1], 27, 1) + fall * np.abs(s[None]) ** 5 * 0.04,
            np.repeat(line[:, 1:], 27, 1) - 0.03 * np.abs(s[None]) ** 4,
        ],
        -1,
    )
    model.add(cloth, grid(points[::-1]))
    rim = np.concatenate([points[4:, 0], points[-1, 1:-1], points[:3:-1, -1]])
    model.add(trim, tube(rim, 0.0035, sides=6))
    for x in (-0.065, 0.065):
        model.add(
            trim, tube([(x, h * 0.68, 0.107), (x, h * 0.42, 0.116)], 0.012, flat=0.2, up=(1, 0, 0))
        )
        model.add(
            buckle,
            box(0.034, 0.028, 0.008, corner=0.004, edge=0.003, sides=16).moved(x, h * 0.5, 0.112),
        )


def _backpack_straps(
    model: Model, chance: random.Random, style: str, trim: Material, plain: Material, h: float
) -> None:
    loop = curve(
        [
            (-0.035, h - 0.01, -0.04),
            (-0.03, h + 0.035, -0.04),
            (0.03, h + 0.035, -0.04),
            (0.035, h - 0.01, -0.04),
        ],
        20,
    )
    model.add(trim, tube(loop, 0.008, flat=0.5, up=(0, 0, 1)))
    for side in (-1, 1):
        strap = curve(
            [
                (side * 0.06, h - 0.02, -0.07),
                (side * 0.11, h * 0.85, -0.12),
                (side * 0.17, h * 0.5, -0.12),
                (side * 0.15, 0.08, -0.08),
                (side * 0.12, 0.03, -0.06),
            ],
            26,
        )
        model.add(trim, tube(strap, 0.026, flat=0.25, up=(1, 0, 0)))
        if style in ("hiking backpack", "school backpack"):
            side_pocket = (
                prism(rounded_ring(0.11, 0.14, 0.02, 32), 0.02, round_top=0.012, puff=0.01)
                .turned("z", -90 * side)
                .turned("y", 0)
            )
            model.add(
                plain.but(first=dimmed(plain.first, 0.85)),
                side_pocket.moved(side * 0.146, 0.12, 0.0),
            )
        if style == "hiking backpack":
            model.add(
                trim,
                tube(
                    curve(
                        [
                            (side * 0.15, h * 0.8, 0.0),
                            (side * 0.12, h * 0.72, 0.08),
                            (0, h * 0.7, 0.098),
                        ],
                        14,
                    ),
                    0.008,
                    flat=0.25,
                ),
            )
            model.add(
                trim,
                tube(
                    curve(
                        [
                            (side * 0.155, h * 0.5, 0.0),
                            (side * 0.13, h * 0.5, 0.085),
                            (side * 0.1, h * 0.5, 0.098),
                        ],
                        14,
                    ),
                    0.008,
                    flat=0.25,
                ),
            )
    if style == "hiking backpack":
        mat = plastic(
            shade(chance.choice(("blue", "orange", "grey", "green", "yellow")), chance), gloss=0.6
        )
        model.add(mat, tube([(-0.17, -0.02, 0.05), (0.17, -0.02, 0.05)], 0.05, sides=24))
        model.add(
            trim,
            *(
                tube([(x, -0.02, 0.05), (x + 0.012, -0.02, 0.05)], 0.052, sides=24)
                for x in (-0.09, 0.08)
            ),
        )
