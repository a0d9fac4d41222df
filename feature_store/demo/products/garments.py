"""T-shirts, dresses, trousers and jackets, photographed as if worn by nobody."""

from __future__ import annotations

import math
import random

import numpy as np

from feature_store.demo.design import Design
from feature_store.demo.geometry import Mesh, box, curve, grid, lathe, loft, tube
from feature_store.demo.materials import Material, cloth, knit, leather, metal, nylon, plastic
from feature_store.demo.model import Model
from feature_store.demo.palette import CLOTH, COLOURS, companion, dimmed, shade
from feature_store.demo.products.shells import AROUND, F64, Body, body, drape, limb, mirrored

def printed(base: Material, pattern: str, colour: str, chance: random.Random, size: float = 1.0) -> Material:
    """The cloth with a pattern in a colour that goes with its own."""
    other = shade(companion(colour, chance), chance)
    third = shade(chance.choice(("green", "red", "yellow", "navy", "pink", "white")), chance)
    repeats = {"striped": 0.05, "checked": 0.045, "tartan": 0.1, "dotted": 0.045, "floral": 0.085, "zigzag": 0.06,
               "camouflage": 0.11, "leopard": 0.05, "diamonds": 0.08, "herringbone": 0.03}  # fmt: skip
    if pattern == "plain":
        return base
    return base.but(
        pattern=pattern, second=other, third=third, seed=chance.randrange(90),
        repeat=repeats.get(pattern, 0.06) * size * chance.uniform(0.85, 1.25),
    )  # fmt: skip


TEE_PROFILE = [(-0.08, 0.255, 0.105), (0.2, 0.25, 0.11), (0.42, 0.255, 0.115), (0.5, 0.25, 0.115),
               (0.56, 0.225, 0.1), (0.595, 0.17, 0.085), (0.618, 0.118, 0.075), (0.63, 0.088, 0.07)]  # fmt: skip


def _torso(chance: random.Random, profile: list[tuple[float, float, float]], neck: float, fold: float) -> Body:
    shell = body(profile, 44)
    rings = shell.rings.copy()
    t = np.linspace(0, 1, 44)
    top, low = profile[-1][0], 0.25
    weight = np.clip((rings[..., 1] - low) / (top - low), 0, 1)
    across = np.clip(np.abs(rings[..., 0]) / (profile[-1][1] * 1.12), 0, 1)
    dip = 1 - across if neck > 0.12 else 1 - across**2.4
    rings[..., 1] -= weight * dip * np.where(shell.front > 0, neck, 0.015)[None]
    share = np.clip(1.05 - t * 1.25, 0.06, 1)
    return Body(drape(rings, chance, fold, 6, share), shell.front, shell.rings)


def t_shirt(chance: random.Random) -> Design:
    """A T-shirt, round or V-necked, printed, striped or plain."""
    style = chance.choice(("crew-neck T-shirt", "V-neck T-shirt", "oversized T-shirt", "ringer T-shirt"))
    colour = chance.choice(CLOTH)
    pattern = chance.choice(("plain", "plain", "graphic", "graphic", "striped", "striped", "dotted", "floral",
                             "block", "camouflage", "checked"))  # fmt: skip
    base = cloth(shade(colour, chance), crease=0.016, size=0.09).but(seed=chance.randrange(90))
    other = shade(companion(colour, chance), chance)
    if pattern == "graphic":
        fabric = base.but(pattern="graphic", second=other, third=shade(chance.choice(CLOTH), chance),
                          repeat=chance.uniform(0.22, 0.3), seed=chance.randrange(60), shift=(0.0, 0.4))  # fmt: skip
    elif pattern == "block":
        fabric = base.but(pattern="block", second=other, third=shade(chance.choice(CLOTH), chance), repeat=0.5,
                          shift=(0.0, 0.34))  # fmt: skip
    else:
        fabric = printed(base, pattern, colour, chance)
    wide = 1.1 if style == "oversized T-shirt" else chance.uniform(0.93, 1.02)
    profile = [(y, w * wide if y < 0.58 else w, d) for y, w, d in TEE_PROFILE]
    drop = 0.16 if style == "V-neck T-shirt" else chance.uniform(0.06, 0.085)
    torso = _torso(chance, profile, drop, 0.008)
    model = Model(pose="flat")
    model.add(fabric, torso.skin())
    long = 0.3 if style == "oversized T-shirt" else chance.uniform(0.2, 0.26)
    _sleeves(model, chance, fabric, wide, long, colour)
    trim = base.but(first=other) if style == "ringer T-shirt" else base.but(first=dimmed(base.first, 0.93))
    _collar(model, torso, trim, 0.009)
    model.add(base, _hem(torso.rings[0], 0.004))
    _label(model, torso)
    return Design(model, style, colour, pattern, "cotton")


