"""What is answered: JSON put together from pieces that are encoded once, when a bundle is loaded.

A bundle's rows are turned into bytes once and by the leader, so that answering is a search and a
join of slices, and all workers share the pieces' pages. Those of a tier are each worker's own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from feature_store.bundle.open import Bundle
from feature_store.bundle.rules import Rules
from feature_store.bundle.search import Searcher
from feature_store.bundle.tier import Tier, TierPointer
from feature_store.errors import UnknownItemError
from serving.parameters import SimilarQuestion
from serving.shelf import Shelf
from serving.summary import bundle_summary, tier_summary

_ITEM_FIELDS = ("item_id", "title", "url", "price", "currency", "brand", "category", "in_stock")
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Found:
    """An answer about look-alikes: the body, and what the metrics say of it."""

    body: bytes
    hits: int
    fallback: str | None


class _Numbered(Protocol):
    """Small byte strings by their numbers."""

    def __getitem__(self, number: int) -> bytes: ...

    def __len__(self) -> int: ...


class _Pieces:
    """Many small byte strings in one: piece i is `pieces[i]`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        parts = list(pieces)
        self._joined = b"".join(parts)
        self._ends = np.cumsum([0, *(len(part) for part in parts)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> bytes:
        return self._joined[int(self._ends[number]) : int(self._ends[number + 1])]


class _Both:
    """The pieces of a bundle, and after them those of a tier."""

    def __init__(self, base: _Numbered, fresh: _Numbered) -> None:
        self._base, self._fresh = base, fresh

    def __len__(self) -> int:
        return len(self._base) + len(self._fresh)

    def __getitem__(self, number: int) -> bytes:
        beyond = number - len(self._base)
        return self._base[number] if beyond < 0 else self._fresh[beyond]


@dataclass(frozen=True)
class _Encoded:
    """A bundle and what is made of it once, for all its tiers."""

    bundle: Bundle
    items: _Pieces
    regions: _Pieces
    shelf: Shelf | None
    summary: dict[str, Any]


class Answers:
    """Everything that is answered from one bundle and its fresh tier, if it has one.

    Nothing in it changes: a worker takes another tier up by answering from another such object,
    which shares all that is the bundle's.
    """

    def __init__(self, bundle: Bundle, *, shelf: bool) -> None:
        """Encode the bundle's rows; `shelf` says whether `listing` will be asked."""
        self._encoded = _Encoded(
            bundle,
            _Pieces(_item_pieces(bundle.items)),
            _Pieces(_region_pieces(bundle.regions)),
            Shelf(bundle) if shelf else None,
            bundle_summary(bundle),
        )
        self._take(None, None)

    def with_tier(self, tier: Tier | None, pointer: TierPointer | None = None) -> Answers:
        """Return the answers from the same bundle with another tier, which `pointer` names."""
        other = copy.copy(self)
        other._take(tier, pointer)
        return other

    def confirmed(self, pointer: TierPointer) -> Answers:
        """Return the same answers, whose tier is named once more."""
        other = copy.copy(self)
        other.pointer = pointer
        return other

    def _take(self, tier: Tier | None, pointer: TierPointer | None) -> None:
        encoded = self._encoded
        self.bundle = encoded.bundle
        self.bundle_id = encoded.bundle.bundle_id
        self.tier = tier
        self.pointer = pointer
        """What named the tier."""
        self.edition = self.bundle_id if tier is None else f"{self.bundle_id}.{tier.tier_id}"
        """What all answers follow from, apart from this program: the same means the same ones."""
        self._searcher = Searcher(encoded.bundle, tier)
        self._view = self._searcher.view
        self._items: _Numbered = encoded.items
        self._regions: _Numbered = encoded.regions
        self._shelf = encoded.shelf
        if tier is not None:
            self._items = _Both(self._items, _Pieces(_item_pieces(tier.items)))
            self._regions = _Both(self._regions, _Pieces(_region_pieces(tier.regions)))
            self._shelf = encoded.shelf.with_tier(tier) if encoded.shelf else None

    @property
    def summary(self) -> dict[str, Any]:
        """What `/v1/bundle` says of the bundle and its tier."""
        tier = tier_summary(self.tier, self.pointer) if self.tier and self.pointer else None
        return {**self._encoded.summary, "tier": tier}

    def has(self, item_id: str, region_id: str | None = None) -> bool:
        """Whether the item can be asked about, and by that region if one is named."""
        try:
            number = self._view.item_number(item_id)
            if region_id is not None:
                self._view.region_number(number, region_id)
        except UnknownItemError:
            return False
        return True

    def lost(self, item_id: str) -> bool:
        """Whether the bundle has the item and the tier says that it is gone."""
        if self.tier is None or self.has(item_id):
            return False
        try:
            self.bundle.item_number(item_id)
        except UnknownItemError:
            return False
        return True

    def similar(self, query_id: str, item_id: str, question: SimilarQuestion) -> Found:
        """Return the look-alikes of an item; UnknownItemError, FilterError."""
        answer = self._searcher.similar(
            item_id,
            Rules(limit=question.limit, threshold=question.threshold, filters=question.filters),
            region_id=question.region_id,
        )
        head = {
            "query_id": query_id,
            "item_id": item_id,
            "region_id": answer.region_id,
            "bundle": self.bundle_id,
            "fallback": None,
            "answered_by": answer.method,
        }
        hits = b",".join(
            b'%b,%b,"score":%.2f}' % (self._items[hit.item], self._regions[hit.region], hit.score)
            for hit in answer.hits
        )
        body = b'%b,"hits":[%b]}' % (encode(head)[:-1], hits)
        return Found(body, len(answer.hits), None)

    def item(self, item_id: str) -> bytes:
        """Return an item with its images and their regions; UnknownItemError."""
        view = self._view
        number = view.item_number(item_id)
        row = view.item_rows([number])[0]
        body = {name: _plain(row[name]) for name in (*_ITEM_FIELDS, "segment")}
        body["attributes"] = json.loads(row["attributes"] or "{}")
        body["bundle"] = self.bundle_id
        body["region_id"] = view.region_id(view.primary_region(number))
        body["images"] = _images(view.region_rows(view.regions_of(number)))
        return encode(body)

    def listing(self, offset: int, limit: int, category: str | None) -> dict[str, Any]:
        """Return one page of the demo shop's shelf: its items, how many, all categories."""
        assert self._shelf is not None, "made without a shelf"
        view, numbers = self._view, self._shelf.numbers(category)
        page = numbers[offset : offset + limit].tolist()
        rows = view.item_rows(page)
        photos = view.region_rows([view.primary_region(number) for number in page])
        return {
            "bundle": self.bundle_id,
            "all": len(self._shelf.numbers(None)),
            "total": len(numbers),
            "offset": offset,
            "categories": self._shelf.categories,
            "items": [
                {name: _plain(row[name]) for name in _ITEM_FIELDS}
                | {name: photo[name] for name in ("image_url", "width_px", "height_px")}
                for row, photo in zip(rows, photos, strict=True)
            ],
        }


def encode(body: dict[str, Any]) -> bytes:
    """Return a JSON object as UTF-8."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """Write 4980.0 as 4980: prices are often whole."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _item_pieces(items: pa.Table) -> Iterator[bytes]:
    """Each item as the beginning of a JSON object, without its closing brace."""
    for batch in items.select(list(_ITEM_FIELDS)).to_batches(max_chunksize=_BATCH_ROWS):
        for row in batch.to_pylist():
            yield encode({name: _plain(value) for name, value in row.items()})[:-1]


def _region_pieces(regions: pa.Table) -> Iterator[bytes]:
    """Each region as members of a JSON object, without its braces."""
    columns = regions.select(["image_url", "x0", "y0", "x1", "y1"])
    for batch in columns.to_batches(max_chunksize=_BATCH_ROWS):
        for row in batch.to_pylist():
            yield encode({"image_url": row["image_url"], "box": _box(row)})[1:-1]


def _box(row: dict[str, Any]) -> list[float]:
    return [round(row[name], 4) for name in ("x0", "y0", "x1", "y1")]


def _images(regions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    images: dict[str, dict[str, Any]] = {}
    for row in regions:
        about = {name: row[name] for name in ("image_id", "image_url", "width_px", "height_px")}
        image = images.setdefault(row["image_url"], {**about, "regions": []})
        image["regions"].append(
            {
                "region_id": row["region_id"],
                "kind": row["kind"],
                "box": _box(row),
                "confidence": round(row["confidence"], 4),
            }
        )
    return list(images.values())
