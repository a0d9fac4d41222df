"""Smooth, repeatable noise in the plane: the raw material of grain, folds, petals and marble."""

from __future__ import annotations

import math

from feature_store.demo.jit import inline


@inline
def lattice(ix: int, iy: int, seed: int) -> float:
    """A repeatable number in 0..1 for one point of the integer lattice."""
    mixed = (ix * 374761393 + iy * 668265263 + seed * 974634777) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 15)) & 0xFFFFFF) / 16777215.0


@inline
def value(x: float, y: float, seed: int) -> float:
    """Value noise in 0..1, one feature per unit, continuous in value and slope."""
    fx = math.floor(x)
    fy = math.floor(y)
    ix = int(fx)
    iy = int(fy)
    tx = x - fx
    ty = y - fy
    tx = tx * tx * (3.0 - 2.0 * tx)
    ty = ty * ty * (3.0 - 2.0 * ty)
    low = lattice(ix, iy, seed) * (1.0 - tx) + lattice(ix + 1, iy, seed) * tx
    high = lattice(ix, iy + 1, seed) * (1.0 - tx) + lattice(ix + 1, iy + 1, seed) * tx
    return low * (1.0 - ty) + high * ty


@inline
def sloped(x: float, y: float, seed: int) -> tuple[float, float, float]:
    """The same noise as `value`, with its slopes along x and y."""
    fx = math.floor(x)
    fy = math.floor(y)
    tx = x - fx
    ty = y - fy
    rise_x = 6.0 * tx * (1.0 - tx)
    rise_y = 6.0 * ty * (1.0 - ty)
    tx = tx * tx * (3.0 - 2.0 * tx)
    ty = ty * ty * (3.0 - 2.0 * ty)
    a = lattice(fx, fy, seed)
    b = lattice(fx + 1, fy, seed) - a
    c = lattice(fx, fy + 1, seed) - a
    d = lattice(fx + 1, fy + 1, seed) - a - b - c
    return a + b * tx + (c + d * tx) * ty, (b + d * ty) * rise_x, (c + d * tx) * rise_y


@inline
def fractal(x: float, y: float, seed: int) -> float:
    """Three octaves of value noise, in 0..1."""
    return (
        value(x, y, seed) * 0.55
        + value(x * 2.03 + 17.1, y * 2.03 - 5.3, seed + 1) * 0.30
        + value(x * 4.1 - 3.7, y * 4.1 + 11.9, seed + 2) * 0.15
    )


@inline
def smoothstep(low: float, high: float, x: float) -> float:
    """0 below `low`, 1 above `high`, a smooth rise between."""
    t = (x - low) / (high - low)
    t = 0.0 if t < 0.0 else (1.0 if t > 1.0 else t)
    return t * t * (3.0 - 2.0 * t)