def _sleeves(model: Model, chance: random.Random, fabric: Material, wide: float, long: float, colour: str) -> None:
    side = 0.215 * wide
    slope = chance.uniform(0.7, 1.0)
    end = (side + long * math.cos(slope), 0.475 - long * math.sin(slope), 0.0)
    path = [(side - 0.1, 0.5, 0.0), (side - 0.01, 0.478, 0.0), end]
    right = limb(path, [0.05, 0.088, 0.09, 0.092], [0.05, 0.085, 0.07, 0.062], chance, rows=18, crumple=0.003)
    plain = fabric.plain() if fabric.pattern in ("graphic", "block") else fabric
    for rings in (right, mirrored(right)):
        model.add(plain, loft(rings))
        model.add(plain.plain(), _hem(rings[-1], 0.0035))


def _on_front(rings: F64, y: float, column: int) -> F64:
    """The point of a shell's column at height y."""
    line = rings[:, column % rings.shape[1]]
    order = np.argsort(line[:, 1])
    return np.array([np.interp(y, line[order, 1], line[order, k]) for k in range(3)])


def _hem(ring: F64, radius: float) -> Mesh:
    return tube(ring, radius, sides=6, closed=True)


def _collar(model: Model, torso: Body, trim: Material, radius: float) -> None:
    ring = torso.rings[-1]
    rib = trim.but(bump="cord", bump_size=0.006, bump_depth=0.0015, crease_depth=0.0, pattern="plain")
    model.add(rib, tube(ring, radius, sides=8, closed=True))


def _label(model: Model, torso: Body) -> None:
    """The small woven label inside the back of the neck."""
    back = torso.rings[-2][0]
    tag = box(0.045, 0.028, 0.002, corner=0.0009, edge=0.0005, sides=16)
    model.add(Material((0.9, 0.9, 0.9)), tag.moved(back[0], back[1] - 0.036, back[2] + 0.006))


