"""The photo studio's light: what a mirror would see, and how light becomes a display's value."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.jit import inline
from feature_store.demo.noise import smoothstep

STEPS = 1024
"""Entries of the display curve's table for each unit of light."""


@inline
def _lamp(azimuth: float, elevation: float, width: float, height: float, soft: float) -> float:
    """How much of a rectangular lamp is seen this far (radians) from its middle."""
    if azimuth > math.pi:
        azimuth -= 2.0 * math.pi
    if azimuth < -math.pi:
        azimuth += 2.0 * math.pi
    return (1.0 - smoothstep(width - soft, width + soft, abs(azimuth))) * (
        1.0 - smoothstep(height - soft, height + soft, abs(elevation))
    )


@inline
def studio(dx: float, dy: float, dz: float, blur: float, key_azimuth: float) -> float:
    """Light seen in one direction of the studio, white being about 1; `blur` 0 is a mirror.

    A big lamp on the key side, a strip on the other, a bright ceiling, a darker horizon.
    """
    ceiling = smoothstep(-0.15 - blur, 0.9 + blur, dy)
    horizon = 1.0 - smoothstep(0.0, 0.28 + blur, abs(dy - 0.05))
    light = 0.30 + 0.60 * ceiling - 0.22 * horizon * (1.0 - blur)
    light += 0.25 * smoothstep(-0.05, -0.6, dy)
    azimuth = math.atan2(dx, dz)
    elevation = math.asin(max(-1.0, min(1.0, dy)))
    spread = 1.0 / (1.0 + 2.5 * blur)
    soft = 0.03 + 0.6 * blur
    light += 3.2 * spread * _lamp(azimuth - key_azimuth, elevation - 0.75, 0.42, 0.34, soft)
    light += 1.6 * spread * _lamp(azimuth - key_azimuth - 2.1, elevation - 0.45, 0.16, 0.6, soft)
    return light


def _display_curve() -> NDArray[np.float32]:
    """The display's value (0..1, sRGB curve) of light 0..4, with a soft shoulder above 0.75."""
    x = np.arange(4 * STEPS + 1) / STEPS
    x = np.where(x > 0.75, 0.75 + 0.25 * (1 - np.exp(-(x - 0.75) / 0.25)), x)
    curve = np.where(x < 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return curve.astype(np.float32)


DISPLAY_CURVE = _display_curve()
"""The table that `display` reads."""


@inline
def display(x: float, curve: NDArray[np.float32]) -> float:
    """Linear light to the display's 0..1, read between the entries of `DISPLAY_CURVE`."""
    place = x * STEPS
    if place <= 0.0:
        return 0.0
    if place >= 4.0 * STEPS - 1.0:
        return float(curve[4 * STEPS - 1])
    k = int(place)
    return float(curve[k] + (curve[k + 1] - curve[k]) * (place - k))
