"""JSON in pieces: the rows of a bundle as bytes, made once, that answers are joined from."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring
from typing import Any, Protocol

import pyarrow as pa

from feature_store.bundle.hits import Hit

ITEM_FIELDS = ("item_id", "title", "url", "price", "currency", "brand", "category", "in_stock")
_BATCH_ROWS = 4096

_SCORED = [b',"score":%d.%02d}' % divmod(score, 100) for score in range(10_001)]
"""How a hit ends, by a hundredfold of its score: to write a number takes as long as ten joins."""


class Numbered(Protocol):
    """Small byte strings by their numbers."""

    def __getitem__(self, number: int) -> bytes: ...

    def __len__(self) -> int: ...


class Pieces:
    """Many small byte strings in one, whose pages forked processes share."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        joined, ends = bytearray(), array("q", [0])
        for piece in pieces:
            joined += piece
            ends.append(len(joined))
        self._joined, self._ends = bytes(joined), ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> bytes:
        return self._joined[self._ends[number] : self._ends[number + 1]]


class Both:
    """The pieces of a bundle, and after them those of a tier."""

    def __init__(self, base: Numbered, fresh: Numbered) -> None:
        self._base, self._fresh = base, fresh

    def __len__(self) -> int:
        return len(self._base) + len(self._fresh)

    def __getitem__(self, number: int) -> bytes:
        beyond = number - len(self._base)
        return self._base[number] if beyond < 0 else self._fresh[beyond]


def hit_pieces(items: Numbered, regions: Numbered, hits: Iterable[Hit]) -> list[bytes]:
    """Return what hits are joined from: of each its item's piece, its region's and its score."""
    pieces: list[bytes] = []
    for item, region, score in hits:
        pieces += (items[item], regions[region], _SCORED[int(100 * score + 0.5)])
    return pieces


def encode(body: dict[str, Any]) -> bytes:
    """Return a JSON object as UTF-8."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def encode_text(text: str | None) -> bytes:
    """Return a text, or null, as JSON in UTF-8."""
    return b"null" if text is None else encode_basestring(text).encode("utf-8", "replace")


def plain(value: Any) -> Any:
    """Write 4980.0 as 4980: prices are often whole. What is no number in JSON becomes null."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def rounded_box(row: dict[str, Any]) -> list[float]:
    """Return a region's box: [x0, y0, x1, y1], normalised."""
    return [round(row[name], 4) for name in ("x0", "y0", "x1", "y1")]


def item_pieces(items: pa.Table) -> Iterator[bytes]:
    """Each item as a comma and the beginning of an object, which a region's piece goes on with."""
    for batch in items.select(list(ITEM_FIELDS)).to_batches(max_chunksize=_BATCH_ROWS):
        for row in batch.to_pylist():
            yield b",%b," % encode({name: plain(value) for name, value in row.items()})[:-1]


def region_pieces(regions: pa.Table) -> Iterator[bytes]:
    """Each region as members of a JSON object, without its braces."""
    columns = regions.select(["image_url", "x0", "y0", "x1", "y1"])
    for batch in columns.to_batches(max_chunksize=_BATCH_ROWS):
        for row in batch.to_pylist():
            yield encode({"image_url": row["image_url"], "box": rounded_box(row)})[1:-1]


def facet_of(found: Any) -> Any:
    """Return what an answer says of an attribute: values with their counts, or a range."""
    if isinstance(found, list):
        return [{"value": one.value, "count": one.hits} for one in found]
    return found and {"low": plain(found.low), "high": plain(found.high)}


def images_of(regions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the images of an item, each with its regions, from the rows of these."""
    images: dict[str, dict[str, Any]] = {}
    for row in regions:
        about = {name: row[name] for name in ("image_id", "image_url", "width_px", "height_px")}
        image = images.setdefault(row["image_url"], {**about, "regions": []})
        image["regions"].append(
            {
                "region_id": row["region_id"],
                "kind": row["kind"],
                "box": rounded_box(row),
                "confidence": round(row["confidence"], 4),
            }
        )
    return list(images.values())