def dress(chance: random.Random) -> Design:
    """A dress: full-skirted, straight, long or with a short flounced skirt."""
    style = chance.choice(("fit-and-flare dress", "maxi dress", "shift dress", "slip dress", "tea dress"))
    colour = chance.choice(CLOTH)
    pattern = chance.choice(("floral", "floral", "plain", "plain", "plain", "dotted", "striped", "leopard", "checked",
                             "zigzag", "ombre"))  # fmt: skip
    base = cloth(shade(colour, chance), crease=0.012, size=0.11).but(seed=chance.randrange(90))
    if chance.random() < 0.25:
        base = base.but(rough=0.42, shine=0.05)
    length, flare, waist, folds = {
        "fit-and-flare dress": (0.55, 0.36, 0.155, 9), "maxi dress": (0.9, 0.36, 0.165, 8),
        "shift dress": (0.5, 0.235, 0.215, 4), "slip dress": (0.66, 0.25, 0.18, 5), "tea dress": (0.62, 0.32, 0.16, 8),
    }[style]  # fmt: skip
    length *= chance.uniform(0.92, 1.08)
    if pattern == "ombre":
        fabric = base.but(pattern="ombre", second=shade(companion(colour, chance), chance), repeat=0.5,
                          shift=(0.0, length * 0.8))  # fmt: skip
    else:
        fabric = printed(base, pattern, colour, chance, 1.1)
    model = Model(pose="flat")
    _skirt(model, chance, fabric, length, flare, waist, folds)
    top = [(0.0, waist, 0.095), (0.06, waist * 1.05, 0.1), (0.2, 0.215, 0.12), (0.27, 0.212, 0.112),
           (0.33, 0.19, 0.095), (0.372, 0.145, 0.08), (0.4, 0.105, 0.07)]  # fmt: skip
    strappy = style in ("slip dress", "maxi dress") and chance.random() < 0.75
    shell = body(top[:4] if strappy else top, 30)
    rings = shell.rings.copy()
    t = np.linspace(0, 1, 30)[:, None]
    if strappy:
        rings[..., 1] -= 0.045 * t**4 * (np.abs(np.cos(np.pi * (shell.front + 1)))[None] + (shell.front < 0)) * 0.7
    else:
        rings[..., 1] -= chance.choice((0.05, 0.09, 0.14)) * np.clip((t - 0.7) / 0.3, 0, 1) ** 1.5 * np.clip(shell.front, 0, 1)[None] ** 2
    model.add(fabric, loft(drape(rings, chance, 0.003, 5)))
    model.add(fabric.plain(), _hem(rings[-1], 0.005))
    if strappy:
        _straps(model, fabric.plain(), rings)
    else:
        _dress_sleeves(model, chance, fabric, style)
    if style in ("fit-and-flare dress", "tea dress", "maxi dress") and chance.random() < 0.6:
        belt = leather(shade(chance.choice(("brown", "tan", "black")), chance)) if chance.random() < 0.4 else base.but(first=dimmed(base.first, 0.8))
        sash = body([(-0.018, waist + 0.005, 0.1), (0.0, waist + 0.004, 0.1), (0.02, waist + 0.006, 0.101)], 5)
        model.add(belt, loft(sash.rings))
    return Design(model, style, colour, pattern, "satin" if fabric.rough < 0.5 else "cotton")


def _skirt(
    model: Model, chance: random.Random, fabric: Material, length: float, flare: float, waist: float, folds: int
) -> None:
    mid = waist + (flare - waist) * 0.45 + (0.02 if flare > waist + 0.05 else 0.005)
    hip = waist + min(0.045, 0.2 * (flare - waist) + 0.008)
    skirt = body([(-length, flare, 0.14), (-length * 0.55, mid, 0.125), (-length * 0.2, hip, 0.11), (0.004, waist, 0.095)], 44, 2.2)
    share = np.linspace(1, 0.05, 44) ** 1.1
    rings = drape(skirt.rings, chance, 0.05 * (flare / 0.36) ** 2, folds, share)
    if chance.random() < 0.3:
        rings[..., 1] += (0.12 * length * skirt.front * (np.linspace(1, 0, 44)[:, None] ** 2)) * 0.5
    model.add(fabric, loft(rings))
    model.add(fabric.plain(), _hem(rings[0], 0.004))


def _straps(model: Model, fabric: Material, rings: F64) -> None:
    top = rings[-1]
    for side in (-1, 1):
        front = top[np.argmin(np.linalg.norm(top[:, [0, 2]] - [side * 0.115, 0.1], axis=1))]
        back = top[np.argmin(np.linalg.norm(top[:, [0, 2]] - [side * 0.1, -0.1], axis=1))]
        mid = (side * 0.1, 0.4, -0.01)
        model.add(fabric, tube(curve([front, mid, back], 18), 0.006, flat=0.5, up=(1, 0, 0)))


