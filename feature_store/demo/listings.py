"""What the demo shop sells: each category with its designer, prices and way to be photographed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from feature_store.demo.backdrops import FLAT, LARGE, SMALL, Backdrop
from feature_store.demo.design import Design
from feature_store.demo.products import (
    accessories,
    bags,
    footwear,
    furniture,
    garments,
    household,
    outdoors,
)

Designer = Callable[[random.Random], Design]
Studio = tuple[Callable[[random.Random, float], Backdrop], ...]


@dataclass(frozen=True)
class Listing:
    """One category.

    `turn` and `pitch` are ranges in degrees: how the product is turned and how far the camera
    looks down; `company` is a word shared by the categories that it may share a scene with;
    `flat` things are laid on the floor and seen from above.
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
    Listing("sneakers", footwear.sneaker, _ANYONE, (39, 180), (-42, 12), (10, 28), SMALL, "table"),
    Listing("boots", footwear.boot, _ANYONE, (49, 290), (-42, 12), (6, 18), SMALL, "table"),
    Listing("handbags", bags.handbag, ("ladies",), (45, 690), (-28, 28), (6, 18), SMALL, "table"),
    Listing("backpacks", bags.backpack, _ANYONE, (35, 210), (-35, 35), (6, 16), SMALL, "table"),
    Listing("suitcases", bags.suitcase, ("leisure",), (79, 490), (-38, 38), (6, 14), LARGE, "room"),
    Listing("watches", accessories.watch, _ANYONE, (59, 1900), (-38, 38), (6, 22), SMALL, "table"),
    Listing("sunglasses", accessories.sunglasses, _ANYONE, (19, 290), (-35, 35), (8, 24), SMALL, "table"),
    Listing("hats", accessories.hat, _ANYONE, (15, 95), (-25, 25), (10, 24), SMALL, "table"),
    Listing("headphones", accessories.headphones, ("leisure",), (29, 420), (-50, 50), (6, 20), SMALL, "table"),
    Listing("chairs", furniture.chair, ("home",), (59, 390), (-50, -18), (10, 22), LARGE, "room"),
    Listing("sofas", furniture.sofa, ("home",), (390, 2400), (-28, 28), (8, 16), LARGE, "room"),
    Listing("lamps", household.lamp, ("home",), (25, 260), (-25, 25), (4, 14), LARGE, "room"),
    Listing("plants", household.plant, ("home",), (12, 90), (0, 360), (8, 20), LARGE, "room"),
    Listing("mugs", household.mug, ("home",), (7, 28), (-35, 35), (8, 28), SMALL, "table"),
    Listing("bicycles", outdoors.bicycle, ("leisure",), (290, 3200), (-22, 22), (2, 12), LARGE, "room"),
    Listing("umbrellas", outdoors.umbrella, _ANYONE, (15, 89), (-30, 30), (6, 24), LARGE, "room"),
    Listing("guitars", outdoors.guitar, ("leisure",), (149, 2600), (-48, 48), (76, 88), FLAT, "wardrobe", True),
)  # fmt: skip
"""Every category of the demo shop, in the order in which its items are numbered."""

BRANDS = (
    "Alvora", "Brunnmark", "Cobrelle", "Daystead", "Eldermoor", "Fjellvik", "Gantree", "Havnorr", "Ivelo",
    "Junaro", "Kestrane", "Lumivo", "Maravelle", "Nordhem", "Orrisk", "Pellisor", "Quillon", "Rivenna",
    "Solquist", "Tamarok", "Umbrelle", "Veltano", "Wexholm", "Zephyra",
)  # fmt: skip
"""Invented brand words."""
