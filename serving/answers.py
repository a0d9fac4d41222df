"""What is answered: JSON put together from pieces that are encoded once, when a bundle is loaded.

A bundle's rows are turned into bytes once and by the leader, so that answering is a search and a
join of slices, and all workers share the pieces' pages.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import GATE
from feature_store.bundle.open import Bundle
from feature_store.bundle.search import Searcher
from feature_store.errors import UnknownItemError
from serving.parameters import SimilarQuestion

_ITEM_FIELDS = ("item_id", "title", "url", "price", "currency", "brand", "category", "in_stock")
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Found:
    """An answer about look-alikes: the body, and what the metrics say of it."""

    body: bytes
    hits: int
    fallback: str | None


class _Pieces:
    """Many small byte strings in one: piece i is `pieces[i]`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        parts = list(pieces)
        self._joined = b"".join(parts)
        self._ends = np.cumsum([0, *(len(part) for part in parts)])

    def __getitem__(self, number: int) -> bytes:
        return self._joined[int(self._ends[number]) : int(self._ends[number + 1])]


class Answers:
    """Everything that is answered from one open bundle; reading only, so workers share it."""

    def __init__(self, bundle: Bundle, *, shelf: bool) -> None:
        """Encode the bundle's rows; `shelf` says whether `listing` will be asked."""
        self.bundle_id = bundle.bundle_id
        self.summary = _summary(bundle)
        """What `/v1/bundle` says."""
        self._bundle = bundle
        self._searcher = Searcher(bundle)
        self._items = _Pieces(_item_pieces(bundle.items))
        self._regions = _Pieces(_region_pieces(bundle.regions))
        self._shelf = _Shelf(bundle) if shelf else None

    def has(self, item_id: str) -> bool:
        """Whether the bundle has the item."""
        try:
            self._bundle.item_number(item_id)
        except UnknownItemError:
            return False
        return True

    def similar(self, query_id: str, item_id: str, question: SimilarQuestion) -> Found:
        """Return the look-alikes of an item; UnknownItemError, FilterError."""
        answer = self._searcher.similar(
            item_id,
            region_id=question.region_id,
            limit=question.limit,
            threshold=question.threshold,
            filters=question.filters,
        )
        head = {
            "query_id": query_id,
            "item_id": item_id,
            "region_id": answer.region_id,
            "bundle": self.bundle_id,
            "fallback": answer.fallback,
        }
        hits = b",".join(
            b'%b,%b,"score":%.2f}' % (self._items[hit.item], self._regions[hit.region], hit.score)
            for hit in answer.hits
        )
        body = b'%b,"hits":[%b]}' % (encode(head)[:-1], hits)
        return Found(body, len(answer.hits), answer.fallback)

    def item(self, item_id: str) -> bytes:
        """Return an item with its images and their regions; UnknownItemError."""
        number = self._bundle.item_number(item_id)
        row = self._bundle.item_rows([number])[0]
        primary = int(self._bundle.primary_region[number])
        body = {name: _plain(row[name]) for name in (*_ITEM_FIELDS, "segment")}
        body["attributes"] = json.loads(row["attributes"] or "{}")
        body["bundle"] = self.bundle_id
        body["region_id"] = self._bundle.region_id(primary)
        body["images"] = _images(self._bundle.region_rows(self._bundle.regions_of(number)))
        return encode(body)

    def listing(self, offset: int, limit: int, category: str | None) -> dict[str, Any]:
        """Return one page of the demo shop's shelf: its items, how many, all categories."""
        assert self._shelf is not None, "made without a shelf"
        numbers = self._shelf.numbers(category)
        page = numbers[offset : offset + limit].tolist()
        rows = self._bundle.item_rows(page)
        photos = self._bundle.region_rows(self._bundle.primary_region[page].tolist())
        return {
            "bundle": self.bundle_id,
            "all": len(self._bundle.items),
            "total": len(numbers),
            "offset": offset,
            "categories": self._shelf.categories,
            "items": [
                {name: _plain(row[name]) for name in _ITEM_FIELDS}
                | {name: photo[name] for name in ("image_url", "width_px", "height_px")}
                for row, photo in zip(rows, photos, strict=True)
            ],
        }


class _Shelf:
    """The order in which the demo shop shows its items: mixed, but always the same."""

    def __init__(self, bundle: Bundle) -> None:
        ids = bundle.items["item_id"].to_pylist()
        names = bundle.items["category"].to_pylist()
        mixed = sorted(range(len(ids)), key=lambda number: zlib.crc32(ids[number].encode()))
        self._all = np.array(mixed, np.int64)
        by_name: dict[str, list[int]] = {}
        for number in mixed:
            if names[number] is not None:
                by_name.setdefault(names[number], []).append(number)
        self._of = {name: np.array(numbers, np.int64) for name, numbers in by_name.items()}
        self.categories = [
            {"name": name, "items": len(self._of[name])} for name in sorted(self._of)
        ]

    def numbers(self, category: str | None) -> npt.NDArray[np.int64]:
        """Return the numbers of the items on the shelf, of one category or of all."""
        if category is None:
            return self._all
        return self._of.get(category, np.array([], np.int64))


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


def _summary(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    gate = json.loads((bundle.folder / GATE).read_text())
    counts, first = manifest.counts, manifest.segments[0]
    return {
        "bundle": manifest.bundle_id,
        "created_at": manifest.created_at,
        "snapshot_version": manifest.snapshot_version,
        "snapshot_content_hash": manifest.snapshot_content_hash,
        "detector": manifest.detector,
        "extractor": manifest.extractor,
        "dim": manifest.dim,
        "reduced_dim": first.reduced_dim,
        "counts": {"items": counts.items, "images": counts.images, "regions": counts.regions},
        "recall_at_10": manifest.measurements.get("gate", {}).get("recall_at_10"),
        "search": {"method": first.search.method, "epsilon": first.search.epsilon},
        "gate_passed": gate["passed"],
        "filters": list(bundle.facets.attributes),
    }
