"""Drawn pictures that stand in for product photos: flat backgrounds, edges, gradients, grain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

WHITE = (255, 255, 255)


def product_photo(seed: int, width_px: int = 300, height_px: int = 240) -> npt.NDArray[np.uint8]:
    """A shaded, slightly grainy shape on a white ground, as shops like it: uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (width_px, height_px), WHITE)
    draw = ImageDraw.Draw(picture)
    colour = tuple(int(value) for value in random.integers(0, 220, 3))
    x0, y0 = random.integers(5, width_px // 3), random.integers(5, height_px // 3)
    x1, y1 = width_px - random.integers(5, width_px // 3), height_px - random.integers(5, 60)
    shape = [draw.rectangle, draw.ellipse, draw.rounded_rectangle][seed % 3]
    shape((int(x0), int(y0), int(x1), int(y1)), fill=colour)
    for _ in range(int(random.integers(2, 9))):
        x, y = random.integers(x0, x1), random.integers(y0, y1)
        draw.line((int(x), int(y0), int(x1), int(y)), fill=WHITE, width=3)
    pixels = np.asarray(picture).astype(np.float32)
    shade = np.linspace(1.0, 0.75, height_px, dtype=np.float32)[:, None, None]
    inside = (pixels < 250).any(axis=2, keepdims=True)
    grain = random.normal(0.0, 5.0, pixels.shape)
    shaded = np.where(inside, pixels * shade + grain, pixels)
    return np.clip(shaded, 0, 255).astype(np.uint8)


def red_box(
    width_px: int, height_px: int, corners_px: tuple[int, int, int, int]
) -> npt.NDArray[np.uint8]:
    """A pure red rectangle (x0, y0, x1, y1) on blue: what `RedFinder` looks for."""
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    pixels[..., 2] = 255
    x0, y0, x1, y1 = corners_px
    pixels[y0:y1, x0:x1] = (255, 0, 0)
    return pixels
