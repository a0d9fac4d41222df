"""What a camera and a web shop do to a picture: exposure, tint, blur, noise, marks, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from feature_store.vision.training.textures import Floats, Pixels, random_colour


def photograph(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """(H, W, 3) uint8 RGB → the same shape, degraded by a random mixture."""
    if rng.random() < 0.15:
        _watermark(rng, pixels)
    lit: Floats = pixels.astype(np.float32)
    if rng.random() < 0.6:
        gamma = float(np.exp(rng.normal(0, 0.25)))
        lit = 255 * (lit / 255) ** gamma
        lit = (lit - 128) * rng.uniform(0.75, 1.2) + 128 + rng.uniform(-15, 20)
        lit *= rng.uniform(0.92, 1.08, 3)
    if rng.random() < 0.07:
        grey = lit.mean(2, keepdims=True)
        sepia = np.array([1.07, 0.97, 0.8]) if rng.random() < 0.4 else np.ones(3)
        lit = grey * sepia
    if rng.random() < 0.5:
        lit = cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.3, 1.6)))
    if rng.random() < 0.5:
        lit = lit + rng.normal(0, rng.uniform(1, 10), lit.shape)
    out = np.clip(lit, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(25, 90))
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None  # it was encoded a line above
        out = decoded.astype(np.uint8)
    return out


def _watermark(rng: np.random.Generator, pixels: Pixels) -> None:
    height, width = pixels.shape[:2]
    over = pixels.copy()
    word = "".join(rng.choice(list("SHOPSALENEW.%50"), int(rng.integers(3, 9))))
    at = (int(rng.integers(0, width // 2)), int(rng.integers(15, height)))
    colour = [float(v) for v in random_colour(rng, plain=0.8)]
    size, thick = float(rng.uniform(0.4, 1.6)), int(rng.integers(1, 4))
    cv2.putText(over, word, at, cv2.FONT_HERSHEY_DUPLEX, size, colour, thick, cv2.LINE_AA)
    share = float(rng.uniform(0.2, 1.0))
    pixels[:] = cv2.addWeighted(over, share, pixels, 1 - share, 0)
