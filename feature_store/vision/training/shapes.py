"""Products made from nothing: boxes, bottles, garments, bags, frames and blobs with an alpha."""

from __future__ import annotations

import cv2
import numpy as np

from feature_store.vision.training.textures import (
    Floats,
    Pixels,
    random_colour,
    random_texture,
    smooth_noise,
)

_SIDE = 320

# Outlines of the right half in a unit square, top to bottom, (half width, height): mirrored and
# jittered they read as clothes, bags, bottles, lamps and vases.
_OUTLINES: tuple[tuple[tuple[float, float], ...], ...] = (
    ((0.12, 0), (0.28, 0.03), (0.5, 0.16), (0.42, 0.33), (0.3, 0.27), (0.3, 1)),  # short sleeves
    ((0.12, 0), (0.27, 0.03), (0.38, 0.3), (0.48, 0.85), (0.4, 0.88), (0.28, 0.4), (0.28, 1)),
    ((0.12, 0), (0.16, 0.02), (0.17, 0.2), (0.15, 0.4), (0.4, 1)),  # a dress
    ((0.25, 0), (0.27, 0.2), (0.34, 1), (0.1, 1), (0.02, 0.4)),  # trousers
    ((0.24, 0), (0.32, 0.1), (0.4, 1)),  # a skirt
    ((0.08, 0), (0.08, 0.25), (0.2, 0.38), (0.22, 0.45), (0.22, 1)),  # a bottle
    ((0.22, 0), (0.25, 0.1), (0.12, 0.3), (0.3, 0.65), (0.2, 1)),  # a vase
    ((0.2, 0), (0.42, 0.45), (0.05, 0.46), (0.04, 0.92), (0.25, 0.95), (0.26, 1)),  # a lamp
    ((0.3, 0.25), (0.42, 0.3), (0.46, 1)),  # a bag; its handle is drawn apart
    ((0.4, 0), (0.42, 0.3), (0.38, 1)),  # a pot or mug
    ((0.36, 0), (0.4, 0.08), (0.4, 0.92), (0.36, 1)),  # a rounded pack
    ((0.3, 0), (0.44, 0.5), (0.3, 1)),
)


def random_product(rng: np.random.Generator, skin: Pixels | None = None) -> Pixels:
    """A procedural product as tight RGBA, at most 320 px long.

    `skin` is a picture whose crops may serve as the product's print or cloth.
    """
    kinds = (_outlined, _outlined, _outlined, _box, _blob, _framework, _strap)
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    surface = _surface(rng, skin)
    shade = kinds[int(rng.integers(len(kinds)))](rng, mask)
    light = shade * (0.75 + 0.5 * smooth_noise(rng, _SIDE, _SIDE, (4, 4)))
    rgb = np.clip(surface * light[..., None], 0, 255).astype(np.uint8)
    ys, xs = np.where(mask > 40)
    rgba: Pixels = np.dstack([rgb, mask])
    return rgba[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def _surface(rng: np.random.Generator, skin: Pixels | None) -> Floats:
    choice = rng.random()
    if choice < 0.35:
        surface = np.empty((_SIDE, _SIDE, 3), np.uint8)
        surface[:] = random_colour(rng).astype(np.uint8)
    elif choice < 0.6 and skin is not None:
        side = int(rng.integers(60, min(skin.shape[:2])))
        y, x = (int(rng.integers(0, n - side + 1)) for n in skin.shape[:2])
        surface = cv2.resize(skin[y : y + side, x : x + side], (_SIDE, _SIDE)).astype(np.uint8)
    else:
        surface = random_texture(rng, _SIDE, _SIDE)
    if rng.random() < 0.35:  # a print, a label, a logo
        x0, y0 = rng.integers(60, 160, 2)
        x1, y1 = x0 + rng.integers(30, 130), y0 + rng.integers(20, 110)
        colour = [float(v) for v in random_colour(rng)]
        cv2.rectangle(surface, (int(x0), int(y0)), (int(x1), int(y1)), colour, -1)
        word = "".join(rng.choice(list("ABCDEFGHKLMNORSTU"), 5))
        ink = [float(v) for v in random_colour(rng)]
        at = (int(x0) + 4, int(y1) - 6)
        cv2.putText(surface, word, at, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.5, 1.4), ink, 2)
    return surface.astype(np.float32)


def _fill(mask: Pixels, points: Floats) -> None:
    fixed = np.round(points * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)


def _smooth(points: Floats, rounds: int) -> Floats:
    """Chaikin's corner cutting on a closed outline."""
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1)
        points = cut.reshape(-1, 2)
    return points


