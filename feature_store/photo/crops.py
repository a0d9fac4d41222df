"""Cut a box out of a photo, and squash it to the square that an extractor sees."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from feature_store.schemas import Box


def crop(pixels: npt.NDArray[np.uint8], box: Box) -> npt.NDArray[np.uint8]:
    """Cut a normalised box out of uint8 (H, W, 3) pixels: a view, never empty.

    Every pixel that the box touches is kept, so that a box thinner than a pixel gives one pixel.
    """
    height, width = pixels.shape[:2]
    x0, x1 = _span(box.x0, box.x1, width)
    y0, y1 = _span(box.y0, box.y1, height)
    return pixels[y0:y1, x0:x1]


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    # The margin forgives float32: 0.3 of 10 pixels must not touch the fourth one.
    first = math.floor(start * length + 1e-3)
    first = min(max(first, 0), length - 1)
    last = math.ceil(end * length - 1e-3)
    return first, min(max(last, first + 1), length)


def squash(pixels: npt.NDArray[np.uint8], side_px: int) -> npt.NDArray[np.uint8]:
    """Resize uint8 (H, W, 3) to (side, side, 3), whatever its shape, smoothing as it shrinks.

    On real product photos a squashed crop of the true box is found again more often than a padded
    or a centre-cropped one.
    """
    if pixels.shape[:2] == (side_px, side_px):
        return np.ascontiguousarray(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((side_px, side_px), Image.Resampling.BILINEAR))
