"""What the demo shop sells: each category with its designer, prices and way to be photographed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from feature_store.demo.backdrops import FLAT, LARGE, SMALL, Maker
from feature_store.demo.design import Design
from feature_store.demo.products.backpacks import backpack
from feature_store.demo.products.bicycles import bicycle
from feature_store.demo.products.boots import boot
from feature_store.demo.products.chairs import chair
from feature_store.demo.products.dresses import dress
from feature_store.demo.products.guitars import guitar
from feature_store.demo.products.handbags import handbag
from feature_store.demo.products.hats import hat
from feature_store.demo.products.headphones import headphones
from feature_store.demo.products.jackets import jacket
from feature_store.demo.products.lamps import lamp
from feature_store.demo.products.mugs import mug
from feature_store.demo.products.plants import plant
from feature_store.demo.products.sneakers import sneaker
from feature_store.demo.products.sofas import sofa
from feature_store.demo.products.suitcases import suitcase
from feature_store.demo.products.sunglasses import sunglasses
from feature_store.demo.products.t_shirts import t_shirt
from feature_store.demo.products.trousers import trousers
from feature_store.demo.products.umbrellas import umbrella
from feature_store.demo.products.watches import watch

Designer = Callable[[random.Random], Design]
Studio = tuple[Maker, ...]


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
    Listing("t-shirts", t_shirt, _ANYONE, (12, 45), (-7, 7), (80, 88), FLAT, "wardrobe", True),
    Listing("dresses", dress, ("ladies",), (35, 160), (-25, 25), (4, 14), LARGE, "room"),
    Listing("trousers", trousers, _ANYONE, (29, 110), (-6, 6), (80, 88), FLAT, "wardrobe", True),
    Listing("jackets", jacket, _ANYONE, (59, 320), (-7, 7), (80, 88), FLAT, "wardrobe", True),
    Listing("sneakers", sneaker, _ANYONE, (39, 180), (-42, 12), (10, 28), SMALL, "table"),
    Listing("boots", boot, _ANYONE, (49, 290), (-42, 12), (6, 18), SMALL, "table"),
    Listing("handbags", handbag, ("ladies",), (45, 690), (-28, 28), (6, 18), SMALL, "table"),
    Listing("backpacks", backpack, _ANYONE, (35, 210), (-35, 35), (6, 16), SMALL, "table"),
    Listing("suitcases", suitcase, ("leisure",), (79, 490), (-38, 38), (6, 14), LARGE, "room"),
    Listing("watches", watch, _ANYONE, (59, 1900), (-38, 38), (6, 22), SMALL, "table"),
    Listing("sunglasses", sunglasses, _ANYONE, (19, 290), (-35, 35), (8, 24), SMALL, "table"),
    Listing("hats", hat, _ANYONE, (15, 95), (-25, 25), (10, 24), SMALL, "table"),
    Listing("headphones", headphones, ("leisure",), (29, 420), (-50, 50), (6, 20), SMALL, "table"),
    Listing("chairs", chair, ("home",), (59, 390), (-50, -18), (10, 22), LARGE, "room"),
    Listing("sofas", sofa, ("home",), (390, 2400), (-28, 28), (8, 16), LARGE, "room"),
    Listing("lamps", lamp, ("home",), (25, 260), (-25, 25), (4, 14), LARGE, "room"),
    Listing("plants", plant, ("home",), (12, 90), (0, 360), (8, 20), LARGE, "room"),
    Listing("mugs", mug, ("home",), (7, 28), (-35, 35), (8, 28), SMALL, "table"),
    Listing("bicycles", bicycle, ("leisure",), (290, 3200), (-22, 22), (2, 12), LARGE, "room"),
    Listing("umbrellas", umbrella, _ANYONE, (15, 89), (-30, 30), (6, 24), LARGE, "room"),
    Listing(
        "guitars", guitar, ("leisure",), (149, 2600), (-48, 48), (76, 88), FLAT, "wardrobe", True
    ),
)
"""Every category of the demo shop, in the order in which its items are numbered."""

BRANDS = (
    "Alvora",
    "Brunnmark",
    "Cobrelle",
    "Daystead",
    "Eldermoor",
    "Fjellvik",
    "Gantree",
    "Havnorr",
    "Ivelo",
    "Junaro",
    "Kestrane",
    "Lumivo",
    "Maravelle",
    "Nordhem",
    "Orrisk",
    "Pellisor",
    "Quillon",
    "Rivenna",
    "Solquist",
    "Tamarok",
    "Umbrelle",
    "Veltano",
    "Wexholm",
    "Zephyra",
)
"""Invented brand words."""
