"""What things are made of: colour, pattern, gloss and relief of a surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.palette import METALS, WOODS, Colour, linear
from feature_store.demo.patterns import PATTERNS
from feature_store.demo.surface import BUMPS


@dataclass(frozen=True)
class Material:
    """A surface. Sizes are metres on the surface; colours linear light."""

    first: Colour
    second: Colour = (0.0, 0.0, 0.0)
    third: Colour = (0.0, 0.0, 0.0)
    pattern: str = "plain"
    repeat: float = 0.1
    angle: float = 0.0
    seed: int = 0
    shift: tuple[float, float] = (0.0, 0.0)
    rough: float = 0.8
    shine: float = 0.02
    metal: float = 0.0
    sheen: float = 0.0
    wrap: float = 0.1
    glow: float = 0.0
    bump: str = "smooth"
    bump_size: float = 0.01
    bump_depth: float = 0.0
    crease_size: float = 0.1
    crease_depth: float = 0.0
    mottle: float = 0.0

    def row(self) -> list[float]:
        """The material as one row of the table the shader reads."""
        return [
            *self.first, *self.second, *self.third,
            PATTERNS.index(self.pattern), self.repeat, math.cos(self.angle), self.seed, *self.shift,
            self.rough, self.shine, self.metal, self.sheen, self.wrap, self.glow,
            BUMPS.index(self.bump), self.bump_size, self.bump_depth,
            self.crease_size, self.crease_depth, self.mottle, math.sin(self.angle),
        ]  # fmt: skip

    def but(self, **changes: object) -> Material:
        """The same material with some properties changed."""
        return replace(self, **changes)  # type: ignore[arg-type]  # fields differ in type

    def plain(self) -> Material:
        """The same material without its pattern."""
        return replace(self, pattern="plain")


def table(materials: Sequence[Material]) -> NDArray[np.float32]:
    """All materials as the table (k, columns) the shader reads."""
    return np.array([material.row() for material in materials], np.float32)


def cloth(colour: Colour, *, crease: float = 0.006, size: float = 0.12) -> Material:
    """Cotton or linen: matt, softly creased, with a fine weave."""
    return Material(
        colour, rough=0.85, shine=0.015, sheen=0.25, wrap=0.25, bump="weave", bump_size=0.004,
        bump_depth=0.0006, crease_size=size, crease_depth=crease, mottle=0.08,
    )  # fmt: skip


def knit(colour: Colour) -> Material:
    """Wool in visible stitches."""
    return Material(
        colour, rough=0.95, shine=0.01, sheen=0.5, wrap=0.35, bump="knit", bump_size=0.012,
        bump_depth=0.004, crease_size=0.15, crease_depth=0.004, mottle=0.12,
    )  # fmt: skip


def leather(colour: Colour, *, grain: float = 0.005, gloss: float = 0.38) -> Material:
    """Grained hide with a soft gleam."""
    return Material(
        colour, rough=gloss, shine=0.045, wrap=0.05, bump="grain", bump_size=grain,
        bump_depth=grain * 0.05, crease_size=0.08, crease_depth=0.0015, mottle=0.14,
    )  # fmt: skip


def suede(colour: Colour) -> Material:
    """Napped hide: matt and soft."""
    return Material(
        colour, rough=0.95, shine=0.01, sheen=0.6, wrap=0.2, bump="fleece", bump_size=0.004,
        bump_depth=0.0006, crease_size=0.05, crease_depth=0.001, mottle=0.3,
    )  # fmt: skip


def canvas(colour: Colour) -> Material:
    """Strong plain weave."""
    return Material(
        colour, rough=0.85, shine=0.02, sheen=0.15, wrap=0.15, bump="weave", bump_size=0.006,
        bump_depth=0.0015, crease_size=0.1, crease_depth=0.003, mottle=0.1,
    )  # fmt: skip


def nylon(colour: Colour) -> Material:
    """Thin coated cloth with a sheen."""
    return Material(
        colour, rough=0.55, shine=0.05, sheen=0.2, wrap=0.1, crease_size=0.06,
        crease_depth=0.005, mottle=0.05,
    )  # fmt: skip


def rubber(colour: Colour) -> Material:
    """Soles and grips."""
    return Material(colour, rough=0.65, shine=0.03, wrap=0.05)


def plastic(colour: Colour, *, gloss: float = 0.15) -> Material:
    """Smooth moulded plastic or lacquer."""
    return Material(colour, rough=gloss, shine=0.05)


def ceramic(colour: Colour) -> Material:
    """Glazed clay."""
    return Material(colour, rough=0.08, shine=0.055, wrap=0.1)


def stone(colour: Colour) -> Material:
    """Unglazed clay, concrete, plaster."""
    return Material(
        colour, rough=0.9, shine=0.02, bump="fleece", bump_size=0.006, bump_depth=0.0008,
        crease_size=0.05, mottle=0.18,
    )  # fmt: skip


def metal(name: str, *, rough: float = 0.14) -> Material:
    """Polished metal, one of `METALS`."""
    return Material(linear(METALS[name]), rough=rough, metal=1.0, shine=0.6)


def wood(name: str, *, repeat: float = 0.12, seed: int = 0, gloss: float = 0.4) -> Material:
    """Oiled or lacquered wood, one of `WOODS`, the grain along v."""
    light, dark = WOODS[name]
    return Material(
        linear(light), linear(dark), linear(dark), pattern="wood", repeat=repeat, seed=seed,
        rough=gloss, shine=0.04, bump="fibre", bump_size=0.01, bump_depth=0.0004,
        crease_size=0.3, mottle=0.15,
    )  # fmt: skip


def paper(colour: Colour) -> Material:
    """The backdrop's paper or painted wall."""
    return Material(colour, rough=0.95, shine=0.0)
