"""What the demo shop sells: each category with its designer, prices and way to be photographed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from feature_store.demo.backdrops import FLAT, LARGE, SMALL, Backdrop
from feature_store.demo.design import Design
from feature_store.demo.products import furniture, garments, household

Designer = Callable[[random.Random], Design]
Studio = tuple[Callable[[random.Random, float], Backdrop], ...]


@dataclass(frozen=True)
class Listing:
    """One category.

    `turn` and `pitch` are ranges in degrees: how the product is turned and how far the camera
    looks down; `company` names the categories it may share a scene with by a common word;
    `height` is about how tall it is in metres, by which scenes are scaled.
    """

    category: str
    design: Designer
    segments: tuple[str, ...]
    prices: tuple[float, float]
    turn: tuple[float, float]
    pitch: tuple[float, float]
    studio: Studio
    company: str
    flat: bool = False


_ANYONE = ("ladies", "men")

LISTINGS: tuple[Listing, ...] = (
    Listing("t-shirts", garments.t_shirt, _ANYONE, (12, 45), (-7, 7), (80, 88), FLAT, "wardrobe", True),
    Listing("dresses", garments.dress, ("ladies",), (35, 160), (-7, 7), (80, 88), FLAT, "wardrobe", True),
    Listing("trousers", garments.trousers, _ANYONE, (29, 110), (-6, 6), (80, 88), FLAT, "wardrobe", True),
    Listing("jackets", garments.jacket, _ANYONE, (59, 320), (-7, 7), (80, 88), FLAT, "wardrobe", True),
    Listing("chairs", furniture.chair, ("home",), (59, 390), (-50, -18), (10, 22), LARGE, "room"),
    Listing("sofas", furniture.sofa, ("home",), (390, 2400), (-28, 28), (8, 16), LARGE, "room"),
    Listing("lamps", household.lamp, ("home",), (25, 260), (-25, 25), (4, 14), LARGE, "room"),
    Listing("plants", household.plant, ("home",), (12, 90), (0, 360), (8, 20), LARGE, "room"),
    Listing("mugs", household.mug, ("home",), (7, 28), (-35, 35), (8, 28), SMALL, "table"),
)  # fmt: skip
"""Every category of the demo shop, in the order in which its items are numbered."""

BRANDS = (
    "Alvora", "Brunnmark", "Cobrelle", "Daystead", "Eldermoor", "Fjellvik", "Gantree", "Havnorr", "Ivelo",
    "Junaro", "Kestrane", "Lumivo", "Maravelle", "Nordhem", "Orrisk", "Pellisor", "Quillon", "Rivenna",
    "Solquist", "Tamarok", "Umbrelle", "Veltano", "Wexholm", "Zephyra",
)  # fmt: skip
"""Invented brand words."""