def _dress_sleeves(model: Model, chance: random.Random, fabric: Material, style: str) -> None:
    kind = chance.choice(("none", "cap", "long", "puff")) if style != "slip dress" else "none"
    if kind == "none":
        return
    reach, cuff = {"cap": (0.14, 0.07), "long": (0.48, 0.042), "puff": (0.2, 0.05)}[kind]
    swell = 0.095 if kind == "puff" else 0.07
    end = (0.2 + reach * 0.62, 0.275 - reach * 0.8, 0.0)
    path = [(0.1, 0.3, 0), (0.175, 0.28, 0), (0.2 + reach * 0.35, 0.275 - reach * 0.4, 0), end]
    right = limb(path, [0.055, swell, swell * 0.9, cuff], [0.05, 0.07, 0.065, cuff], chance)
    for rings in (right, mirrored(right)):
        model.add(fabric, loft(rings))
        model.add(fabric.plain(), _hem(rings[-1], 0.005))


def trousers(chance: random.Random) -> Design:
    """Jeans, chinos, joggers, wide or cargo trousers."""
    style = chance.choice(("slim jeans", "straight jeans", "chinos", "wide-leg trousers", "joggers", "cargo trousers"))
    pattern = "plain"
    if "jeans" in style:
        colour = chance.choice(("blue", "navy", "light blue", "black", "grey", "blue"))
        tone = dimmed(shade(colour, chance), 0.45 if colour != 'black' else 0.9)
        fabric = cloth(tone, crease=0.011, size=0.07).but(seed=chance.randrange(90),
            pattern="denim", second=dimmed(shade("light blue", chance), 0.8 if colour != "black" else 0.2), mottle=0.35,
        )  # fmt: skip
        pattern, material = "denim", "denim"
    else:
        colour = chance.choice(("beige", "olive", "black", "navy", "grey", "brown", "tan", "white", "burgundy", "teal", "green"))
        fabric = knit(shade(colour, chance)).but(bump_size=0.006, bump_depth=0.001, crease_depth=0.009) if style == "joggers" else cloth(shade(colour, chance), crease=0.012, size=0.08).but(seed=chance.randrange(90))
        material = "jersey" if style == "joggers" else "cotton"
        if style == "wide-leg trousers" or (style == "cargo trousers" and chance.random() < 0.5):
            pattern = "camouflage" if style == "cargo trousers" else chance.choice(("plain", "plain", "striped", "tartan", "checked"))
            fabric = printed(fabric, pattern, colour, chance).but(angle=math.pi / 2 if pattern == "striped" else 0.0)
    knee, ankle = {"slim jeans": (0.078, 0.058), "straight jeans": (0.092, 0.085), "chinos": (0.087, 0.07),
                   "wide-leg trousers": (0.12, 0.145), "joggers": (0.09, 0.052), "cargo trousers": (0.105, 0.09)}[style]  # fmt: skip
    model = Model(pose="flat")
    hips = body([(0.72, 0.13, 0.02), (0.78, 0.18, 0.05), (0.85, 0.192, 0.085), (0.92, 0.182, 0.098), (0.99, 0.165, 0.09), (1.03, 0.16, 0.088)], 24)
    hips_rings = drape(hips.rings, chance, 0.003, 5)
    model.add(fabric, loft(hips_rings))
    lean = chance.uniform(0.02, 0.06) + (0.03 if style == "wide-leg trousers" else 0)
    path = [(0.085, 0.95, 0), (0.098, 0.75, 0), (0.105 + lean * 0.5, 0.4, 0), (0.1 + lean, 0.0, 0)]
    right = limb(path, [0.05, 0.094, (0.1 + knee) / 2, knee, (knee + ankle) / 2, ankle], [0.02, 0.072, 0.084, 0.074, 0.062, 0.055], chance, rows=48, crumple=0.0035)
    for rings in (right, mirrored(right)):
        model.add(fabric, loft(rings))
        model.add(fabric.but(first=dimmed(fabric.first, 0.85)), _hem(rings[-1], 0.005 if style != "joggers" else 0.012))
    _waist(model, chance, fabric, hips_rings, style)
    if style == "cargo trousers":
        pocket = box(0.1, 0.14, 0.035, corner=0.01, edge=0.01)
        flap = box(0.106, 0.045, 0.04, corner=0.01, edge=0.008)
        for side in (-1, 1):
            model.add(fabric, pocket.moved(side * 0.155, 0.45, 0.055), flap.moved(side * 0.155, 0.56, 0.056))
    return Design(model, style, colour, pattern, material)