def _outlined(rng: np.random.Generator, mask: Pixels) -> Floats:
    outline = np.array(_OUTLINES[int(rng.integers(len(_OUTLINES)))], np.float32)
    outline += rng.normal(0, 0.015, outline.shape).astype(np.float32)
    stretch = rng.uniform(0.6, 1.3)
    right = np.stack([0.5 + outline[:, 0] * stretch, outline[:, 1]], 1)
    left = np.stack([0.5 - outline[:, 0] * stretch, outline[:, 1]], 1)[::-1]
    both = np.concatenate([right, left]).astype(np.float32)
    points = _smooth(both, int(rng.integers(0, 3))) * 280 + 20
    points = np.clip(points, 2, _SIDE - 3)
    _fill(mask, points)
    if rng.random() < 0.25:
        top = int(points[:, 1].min())
        axes = (int(rng.integers(25, 70)), int(rng.integers(40, 90)))
        at = (_SIDE // 2, max(top + 20, axes[1] // 2))
        cv2.ellipse(mask, at, axes, 0, 180, 360, 255, int(rng.integers(4, 14)), cv2.LINE_AA)
    x = np.linspace(-1, 1, _SIDE, dtype=np.float32)[None, :]
    if rng.random() < 0.5:  # turned on a lathe: light falls off to the sides
        centre = rng.uniform(-0.5, 0.5)
        return np.broadcast_to(1.25 - 0.6 * np.abs(x - centre), (_SIDE, _SIDE)).astype(np.float32)
    folds = smooth_noise(rng, _SIDE, _SIDE, (int(rng.integers(5, 14)), 3))
    return (0.7 + 0.6 * folds).astype(np.float32)


def _box(rng: np.random.Generator, mask: Pixels) -> Floats:
    size = rng.uniform(0.25, 1.0, 3)
    turn, tilt = rng.uniform(0.1, 1.4), rng.uniform(0.1, 0.8)
    corners = (np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).T.reshape(-1, 3)) * size
    spin = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    lean = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    placed = corners @ spin.T @ lean.T
    flat = placed[:, :2] / (1 + 0.12 * placed[:, 2:])
    flat = (flat / np.abs(flat).max() * 0.46 + 0.5) * _SIDE
    shade = np.ones((_SIDE, _SIDE), np.float32)
    order = []
    for axis in range(3):
        for sign in (-1, 1):
            face = [i for i in range(8) if np.sign(corners[i, axis]) == sign]
            order.append((float(placed[face, 2].mean()), face))
    for _, face in sorted(order, reverse=True):  # the far faces first
        hull = cv2.convexHull(flat[face].astype(np.float32))[:, 0]
        _fill(mask, hull)
        cv2.fillConvexPoly(shade, np.round(hull).astype(np.int32), float(rng.uniform(0.55, 1.25)))
    return shade


def _blob(rng: np.random.Generator, mask: Pixels) -> Floats:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.ones_like(angle)
    for wave in range(1, 6):
        radius += rng.normal(0, 0.35 / wave) * np.cos(wave * angle + rng.uniform(0, 6.3))
    radius = np.clip(radius, 0.25, 2) / 2.05
    stretch = rng.uniform(0.4, 1.0)
    xy = np.stack([np.cos(angle) * radius, np.sin(angle) * radius * stretch], 1)
    _fill(mask, (xy * 0.95 * _SIDE / 2 / np.abs(xy).max() + _SIDE / 2).astype(np.float32))
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    lit = x * rng.uniform(-0.4, 0.4) + y * rng.uniform(-0.4, 0.1)
    shade: Floats = (1.0 + lit).astype(np.float32)
    return shade


def _framework(rng: np.random.Generator, mask: Pixels) -> Floats:
    """Legs, seats and wheels: much air, few strokes (chairs, tables, bicycles, racks)."""
    thick = int(rng.integers(5, 18))
    left, right = rng.integers(20, 90), rng.integers(230, 300)
    top, seat, floor = rng.integers(10, 60), rng.integers(120, 200), rng.integers(250, 310)
    lean = int(rng.integers(-25, 26))
    deep = int(rng.integers(12, 60))
    seat_points = np.array(
        [[left, seat], [right, seat], [right + lean, seat + deep], [left + lean, seat + deep]]
    )
    _fill(mask, np.clip(seat_points, 2, 317).astype(np.float32))
    for x in (left, right):
        end = (int(np.clip(x + lean, 5, 314)), int(floor))
        cv2.line(mask, (int(x), int(seat)), end, 255, thick, cv2.LINE_AA)
    if rng.random() < 0.6:
        back = np.array([[left, top], [right, top + lean // 2], [right, seat], [left, seat]])
        if rng.random() < 0.5:
            _fill(mask, back.astype(np.float32))
        else:
            cv2.polylines(mask, [back.astype(np.int32)], True, 255, thick, cv2.LINE_AA)
    if rng.random() < 0.25:
        for x in (left + 30, right - 30):
            cv2.circle(mask, (int(x), int(floor) - 45), 42, 255, max(3, thick // 2), cv2.LINE_AA)
    return np.full((_SIDE, _SIDE), rng.uniform(0.7, 1.2), np.float32)


def _strap(rng: np.random.Generator, mask: Pixels) -> Floats:
    """A closed band with something on it: watches, necklaces, belts, headphones, spectacles."""
    axes = (int(rng.integers(50, 140)), int(rng.integers(60, 140)))
    start = int(rng.integers(0, 360))
    sweep = 360 if rng.random() < 0.5 else int(rng.integers(180, 330))
    thick = int(rng.integers(4, 34))
    cv2.ellipse(mask, (160, 160), axes, 0, start, start + sweep, 255, thick, cv2.LINE_AA)
    for _ in range(int(rng.integers(1, 4))):
        angle = np.deg2rad(rng.uniform(start, start + sweep))
        at = (int(160 + axes[0] * np.cos(angle)), int(160 + axes[1] * np.sin(angle)))
        at = (int(np.clip(at[0], 50, 270)), int(np.clip(at[1], 50, 270)))
        size = (int(rng.integers(14, 50)), int(rng.integers(14, 50)))
        cv2.ellipse(mask, at, size, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
    return np.full((_SIDE, _SIDE), rng.uniform(0.8, 1.2), np.float32)
