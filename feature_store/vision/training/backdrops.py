"""What stands behind a product: a studio sweep, a room, a surface, or a photograph."""

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


def photo_crop(rng: np.random.Generator, photo: Pixels, width: int, height: int) -> Pixels:
    """A random part of `photo`, resized to (height, width, 3)."""
    tall, wide = photo.shape[:2]
    scale = rng.uniform(0.3, 1.0) * min(wide / width, tall / height)
    w, h = max(8, int(width * scale)), max(8, int(height * scale))
    x, y = int(rng.integers(0, wide - w + 1)), int(rng.integers(0, tall - h + 1))
    crop = cv2.resize(photo[y : y + h, x : x + w], (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        crop = cv2.flip(crop, 1)
    if rng.random() < 0.5:  # the lens looks at the product
        crop = cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.8, 6)))
    return crop.astype(np.uint8)


def studio(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """A plain sweep: white more often than not, with soft light and sometimes a horizon."""
    choice = rng.random()
    if choice < 0.4:
        colour = np.full(3, 255.0, np.float32)
    elif choice < 0.75:
        colour = np.clip(rng.uniform(190, 255) + rng.normal(0, 5, 3), 0, 255).astype(np.float32)
    else:
        colour = random_colour(rng)
    canvas: Floats = np.empty((height, width, 3), np.float32)
    canvas[:] = colour
    if choice >= 0.3:
        light = smooth_noise(rng, width, height, (2, 2))
        canvas *= (1 - rng.uniform(0, 0.3) * light)[..., None]
        if rng.random() < 0.35:
            horizon = int(height * rng.uniform(0.5, 0.9))
            canvas[horizon:] *= rng.uniform(0.8, 1.1)
            canvas = cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.5, 12)))
        if rng.random() < 0.2:
            y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
            canvas *= (1 - rng.uniform(0.1, 0.5) * np.clip(np.hypot(x, y) - 0.5, 0, 1))[..., None]
    return np.clip(canvas, 0, 255).astype(np.uint8)


def room(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """A wall, a floor or table top in perspective, sometimes a window or a picture."""
    wall = random_texture(rng, width, height) if rng.random() < 0.4 else studio(rng, width, height)
    top = random_texture(rng, width, height)
    line = int(height * rng.uniform(0.3, 0.85))
    spread = width * rng.uniform(0.1, 1.2)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    target = np.array(
        [[0, line], [width, line], [width + spread, height], [-spread, height]], np.float32
    )
    warp = cv2.getPerspectiveTransform(source, target)
    canvas = wall.copy()
    floor = cv2.warpPerspective(top, warp, (width, height), borderMode=cv2.BORDER_REFLECT)
    canvas[line:] = floor[line:]
    for _ in range(int(rng.integers(0, 3))):
        w, h = int(rng.integers(12, width // 3)), int(rng.integers(12, height // 3))
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, max(1, line - h // 2)))
        h = min(h, height - y)
        canvas[y : y + h, x : x + w] = random_texture(rng, w, h)
    shade = 0.7 + 0.5 * smooth_noise(rng, width, height, (2, 2))
    if rng.random() < 0.6:
        canvas = cv2.GaussianBlur(canvas, (0, 0), float(rng.uniform(0.5, 4))).astype(np.uint8)
    return np.clip(canvas * shade[..., None], 0, 255).astype(np.uint8)


def add_clutter(rng: np.random.Generator, canvas: Pixels) -> None:
    """Draw what a detector must not take for a product: words, frames, stripes, crumbs."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(0, 4))):
        colour = [float(v) for v in random_colour(rng)]
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        kind = int(rng.integers(4))
        if kind == 0:
            words = " ".join(
                "".join(rng.choice(list("aeioutnrslmk%0135"), int(rng.integers(2, 7))))
                for _ in range(int(rng.integers(1, 4)))
            )
            size = float(rng.uniform(0.25, 0.9))
            for row in range(int(rng.integers(1, 4))):
                at = (x // 2, y + int(row * 26 * size) + 8)
                cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, 16)
        elif kind == 1:
            cv2.circle(canvas, (x, y), int(rng.integers(2, 12)), colour, -1, cv2.LINE_AA)
        elif kind == 2:
            end = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.line(canvas, (x, y), end, colour, int(rng.integers(1, 5)), cv2.LINE_AA)
        else:
            inset = int(rng.integers(0, 12))
            corner = (width - 1 - inset, height - 1 - inset)
            cv2.rectangle(canvas, (inset, inset), corner, colour, int(rng.integers(1, 4)))
