"""Surfaces drawn from nothing: wood, cloth, tiles, noise and gradients, as RGB pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[Any]
"""float32 or float64: the kind follows numpy's promotion and does not matter here."""


def random_colour(rng: np.random.Generator, plain: float = 0.35) -> Floats:
    """One RGB colour (3,) float32 in 0..255; with probability `plain` nearly grey."""
    hue = rng.uniform(0, 180)
    saturation = rng.uniform(0, 50) if rng.random() < plain else rng.uniform(40, 240)
    hsv = np.array([[[hue, saturation, rng.uniform(20, 255)]]], np.uint8)
    rgb: Floats = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)
    return rgb


def smooth_noise(
    rng: np.random.Generator, width: int, height: int, cells: tuple[int, int]
) -> Floats:
    """(height, width) float32 in 0..1 that varies over about `cells` (across, down) cells."""
    grid = rng.random((max(2, cells[1]), max(2, cells[0])), dtype=np.float32)
    return np.clip(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def random_texture(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """A (height, width, 3) uint8 RGB surface of a random kind."""
    kinds = (_noise, _stripes, _tiles, _gradient, _wood, _dots)
    pixels: Floats = kinds[int(rng.integers(len(kinds)))](rng, width, height)
    if rng.random() < 0.5:
        pixels = pixels + rng.normal(0, rng.uniform(2, 14), (height, width, 1))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _two_tone(rng: np.random.Generator, mask: Floats) -> Floats:
    first = random_colour(rng)
    # Close tones are as common in rooms and shops as strong patterns.
    close = np.clip(first + rng.normal(0, 25, 3), 0, 255).astype(np.float32)
    second = random_colour(rng) if rng.random() < 0.5 else close
    return first + (second - first) * mask[..., None]


def _noise(rng: np.random.Generator, width: int, height: int) -> Floats:
    mask = np.zeros((height, width), np.float32)
    cells = int(rng.integers(2, 8))
    for octave in range(4):
        mask += smooth_noise(rng, width, height, (cells << octave, cells << octave)) / 2**octave
    return _two_tone(rng, np.clip(mask / 1.9, 0, 1))


def _coordinates(rng: np.random.Generator, width: int, height: int) -> tuple[Floats, Floats]:
    angle = rng.choice([0.0, np.pi / 2, float(rng.uniform(0, np.pi))])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _stripes(rng: np.random.Generator, width: int, height: int) -> Floats:
    u, v = _coordinates(rng, width, height)
    period = rng.uniform(4, 60)
    mask = 0.5 + 0.5 * np.sin(u * 2 * np.pi / period)
    if rng.random() < 0.4:  # a check
        mask = 0.5 * mask + 0.25 + 0.25 * np.sin(v * 2 * np.pi / period)
    if rng.random() < 0.5:
        mask = (mask > 0.5).astype(np.float32)
    return _two_tone(rng, mask.astype(np.float32))


def _tiles(rng: np.random.Generator, width: int, height: int) -> Floats:
    u, v = _coordinates(rng, width, height)
    across = rng.uniform(15, 90)
    down = across * rng.uniform(0.3, 1.5)
    rows = np.floor(v / down)
    shift = np.mod(rows, 2) * across * 0.5 * (rng.random() < 0.5)
    columns = np.floor((u + shift) / across)
    gap = (np.mod(v, down) < 2) | (np.mod(u + shift, across) < 2)
    tone = np.mod(np.sin(rows * 12.9 + columns * 78.2) * 43758.5, 1) * rng.uniform(0.05, 0.6)
    return _two_tone(rng, np.where(gap, 1.0, tone).astype(np.float32))


def _gradient(rng: np.random.Generator, width: int, height: int) -> Floats:
    u, _ = _coordinates(rng, width, height)
    span = float(np.ptp(u)) or 1.0
    return _two_tone(rng, ((u - u.min()) / span).astype(np.float32))


def _wood(rng: np.random.Generator, width: int, height: int) -> Floats:
    along = rng.random() < 0.5
    cells = (3, int(rng.integers(20, 60))) if along else (int(rng.integers(20, 60)), 3)
    grain = smooth_noise(rng, width, height, cells)
    grain = 0.7 * grain + 0.3 * smooth_noise(rng, width, height, (cells[0] * 3, cells[1] * 3))
    base = np.array([rng.uniform(90, 235), 0, 0], np.float32)
    base[1] = base[0] * rng.uniform(0.65, 0.85)
    base[2] = base[1] * rng.uniform(0.5, 0.85)
    wood: Floats = base * (1 - rng.uniform(0.15, 0.5) * grain[..., None])
    return wood


def _dots(rng: np.random.Generator, width: int, height: int) -> Floats:
    u, v = _coordinates(rng, width, height)
    pitch = rng.uniform(10, 50)
    distance = np.hypot(np.mod(u, pitch) - pitch / 2, np.mod(v, pitch) - pitch / 2)
    return _two_tone(rng, (distance < pitch * rng.uniform(0.15, 0.4)).astype(np.float32))