def _waist(model: Model, chance: random.Random, fabric: Material, hips: F64, style: str) -> None:
    top = hips[-1]
    band = np.stack([top + [0, dy, 0] for dy in (-0.03, -0.015, 0.0, 0.008)])
    band[..., (0, 2)] *= 1.02
    plain = fabric.but(crease_depth=0.002)
    if style == "joggers":
        plain = plain.but(bump="cord", bump_size=0.008, bump_depth=0.003)
    model.add(plain.but(first=dimmed(fabric.first, 0.92)), loft(band))
    middle = AROUND // 2
    thread = Material(dimmed(fabric.first, 0.45)) if "jeans" not in style else Material((0.5, 0.25, 0.06))
    fly = [hips[k][middle] + [0.0, 0, 0.003] for k in range(8, 24)]
    if style == "joggers":
        cord = plain.but(first=shade("white", chance), bump="smooth")
        for side in (-1, 1):
            knot = curve([fly[-1] + [0, 0, 0.01], fly[-1] + [side * 0.02, -0.05, 0.015], fly[-1] + [side * 0.025, -0.12, 0.01]], 12)
            model.add(cord, tube(knot, 0.004))
        return
    model.add(thread, tube(np.array(fly), 0.0016, sides=5))
    for side in (-1, 1):
        path = [hips[k][middle + side * j] + [0, 0, 0.002] for k, j in ((22, 9), (19, 10), (16, 12), (14, 14))]
        model.add(thread, tube(curve(path, 16), 0.0016, sides=5))
        loop = [band[k][middle + side * 7] * [1, 1, 1.03] for k in range(4)]
        model.add(plain, tube(np.array(loop), 0.005, flat=0.4, up=(1, 0, 0)))
    button = lathe([(0.0, 0.004), (0.008, 0.003), (0.009, 0.0)], 14).turned("x", 90)
    model.add(metal(chance.choice(("copper", "steel", "brass"))), button.moved(*(band[2][middle] + [0, 0, 0.001])))


def jacket(chance: random.Random) -> Design:
    """A puffer, bomber, denim, leather or rain jacket, or a wool coat."""
    style = chance.choice(("puffer jacket", "bomber jacket", "denim jacket", "biker jacket", "rain jacket", "wool coat"))
    colour, fabric, material, pattern = _jacket_cloth(chance, style)
    long = {"puffer jacket": 0.1, "rain jacket": 0.2, "wool coat": 0.36}.get(style, 0.05)
    profile = [(-long, 0.262, 0.12), (0.0 if long > 0.1 else -long / 2, 0.258, 0.125), (0.22, 0.262, 0.13), (0.42, 0.27, 0.135),
               (0.52, 0.255, 0.125), (0.575, 0.205, 0.11), (0.605, 0.15, 0.095), (0.625, 0.095, 0.085)]  # fmt: skip
    fabric = fabric.but(seed=fabric.seed or chance.randrange(90))
    torso = _torso(chance, profile, 0.05, 0.005)
    rings = torso.rings
    if style == "puffer jacket":
        rings = _quilted(rings, 0.085, 0.02)
    model = Model(pose="flat")
    model.add(fabric, loft(rings))
    _jacket_sleeves(model, chance, fabric, style)
    _front(model, chance, fabric, rings, style)
    _jacket_collar(model, chance, fabric, rings, style)
    rib = knit(dimmed(fabric.first, 0.7)).but(bump="cord", bump_size=0.008, bump_depth=0.004, pattern="plain")
    if style == "bomber jacket":
        model.add(rib, loft(np.stack([rings[0] * [0.95, 1, 0.95] + [0, dy, 0] for dy in (-0.065, -0.03, 0.004)])))
    return Design(model, style, colour, pattern, material)


