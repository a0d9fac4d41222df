"""Fit photos of any shape into one square batch, and carry boxes back to the photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from feature_store.schemas import Box

PREPROCESSING = "letterbox-1"
"""Raise this with any change that can move a box: it is part of the detector's identity."""

GREY = 114
"""The value of the bars: what every YOLO is trained with."""


class Placement(NamedTuple):
    """Where a photo lies inside its square, in pixels of the square."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


def letterbox(
    images: Sequence[npt.NDArray[np.uint8]], side_px: int
) -> tuple[npt.NDArray[np.uint8], list[Placement]]:
    """Scale uint8 (H, W, 3) photos, keeping their shape, into uint8 (n, side, side, 3).

    The photo lies in the middle; what is left is grey.
    """
    batch = np.full((len(images), side_px, side_px, 3), GREY, np.uint8)
    placements = []
    for square, image in zip(batch, images, strict=True):
        placement = _place(image.shape[1], image.shape[0], side_px)
        resized = Image.fromarray(image).resize(
            (placement.width_px, placement.height_px), Image.Resampling.BILINEAR
        )
        rows = slice(placement.top_px, placement.top_px + placement.height_px)
        columns = slice(placement.left_px, placement.left_px + placement.width_px)
        square[rows, columns] = np.asarray(resized)
        placements.append(placement)
    return batch, placements


def _place(width_px: int, height_px: int, side_px: int) -> Placement:
    scale = side_px / max(width_px, height_px)
    width, height = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    return Placement((side_px - width) // 2, (side_px - height) // 2, width, height)


def box_in_photo(corners_px: npt.NDArray[np.float32], placement: Placement) -> Box | None:
    """Carry (x0, y0, x1, y1) in pixels of the square back to a normalised box of the photo.

    Corners are clipped to the photo and rounded to a ten-thousandth, the precision at which
    regions are named. None if nothing is left, or if a corner is not a finite number.
    """
    if not np.isfinite(corners_px).all():
        return None
    left, top, width, height = placement
    scaled = (corners_px.astype(np.float64) - (left, top, left, top)) / (
        width,
        height,
        width,
        height,
    )
    box = Box(*(round(float(corner), 4) for corner in np.clip(scaled, 0.0, 1.0)))
    return box if box.x0 < box.x1 and box.y0 < box.y1 else None
