"""Composes one training scene: products pasted on a backdrop, photographed, with their boxes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from feature_store.vision.training.artwork import Artwork
from feature_store.vision.training.backdrops import add_clutter, photo_crop, room, studio
from feature_store.vision.training.photograph import photograph
from feature_store.vision.training.shapes import random_product
from feature_store.vision.training.textures import Floats, Pixels, random_texture, smooth_noise

Box = tuple[float, float, float, float]

PAD = 114
"""The grey with which ultralytics pads a picture to a square."""


@dataclass(frozen=True)
class Scene:
    """A square picture and where its products are."""

    pixels: Pixels
    """(side, side, 3) uint8 RGB."""
    boxes: Floats
    """(n, 4) float32 x0, y0, x1, y1 in 0..1 of the square; n may be 0."""


@dataclass(frozen=True)
class _Cast:
    """A product as it will stand in the scene, already warped, lit and cut to its alpha."""

    rgb: Floats
    alpha: Floats


def compose_scene(seed: int, artwork: Artwork, side_px: int = 320) -> Scene:
    """Draw the scene of this seed; the same seed and artwork give the same pixels."""
    rng = np.random.default_rng(seed)
    aspect = float(rng.choice([1.0, 1.0, 0.75, 0.667, 0.8, 1.333, 1.5]))
    width = side_px if aspect >= 1 else round(side_px * aspect)
    height = side_px if aspect <= 1 else round(side_px / aspect)
    canvas = _backdrop(rng, artwork, width, height).astype(np.float32)
    layout = rng.random()
    if layout < 0.5:
        boxes = _one(rng, artwork, canvas)
    elif layout < 0.62:
        boxes = _worn(rng, artwork, canvas)
    elif layout < 0.9:
        boxes = _several(rng, artwork, canvas)
    elif layout < 0.96:
        boxes = _pair(rng, artwork, canvas)
    else:
        boxes = []
    pixels = photograph(rng, np.clip(canvas, 0, 255).astype(np.uint8))
    left, top = (side_px - width) // 2, (side_px - height) // 2
    square = np.full((side_px, side_px, 3), PAD, np.uint8)
    square[top : top + height, left : left + width] = pixels
    placed = np.array(boxes, np.float32).reshape(-1, 4)
    return Scene(square, (placed + np.array([left, top, left, top], np.float32)) / side_px)


@lru_cache(maxsize=400)
def _picture(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, path
    if pixels.shape[2] == 4:
        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA).astype(np.uint8)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).astype(np.uint8)


def _photo(rng: np.random.Generator, artwork: Artwork) -> Pixels | None:
    if not artwork.backgrounds:
        return None
    return _picture(artwork.backgrounds[int(rng.integers(len(artwork.backgrounds)))])


def _backdrop(rng: np.random.Generator, artwork: Artwork, width: int, height: int) -> Pixels:
    choice = rng.random()
    photo = _photo(rng, artwork)
    if choice < 0.4:
        canvas = studio(rng, width, height)
    elif choice < 0.58:
        canvas = room(rng, width, height)
    elif choice < 0.68 or photo is None:
        canvas = random_texture(rng, width, height)
    else:
        canvas = photo_crop(rng, photo, width, height)
    if rng.random() < 0.3:
        add_clutter(rng, canvas)
    return canvas


def _product(rng: np.random.Generator, artwork: Artwork) -> Pixels:
    if not artwork.cutouts or rng.random() < 0.28:
        return random_product(rng, _photo(rng, artwork))
    weights = np.array([weight for weight, _ in artwork.cutouts])
    files = artwork.cutouts[int(rng.choice(len(weights), p=weights / weights.sum()))][1]
    return _picture(files[int(rng.integers(len(files)))])


def _cast(rng: np.random.Generator, rgba: Pixels, long_px: float) -> _Cast | None:
    """Warp, light and recolour a cut-out to a long side of `long_px`; None if it vanishes."""
    tall, wide = rgba.shape[:2]
    if rng.random() < 0.5:
        rgba = cv2.flip(rgba, 1).astype(np.uint8)
    angle = rng.normal(0, 8) if rng.random() < 0.75 else rng.uniform(-180, 180)
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    bent = corners + rng.normal(0, 0.05 * max(wide, tall), (4, 2)).astype(np.float32)
    turn = cv2.getRotationMatrix2D((wide / 2, tall / 2), float(angle), 1.0)
    bent = (bent @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    bent *= np.exp(rng.normal(0, 0.1, 2)).astype(np.float32)
    span = bent.max(0) - bent.min(0)
    bent = ((bent - bent.min(0)) * (long_px / span.max()) + 2).astype(np.float32)
    size = tuple(int(v) + 4 for v in bent.max(0))
    shrink = min(1.0, 1.6 * long_px / max(tall, wide))  # or the warp would alias
    small = cv2.resize(rgba, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    around = np.array([small.shape[1] / wide, small.shape[0] / tall], np.float32)
    warp = cv2.getPerspectiveTransform(corners * around, bent)
    flat = small.astype(np.float32)
    flat[..., :3] *= flat[..., 3:] / 255  # premultiplied, or edges would pick up hidden colours
    out = cv2.warpPerspective(flat, warp, size, flags=cv2.INTER_LINEAR)
    alpha = np.clip(out[..., 3] / 255, 0, 1)
    solid = alpha > 0.25
    if solid.sum() < 60:
        return None
    ys, xs = np.where(solid)
    cut = (slice(int(ys.min()), int(ys.max()) + 1), slice(int(xs.min()), int(xs.max()) + 1))
    rgb = out[cut][..., :3] / np.maximum(alpha[cut], 0.02)[..., None]
    return _Cast(_light(rng, rgb), alpha[cut].astype(np.float32))


def _light(rng: np.random.Generator, rgb: Floats) -> Floats:
    height, width = rgb.shape[:2]
    if rng.random() < 0.3:  # another colour of the same product
        rgb = rgb @ rng.dirichlet([0.6, 0.6, 0.6], 3).astype(np.float32).T
    gain = rng.uniform(0.6, 1.25) * rng.uniform(0.9, 1.1, 3)
    field = 1 + rng.uniform(0, 0.5) * (smooth_noise(rng, width, height, (2, 2)) - 0.5)
    grain = rng.uniform(0, 0.12) * (
        smooth_noise(rng, width, height, (width // 3, height // 3)) - 0.5
    )
    lit: Floats = rgb * gain.astype(np.float32) * (field + grain)[..., None]
    return lit


def _paste(rng: np.random.Generator, canvas: Floats, cast: _Cast, x: int, y: int) -> Box | None:
    """Blend a product with its shadow at (x, y); the box of what remains inside the frame."""
    height, width = canvas.shape[:2]
    h, w = cast.alpha.shape
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + w), min(height, y + h)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    if rng.random() < 0.7:
        _shadow(rng, canvas, cast.alpha, x, y)
    cut = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
    alpha = cast.alpha[cut]
    solid = np.argwhere(alpha > 0.25)
    if len(solid) < 60:
        return None
    view = canvas[y0:y1, x0:x1]
    view += (cast.rgb[cut] - view) * alpha[..., None]
    low, high = solid.min(0), solid.max(0) + 1
    return (x0 + float(low[1]), y0 + float(low[0]), x0 + float(high[1]), y0 + float(high[0]))


def _shadow(
    rng: np.random.Generator,
    canvas: Floats,
    alpha: Floats,
    x: int,
    y: int,
) -> None:
    height, width = canvas.shape[:2]
    h, w = alpha.shape
    dark: Floats = np.zeros((height, width), np.float32)
    if rng.random() < 0.6:  # it stands: a flat pool below
        at = (x + w // 2, y + h - int(0.02 * h))
        axes = (max(2, int(w * rng.uniform(0.3, 0.55))), max(1, int(h * rng.uniform(0.02, 0.1))))
        cv2.ellipse(dark, at, axes, 0, 0, 360, 1.0, -1)
    else:  # it lies or hangs: its own outline, displaced
        reach = int(rng.integers(1, max(2, int(0.08 * max(h, w))) + 1))
        shift = np.array([[1, 0, x + rng.uniform(-1, 1) * reach], [0, 1, y + reach]], np.float32)
        dark = cv2.warpAffine(alpha, shift, (width, height))
    soft = cv2.GaussianBlur(dark, (0, 0), float(rng.uniform(1, 0.04 * max(h, w) + 2)))
    canvas *= (1 - rng.uniform(0.1, 0.6) * soft)[..., None]


def _one(rng: np.random.Generator, artwork: Artwork, canvas: Floats) -> list[Box]:
    height, width = canvas.shape[:2]
    share = rng.uniform(0.35, 0.8) if rng.random() < 0.45 else rng.uniform(0.7, 1.04)
    cast = _cast(rng, _product(rng, artwork), share * max(width, height))
    if cast is None:
        return []
    h, w = cast.alpha.shape
    fit = min(1.0, share * width / w, share * height / h)
    if fit < 1:  # a wide product in a tall frame and the other way round
        size = (max(8, int(w * fit)), max(8, int(h * fit)))
        area = cv2.INTER_AREA
        cast = _Cast(cv2.resize(cast.rgb, size, None, 0, 0, area),
                     cv2.resize(cast.alpha, size, None, 0, 0, area))  # fmt: skip
        h, w = cast.alpha.shape
    spread = 0.5 if rng.random() < 0.25 else 0.12
    x = (width - w) / 2 + rng.normal(0, spread) * max(0, width - w)
    y = (height - h) / 2 + rng.normal(0, spread) * max(0, height - h)
    if rng.random() > 0.06:  # most photographers keep the whole product in the frame
        x, y = (
            np.clip(x, min(0, width - w), max(0, width - w)),
            np.clip(y, min(0, height - h), max(0, height - h)),
        )
    box = _paste(rng, canvas, cast, int(x), int(y))
    return [box] if box else []


def _worn(rng: np.random.Generator, artwork: Artwork, canvas: Floats) -> list[Box]:
    """A person, who is no product, with a product on or beside them."""
    if not artwork.props:
        return _one(rng, artwork, canvas)
    height, width = canvas.shape[:2]
    person = _picture(artwork.props[int(rng.integers(len(artwork.props)))])
    body = _cast(rng, person, rng.uniform(0.6, 1.25) * max(width, height))
    cast = _cast(rng, _product(rng, artwork), rng.uniform(0.25, 0.65) * max(width, height))
    if body is None or cast is None:
        return []
    h, w = body.alpha.shape
    x, y = int((width - w) / 2 + rng.normal(0, 0.1) * width), max(int((height - h) * 0.8), -h // 3)
    _paste(rng, canvas, body, x, y)
    tall, wide = cast.alpha.shape
    left = x + w / 2 - wide / 2 + rng.normal(0, 0.15) * w
    top = y + rng.uniform(0, 1) * max(0, h - tall)
    left = np.clip(left, min(0, width - wide), max(0, width - wide))
    top = np.clip(top, min(0, height - tall), max(0, height - tall))
    box = _paste(rng, canvas, cast, int(left), int(top))
    return [box] if box else []


def _several(rng: np.random.Generator, artwork: Artwork, canvas: Floats) -> list[Box]:
    height, width = canvas.shape[:2]
    taken = np.zeros((height, width), bool)
    boxes: list[Box] = []
    wanted = int(rng.integers(2, 5))
    for _ in range(wanted * 3):
        if len(boxes) == wanted:
            break
        cast = _cast(rng, _product(rng, artwork), rng.uniform(0.22, 0.52) * max(width, height))
        if cast is None:
            continue
        h, w = cast.alpha.shape
        if w >= width or h >= height:
            continue
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        # A little overlap occurs in real displays; a hidden product would be an unfair label.
        if taken[y : y + h, x : x + w].mean() > 0.08:
            continue
        box = _paste(rng, canvas, cast, x, y)
        if box:
            boxes.append(box)
            taken[y : y + h, x : x + w] = True
    return boxes


def _pair(rng: np.random.Generator, artwork: Artwork, canvas: Floats) -> list[Box]:
    """Two of the same close together (shoes, earrings, gloves) are sold as one: one box."""
    height, width = canvas.shape[:2]
    cast = _cast(rng, _product(rng, artwork), rng.uniform(0.4, 0.62) * min(width, height))
    if cast is None:
        return []
    h, w = cast.alpha.shape
    other = _Cast(cast.rgb[:, ::-1], cast.alpha[:, ::-1]) if rng.random() < 0.5 else cast
    step_x, step_y = int(w * rng.uniform(0.4, 1.0)), int(h * rng.uniform(-0.15, 0.15))
    x = int((width - w - step_x) / 2 + rng.normal(0, 12))
    y = int((height - h - step_y) / 2 + rng.normal(0, 12))
    pasted = [_paste(rng, canvas, cast, x, y), _paste(rng, canvas, other, x + step_x, y + step_y)]
    found = np.array([box for box in pasted if box])
    if not len(found):
        return []
    low, high = found[:, :2].min(0), found[:, 2:].max(0)
    return [(float(low[0]), float(low[1]), float(high[0]), float(high[1]))]