def _jacket_cloth(chance: random.Random, style: str) -> tuple[str, Material, str, str]:
    colour = chance.choice(
        {"denim jacket": ("blue", "light blue", "navy", "black"), "biker jacket": ("black", "brown", "tan", "burgundy", "black"),
         "wool coat": ("grey", "beige", "navy", "black", "brown", "burgundy", "tan"),
         }.get(style, tuple(COLOURS))
    )  # fmt: skip
    tone = shade(colour, chance)
    if style == "denim jacket":
        return colour, cloth(dimmed(tone, 0.45 if colour != 'black' else 0.9), crease=0.012).but(pattern="denim", second=shade("light blue", chance), mottle=0.3), "denim", "denim"
    if style == "biker jacket":
        return colour, leather(tone, grain=0.008).but(crease_depth=0.006), "leather", "plain"
    if style == "wool coat":
        pattern = chance.choice(("plain", "plain", "tartan", "herringbone", "checked"))
        return colour, printed(knit(tone).but(bump="fleece", bump_size=0.006, bump_depth=0.0015), pattern, colour, chance), "wool", pattern
    pattern = chance.choice(("plain", "plain", "plain", "camouflage", "block"))
    fabric = nylon(tone)
    if style == "puffer jacket":
        fabric = fabric.but(crease_size=0.035, crease_depth=0.006)
    if pattern == "block":
        second = shade(companion(colour, chance), chance)
        return colour, fabric.but(pattern="block", second=second, third=fabric.first, repeat=0.9, shift=(0, 0.35)), "nylon", pattern
    return colour, printed(fabric, pattern, colour, chance, 1.2), "nylon", pattern


def _quilted(rings: F64, pitch: float, depth: float) -> F64:
    """Swell a shell between horizontal seams, as down does."""
    fine = np.linspace(0, len(rings) - 1, 120)
    low = fine.astype(int)
    high = np.minimum(low + 1, len(rings) - 1)
    t = (fine - low)[:, None, None]
    p = rings[low] * (1 - t) + rings[high] * t
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p.mean(axis=1), axis=0), axis=1))])
    length = np.maximum(length, p[:, :, 1].mean(axis=1) - p[0, :, 1].mean()) if len(p) else length
    swell = depth * np.sqrt(np.abs(np.sin(np.pi * length / pitch)))
    out = p - p.mean(axis=1, keepdims=True)
    out /= np.linalg.norm(out, axis=2, keepdims=True) + 1e-9
    return np.asarray(p + out * (swell - 0.5 * depth)[:, None, None])


def _jacket_sleeves(model: Model, chance: random.Random, fabric: Material, style: str) -> None:
    bend = chance.uniform(0.0, 0.05)
    path = [(0.1, 0.5, 0), (0.215, 0.475, 0), (0.315, 0.25, 0.0), (0.34 + bend, -0.05, 0.01)]
    right = limb(path, [0.05, 0.09, 0.088, 0.08, 0.072, 0.066], [0.05, 0.09, 0.082, 0.074, 0.066, 0.058], chance, rows=40, crumple=0.005)
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
            model.add(cuff, loft(np.stack([centre + (end - centre) * f + away * d for f, d in ((0.95, -0.005), (0.78, 0.02), (0.72, 0.055))])))
        else:
            model.add(plain.plain(), _hem(end, 0.006))


