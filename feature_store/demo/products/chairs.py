"""Chairs."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, curve, grid, tube
from feature_store.demo.materials import Material, cloth, leather, metal, plastic, suede, wood
from feature_store.demo.model import Model
from feature_store.demo.palette import WOODS, companion, shade
from feature_store.demo.solids import box

SEAT_COLOURS = (
    "white",
    "black",
    "grey",
    "beige",
    "red",
    "yellow",
    "green",
    "teal",
    "light blue",
    "blue",
    "navy",
    "orange",
    "pink",
    "olive",
)


def chair(chance: random.Random) -> Design:
    """A dining chair, a moulded shell on legs, a spindle chair or an office chair."""
    style = chance.choice(("dining chair", "shell chair", "spindle chair", "office chair"))
    return {
        "dining chair": _dining,
        "shell chair": _shell,
        "spindle chair": _spindle,
        "office chair": _office,
    }[style](chance, chance.choice(SEAT_COLOURS))


def _leg(top: tuple[float, float, float], foot: tuple[float, float], thick: float) -> Mesh:
    return tube([top, (foot[0], 0.0, foot[1])], [thick, thick * 0.65], sides=12)


def _legs(wide: float, deep: float, height: float, splay: float, thick: float) -> list[Mesh]:
    return [
        _leg((sx * wide, height, sz * deep), (sx * (wide + splay), sz * (deep + splay)), thick)
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]


def _dining(chance: random.Random, colour: str) -> Design:
    """A wooden frame with a padded seat and slats or a padded back."""
    kind = chance.choice(tuple(WOODS))
    frame = wood(kind, seed=chance.randrange(99))
    pad = _upholstery(chance, colour)
    wide, deep, seat = 0.2, 0.2, 0.45
    top = chance.uniform(0.86, 1.0)
    model = Model()
    model.add(
        frame, *(_leg((s * wide, seat, deep - 0.01), (s * wide, deep), 0.019) for s in (-1, 1))
    )
    posts = [
        tube(
            curve(
                [
                    (s * wide, 0, -deep - 0.05),
                    (s * wide, seat, -deep),
                    (s * wide, top, -deep - 0.09),
                ],
                16,
            ),
            np.linspace(0.016, 0.015, 16),
            sides=12,
        )
        for s in (-1, 1)
    ]
    model.add(frame, *posts, box(0.42, 0.045, 0.41, corner=0.02, edge=0.006).moved(y=seat - 0.045))
    model.add(pad, box(0.43, 0.045, 0.42, corner=0.05, edge=0.02, puff=0.02).moved(y=seat))
    back = chance.choice(("slats", "rails", "padded"))
    lean = -deep - 0.05
    if back == "padded":
        cushion = box(0.36, 0.05, 0.28, corner=0.04, edge=0.02, puff=0.015).turned("x", 78)
        model.add(pad, cushion.moved(y=top - 0.17, z=lean - 0.01))
    elif back == "slats":
        for x in np.linspace(-0.12, 0.12, chance.choice((3, 4, 5))):
            model.add(
                frame,
                tube(
                    [(x, seat + 0.06, -deep - 0.005), (x, top - 0.03, -deep - 0.085)],
                    0.014,
                    flat=0.45,
                    up=(1, 0, 0),
                ),
            )
    rails = (0.04, 0.3) if back == "slats" else ((0.04, 0.14, 0.24) if back == "rails" else (0.02,))
    for drop in rails:
        y = top - drop
        z = -deep - 0.09 * (y - seat) / (top - seat)
        bow = curve([(-wide, y, z), (0, y, z - 0.025), (wide, y, z)], 12)
        model.add(frame, tube(bow, 0.026, flat=0.35))
    model.add(
        frame,
        *(tube([(s * wide, 0.2, -deep - 0.03), (s * wide, 0.2, deep)], 0.009) for s in (-1, 1)),
    )
    return Design(model, "dining chair", colour, pad.pattern, kind)


def _upholstery(chance: random.Random, colour: str) -> Material:
    base = chance.choice((cloth, cloth, leather, suede))(shade(colour, chance))
    pattern = chance.choice(
        ("plain", "plain", "plain", "plain", "striped", "checked", "floral", "woven")
    )
    if base.rough < 0.5:
        return base
    return base.but(
        pattern=pattern,
        second=shade(companion(colour, chance), chance),
        seed=chance.randrange(60),
        third=shade("green", chance),
        angle=math.pi / 2 if pattern == "striped" else 0.0,
        repeat={"woven": 0.02, "striped": 0.07, "floral": 0.13}.get(pattern, 0.1),
        bump_size=0.008,
        bump_depth=0.0012,
    )


def _shell(chance: random.Random, colour: str) -> Design:
    """One moulded shell on splayed wooden or wire legs."""
    profile = curve(
        [
            (0.22, 0.40),
            (0.2, 0.445),
            (0.05, 0.43),
            (-0.13, 0.43),
            (-0.2, 0.5),
            (-0.24, 0.66),
            (-0.28, 0.83),
        ],
        36,
    )
    t = np.linspace(0, 1, 36)
    top = np.sqrt(1 - 0.5 * np.clip((t - 0.7) / 0.3, 0, 1) ** 3)
    half = 0.235 * np.sin(np.pi * (0.16 + 0.7 * t)) ** 0.45 * top
    s = np.linspace(-1, 1, 25)
    x = half[:, None] * s[None]
    curl = np.abs(s[None]) ** 3
    points = np.stack(
        [
            x,
            profile[:, 1:2]
            + 0.06 * curl * (t[:, None] < 0.6) * np.sin(np.pi * np.minimum(1, t / 0.6))[:, None],
            profile[:, 0:1] + 0.1 * curl * np.sin(np.pi * np.clip((t[:, None] - 0.3) / 0.8, 0, 1)),
        ],
        -1,
    )
    paint = plastic(shade(colour, chance), gloss=chance.choice((0.2, 0.4)))
    padded = chance.random() < 0.3
    model = Model()
    shell = grid(points)
    model.add(
        cloth(paint.first).but(bump_size=0.008, bump_depth=0.0012) if padded else paint, shell
    )
    rim = np.concatenate([points[:, 0], points[-1, 1:], points[-2::-1, -1], points[0, -2:0:-1]])
    model.add(paint, tube(rim, 0.007, sides=8, closed=True))
    if chance.random() < 0.65:
        kind = chance.choice(("oak", "beech", "walnut"))
        model.add(wood(kind), *_legs(0.11, 0.11, 0.43, 0.1, 0.018))
        black = metal("black metal", rough=0.4)
        model.add(
            black,
            tube([(-0.15, 0.24, 0.15), (0.15, 0.24, -0.15)], 0.005),
            tube([(0.15, 0.24, 0.15), (-0.15, 0.24, -0.15)], 0.005),
        )
    else:
        kind = "metal"
        model.add(
            metal(chance.choice(("steel", "black metal")), rough=0.2),
            *_legs(0.12, 0.12, 0.43, 0.08, 0.011),
        )
    return Design(model, "shell chair", colour, "plain", "fabric" if padded else "plastic")


def _spindle(chance: random.Random, colour: str) -> Design:
    """A round-backed wooden chair of turned spindles, natural or painted."""
    painted = chance.random() < 0.5
    kind = chance.choice(tuple(WOODS))
    frame = (
        plastic(shade(colour, chance), gloss=0.35)
        if painted
        else wood(kind, seed=chance.randrange(99))
    )
    model = Model()
    model.add(
        frame,
        box(0.44, 0.04, 0.42, corner=0.14, edge=0.015).moved(y=0.42),
        *_legs(0.15, 0.14, 0.43, 0.06, 0.02),
    )
    top = chance.uniform(0.82, 0.95)
    hoop = curve(
        [
            (-0.19, 0.46, -0.12),
            (-0.2, 0.66, -0.2),
            (-0.13, top - 0.03, -0.27),
            (0, top, -0.29),
            (0.13, top - 0.03, -0.27),
            (0.2, 0.66, -0.2),
            (0.19, 0.46, -0.12),
        ],
        44,
    )
    model.add(frame, tube(hoop, 0.013, sides=12))
    for x in np.linspace(-0.13, 0.13, 7):
        reach = top - 0.012 - 0.9 * x * x * 2.2
        model.add(
            frame,
            tube(
                [(x * 0.85, 0.45, -0.17), (x, reach, -0.285 + 0.6 * x * x)], [0.008, 0.006], sides=8
            ),
        )
    rung = 0.2
    model.add(
        frame,
        tube([(-0.18, rung, -0.16), (-0.18, rung, 0.16)], 0.009),
        tube([(0.18, rung, -0.16), (0.18, rung, 0.16)], 0.009),
        tube([(-0.18, rung, 0), (0.18, rung, 0)], 0.009),
    )
    return Design(model, "spindle chair", colour if painted else "brown", "plain", kind)


def _office(chance: random.Random, colour: str) -> Design:
    """A padded swivel chair on five castors."""
    pad = leather(shade(colour, chance)) if chance.random() < 0.5 else cloth(shade(colour, chance))
    black = plastic(shade("black", chance), gloss=0.35)
    chrome = metal("steel", rough=0.12)
    model = Model()
    base = chrome if chance.random() < 0.5 else black
    for k in range(5):
        a = math.radians(72 * k + 20)
        x, z = 0.29 * math.sin(a), 0.29 * math.cos(a)
        model.add(base, tube([(0, 0.12, 0), (x, 0.075, z)], [0.026, 0.016], flat=0.8))
        wheel = tube([(x - 0.02, 0.03, z), (x + 0.02, 0.03, z)], 0.03, sides=16)
        model.add(black, wheel)
    model.add(chrome, tube([(0, 0.1, 0), (0, 0.42, 0)], 0.022, sides=16))
    model.add(black, box(0.3, 0.04, 0.3, corner=0.05, edge=0.01).moved(y=0.4))
    model.add(pad, box(0.5, 0.085, 0.48, corner=0.1, edge=0.04, puff=0.02).moved(y=0.43))
    tall = chance.uniform(0.46, 0.66)
    back = box(0.44, 0.075, tall, corner=0.1, edge=0.035, puff=0.02).turned("x", 82)
    model.add(pad, back.moved(y=0.56 + tall / 2, z=-0.23))
    model.add(chrome, tube([(0, 0.42, -0.1), (0, 0.46, -0.27), (0, 0.66, -0.28)], 0.02, flat=0.5))
    if chance.random() < 0.7:
        arm = curve([(0.25, 0.45, 0.02), (0.3, 0.5, 0.02), (0.3, 0.66, 0.02)], 14)
        rest = box(0.065, 0.03, 0.26, corner=0.03, edge=0.012).moved(x=0.3, y=0.66)
        model.add_pair(black, tube(arm, 0.014), rest)
    return Design(
        model, "office chair", colour, "plain", "leather" if pad.rough < 0.5 else "fabric"
    )
