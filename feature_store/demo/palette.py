"""The demo shop's colours and the names by which its catalogue knows them."""

from __future__ import annotations

import random

Colour = tuple[float, float, float]
"""Red, green and blue in linear light, 0..1."""

COLOURS: dict[str, tuple[str, ...]] = {
    "black": ("#1b1b1d", "#232326", "#18191c"),
    "white": ("#f1efe9", "#ebe9e4", "#f5f4f0"),
    "grey": ("#85888c", "#9a9ca0", "#6c7076"),
    "beige": ("#d3bfa0", "#c9b598", "#dccbb0"),
    "brown": ("#6a4329", "#7b4f2f", "#54341f"),
    "tan": ("#b3793f", "#a96d3a", "#bd8750"),
    "red": ("#b3202a", "#c12d2d", "#9c1c24"),
    "burgundy": ("#5e1a2b", "#6b2033", "#521624"),
    "pink": ("#e3a0b1", "#dc8da3", "#ecb9c4"),
    "orange": ("#d9692a", "#e07a30", "#cb5d22"),
    "yellow": ("#e2b32f", "#dfaa1f", "#e9c24c"),
    "green": ("#2f7a4a", "#3b8a55", "#26663d"),
    "olive": ("#6a6b3a", "#5c5f34", "#777545"),
    "teal": ("#1f7a80", "#27868a", "#186a70"),
    "light blue": ("#8db7d8", "#9cc2df", "#7eabcf"),
    "blue": ("#2a5ba8", "#3167b5", "#234e94"),
    "navy": ("#1f2a4a", "#243154", "#1a2440"),
    "purple": ("#6a4392", "#774f9f", "#5b3880"),
}
"""Shades (sRGB) of each colour name."""

CLOTH = (
    "black",
    "white",
    "grey",
    "beige",
    "red",
    "pink",
    "yellow",
    "green",
    "light blue",
    "blue",
    "navy",
    "teal",
)
LEATHER = ("black", "brown", "tan", "burgundy", "white", "red", "navy", "beige", "olive", "pink")
WOODS: dict[str, tuple[str, str]] = {
    "oak": ("#c39a66", "#8f6a3d"),
    "walnut": ("#6e4a2f", "#422a18"),
    "beech": ("#d8b487", "#b58a58"),
    "mahogany": ("#7a3520", "#4a1c10"),
    "ebony": ("#33261f", "#17110d"),
}
METALS: dict[str, str] = {
    "steel": "#c4c7cb",
    "gold": "#d9b25f",
    "brass": "#b98f45",
    "copper": "#c07a55",
    "black metal": "#2c2d30",
}


def linear(srgb: str) -> Colour:
    """`#rrggbb` as linear light."""
    channels = [int(srgb[k : k + 2], 16) / 255.0 for k in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return r, g, b


def shade(name: str, chance: random.Random) -> Colour:
    """One of the shades of the named colour, a little lighter or darker than written."""
    factor = chance.uniform(0.92, 1.08)
    r, g, b = linear(chance.choice(COLOURS[name]))
    return min(1.0, r * factor), min(1.0, g * factor), min(1.0, b * factor)


def companion(name: str, chance: random.Random) -> str:
    """A colour that prints well on the named one: light on dark, dark on light."""
    dark = {"black", "navy", "burgundy", "brown", "olive", "green", "purple", "blue", "teal", "red"}
    if name in dark:
        return chance.choice(("white", "beige", "yellow", "light blue", "pink", "white"))
    return chance.choice(("navy", "black", "red", "teal", "brown", "white", "green"))


def mixed(one: Colour, two: Colour, share: float) -> Colour:
    """`share` of `two` in `one`."""
    r, g, b = (x * (1 - share) + y * share for x, y in zip(one, two, strict=True))
    return r, g, b


def dimmed(colour: Colour, factor: float) -> Colour:
    """A lighter or darker version, kept inside 0..1."""
    r, g, b = (min(1.0, c * factor) for c in colour)
    return r, g, b
