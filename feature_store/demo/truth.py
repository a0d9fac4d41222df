"""What is really in every demo photo: one JSON line for each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """One product in a photo; `box` is x0, y0, x1, y1, normalised, tight around what is seen."""

    item_id: str | None
    category: str
    colour: str
    pattern: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class PhotoTruth:
    """One photo: its path in the demo's folder, its size, its products, the sold first."""

    image: str
    width: int
    height: int
    products: tuple[Seen, ...]


def truth_line(photo: PhotoTruth) -> str:
    """The photo as one line of JSON."""
    products = [
        {
            "item_id": seen.item_id,
            "category": seen.category,
            "colour": seen.colour,
            "pattern": seen.pattern,
            "box": [round(corner, 4) for corner in seen.box],
        }
        for seen in photo.products
    ]
    record = {
        "image": photo.image,
        "width": photo.width,
        "height": photo.height,
        "products": products,
    }
    return json.dumps(record, ensure_ascii=False)


def truth_text(photos: Iterable[PhotoTruth]) -> str:
    """All photos, one line each, by path."""
    return "".join(truth_line(p) + "\n" for p in sorted(photos, key=lambda photo: photo.image))