def _front(model: Model, chance: random.Random, fabric: Material, rings: F64, style: str) -> None:
    """The closing, zip or buttons, and the pockets."""
    middle = AROUND // 2
    rows = len(rings)
    line = np.array([rings[k][middle] + [0, 0, 0.004] for k in range(0, rows - 2, 2)])
    dark = fabric.plain().but(first=dimmed(fabric.first, 0.5), crease_depth=0.0)
    if style in ("denim jacket", "wool coat"):
        model.add(dark, tube(line + [0.022, 0, 0], 0.0025, sides=5))
        button = lathe([(0.0, 0.006), (0.011, 0.005), (0.012, 0.0)], 16).turned("x", 90)
        surface = metal("copper") if style == "denim jacket" else plastic(shade("brown", chance))
        for y in np.linspace(line[0][1] + 0.06, line[-1][1] - 0.03, 6):
            model.add(surface, button.moved(*(_on_front(rings, y, middle) + [0, 0, 0.006])))
    else:
        model.add(dark, tube(line, 0.009, sides=6, flat=0.6, up=(1, 0, 0)))
        model.add(metal(chance.choice(("steel", "brass", "black metal"))), tube(line + [0, 0, 0.004], 0.0042, sides=6))
    for side in (-1, 1):
        if style == "denim jacket":
            place = _on_front(rings, 0.36, middle + side * 8)
            pocket = box(0.1, 0.11, 0.014, corner=0.006, edge=0.004).moved(*(place - [0, 0.055, 0.003]))
            flap = box(0.106, 0.036, 0.019, corner=0.006, edge=0.004).moved(*(place + [0, 0.03, -0.003]))
            model.add(fabric, pocket, flap)
        else:
            slit = [_on_front(rings, y, middle + side * 10) + [0, 0, 0.003] for y in (0.05, 0.11, 0.17)]
            model.add(dark, tube(curve(slit, 10), 0.005, sides=6))


def _jacket_collar(model: Model, chance: random.Random, fabric: Material, rings: F64, style: str) -> None:
    ring = rings[-1]
    plain = fabric.plain() if fabric.pattern in ("block", "denim") else fabric
    if style == "bomber jacket":
        rib = knit(dimmed(fabric.first, 0.7)).but(bump="cord", bump_size=0.008, bump_depth=0.004)
        model.add(rib, tube(ring + [0, 0.008, 0], 0.02, sides=10, closed=True))
        return
    if style in ("puffer jacket", "rain jacket"):
        stand = np.stack([ring + [0, -0.01, 0], ring * [1.05, 1, 1.1] + [0, 0.03, 0], ring * [1.02, 1, 1.05] + [0, 0.075, 0], ring * [0.95, 1, 0.95] + [0, 0.08, 0],
                          ring * [0.88, 1, 0.85] + [0, 0.04, 0]])  # fmt: skip
        model.add(plain, loft(stand))
        return
    for side in (-1, 1):
        wing = _lapel(ring, side, 0.2 if style == "wool coat" else 0.1)
        model.add(plain, wing)
    back = np.stack([ring + [0, -0.005, 0], ring * [1.06, 1, 1.08] + [0, 0.028, 0], ring * [1.15, 1, 1.15] + [0, -0.012, 0]])
    cols = np.r_[AROUND - 20 : AROUND, 0:21]
    model.add(plain, grid(back[:, cols]))


def _lapel(ring: F64, side: int, drop: float) -> Mesh:
    """A flap that folds open from the neck down along the front."""
    middle = AROUND // 2
    cols = [(middle + side * k) % AROUND for k in range(22, -1, -2)]
    top = ring[cols]
    t = np.linspace(0, 1, len(cols))[:, None]
    inner = top + np.array([side * 0.006, -drop * 1.0, 0.012]) * t**2 + [0, 0.012, 0.004]
    outer = inner + np.array([side, 0, 0]) * (0.035 + 0.045 * np.sin(np.pi * np.minimum(t * 1.05, 1) ** 0.8)) * (1 - t**6) + np.array([0, -0.035, 0.012])
    points = np.stack([outer, (outer + inner) / 2 + [0, 0.004, 0.012], inner])
    return grid(points if side < 0 else points[:, ::-1])
