"""A small shop as a real bundle: drawn photos, clustered vectors, the bundle's own writer."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, ImageDraw

from feature_store.bundle import BundleRegistry
from feature_store.bundle.format import (
    COMPONENTS,
    FACETS_FILE,
    ITEMS_FILE,
    MEAN,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    OBJECTS,
    REGIONS_FILE,
    ROWS,
    VECTORS,
    Counts,
    Manifest,
    Part,
    SearchParameters,
    Segment,
)
from feature_store.bundle.write import BundleWriter, seal
from feature_store.schemas import WHOLE, Box, region_id

DIM, REDUCED_DIM, NEIGHBOURS_KEPT = 32, 8, 24
EXTRACTOR = "random@000000000000"
CATEGORIES = ("bags", "dresses", "mugs", "shoes", "watches")
PRODUCT = Box(0.2, 0.25, 0.8, 0.95)
SIDE_PRODUCT = Box(0.68, 0.55, 0.98, 0.9)

SLASHED = 'a/b?c="quoted" & 100% 🧦'
SUFFIXED = "shoes-00/similar"
SCRIPTED = "shoes-01"
JAVASCRIPT_URL = "shoes-02"
LINKED = "shoes-03"
PLAIN = "shoes-04"
NAMELESS = "zz-nothing-known"
"""Items with something awkward about them; `PLAIN` has nothing."""


@dataclass
class _Item:
    item_id: str
    category: str | None
    title: str | None
    number: int
    url: str | None = None
    segment: str | None = None
    brand: str | None = "Kumo"
    price: float | None = 0.0
    currency: str | None = "JPY"
    in_stock: bool | None = True
    attributes: dict[str, str] = field(default_factory=lambda: {"colour": "blue"})
    shows_bag: bool = False


def build_shop(
    home: Path,
    bundle_id: str = "shop-1",
    *,
    without: str | None = None,
    carry: Callable[[Path], object] | None = None,
) -> Path:
    """Write thumbnails and a sealed, published bundle under `home`; return the bundle's folder.

    `without` names an item to leave out, so that two bundles can differ; `carry` puts further
    files into the bundle in the making, whose folder it is given.
    """
    items = sorted(
        (item for item in _shop() if item.item_id != without),
        key=lambda item: item.item_id.encode(),
    )
    tables = _tables(items, home / "thumbnails")
    vectors = _vectors(items, tables.regions)
    folder = _write(home / "bundles", bundle_id, tables, vectors, carry)
    seal(folder, True, {"checks": []}, "<!doctype html><title>gate</title>")
    BundleRegistry(home / "bundles").publish(bundle_id)
    return folder


def draw_photo(item_id: str, thumbnails: Path) -> tuple[str, tuple[int, int]]:
    """Draw a photo of an item that the shop does not have yet; return its id and its size."""
    photo = _photo(_Item(item_id, "shoes", item_id, zlib.crc32(item_id.encode()) % 97), 0)
    return _store(photo, thumbnails), photo.size


def _shop() -> Iterator[_Item]:
    for category in CATEGORIES:
        for number in range(12):
            item_id = f"{category}-{number:02d}"
            title = f"{category.capitalize()} number {number}"
            yield _Item(
                item_id,
                category,
                title,
                number,
                price=1000.0 + 500 * number,
                in_stock=number % 6 != 5,
                url=f"https://shop.example/{item_id}" if item_id == LINKED else None,
                shows_bag=category == "shoes" and number % 2 == 0,
            )
    yield _Item(SLASHED, "shoes", "Socks with slashes", 12, price=19.5, currency="EUR")
    yield _Item(SUFFIXED, "shoes", "An id that ends like a route", 13, price=1.0)
    yield _Item(NAMELESS, None, None, 0, None, None, None, None, None, None, {})


def _awkward(item: _Item) -> dict[str, Any]:
    if item.item_id == SCRIPTED:
        return {"title": "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"}
    if item.item_id == JAVASCRIPT_URL:
        return {"url": "javascript:document.title='owned'"}
    return {}


@dataclass(frozen=True)
class _Tables:
    items: pa.Table
    regions: pa.Table
    images: int


def _tables(items: list[_Item], thumbnails: Path) -> _Tables:
    rows: list[dict[str, Any]] = []
    regions: list[dict[str, Any]] = []
    images = 0
    for number, item in enumerate(items):
        first = len(regions)
        photos = [_photo(item, view) for view in range(2 if item.number % 4 == 0 else 1)]
        images += len(photos)
        for photo in photos:
            image_id = _store(photo, thumbnails)
            boxes = [WHOLE, PRODUCT, *([SIDE_PRODUCT] if item.shows_bag else [])]
            regions += [_region(number, image_id, photo.size, box) for box in boxes]
        images_of = list(dict.fromkeys(region["image_url"] for region in regions[first:]))
        about = {
            name: getattr(item, name)
            for name in ("title", "category", "segment", "brand", "price", "currency", "url")
        }
        rows.append(
            {
                "item_id": item.item_id,
                **about,
                "in_stock": item.in_stock,
                "attributes": json.dumps(item.attributes),
                **_awkward(item),
                "images": images_of,
                "primary_region": first + 1,
                "first_region": first,
                "region_count": len(regions) - first,
            }
        )
    return _Tables(
        pa.Table.from_pylist(rows, _ITEMS), pa.Table.from_pylist(regions, _REGIONS), images
    )


_ITEMS = pa.schema(
    [
        *((name, pa.string()) for name in ("item_id", "title", "category", "segment", "brand")),
        ("price", pa.float64()),
        ("currency", pa.string()),
        ("url", pa.string()),
        ("in_stock", pa.bool_()),
        ("attributes", pa.string()),
        ("images", pa.list_(pa.string())),
        *((name, pa.int32()) for name in ("primary_region", "first_region", "region_count")),
    ]
)
_REGIONS = pa.schema(
    [
        ("item", pa.int32()),
        *((name, pa.string()) for name in ("region_id", "image_id", "image_url")),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("kind", pa.string()),
        *((name, pa.float32()) for name in ("x0", "y0", "x1", "y1", "confidence")),
        ("subject", pa.bool_()),
    ]
)


def _region(item: int, image_id: str, size: tuple[int, int], box: Box) -> dict[str, Any]:
    return {
        "item": item,
        "region_id": region_id(image_id, box),
        "image_id": image_id,
        "image_url": f"/images/{image_id}.jpg",
        "width_px": size[0],
        "height_px": size[1],
        "kind": "whole" if box == WHOLE else "product",
        **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
        "confidence": 0.0 if box == WHOLE else 0.9,
        "subject": True,
    }


def _photo(item: _Item, view: int) -> Image.Image:
    width, height = (320, 400) if item.number % 3 else (400, 320)
    hue = (37 * item.number + 90 * CATEGORIES.index(item.category or "mugs")) % 255
    image = Image.new("HSV", (width, height), (hue, 25 + 10 * view, 240)).convert("RGB")
    draw = ImageDraw.Draw(image)
    colour = Image.new("HSV", (1, 1), ((hue + 90) % 255, 160, 190)).convert("RGB").getpixel((0, 0))
    _draw(draw, item.category or "mugs", PRODUCT, (width, height), colour)
    if item.shows_bag:
        _draw(draw, "bags", SIDE_PRODUCT, (width, height), (60, 40, 30))
    draw.text(
        (8, 8), f"{item.item_id} {view}".encode("ascii", "ignore").decode(), fill=(90, 90, 90)
    )
    return image


def _draw(draw: Any, kind: str, box: Box, size: tuple[int, int], colour: Any) -> None:
    corners = [box.x0 * size[0], box.y0 * size[1], box.x1 * size[0], box.y1 * size[1]]
    left, top, right, bottom = corners
    if kind in ("watches", "mugs"):
        draw.ellipse(corners, fill=colour)
    elif kind == "dresses":
        draw.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], fill=colour)
    else:
        draw.rounded_rectangle(corners, radius=16 if kind == "bags" else 40, fill=colour)


def _store(photo: Image.Image, thumbnails: Path) -> str:
    encoded = BytesIO()
    photo.save(encoded, "JPEG", quality=85)
    image_id = hashlib.sha256(encoded.getvalue()).hexdigest()
    path = thumbnails / image_id[:2] / f"{image_id}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded.getvalue())
    return image_id


def _vectors(items: list[_Item], regions: pa.Table) -> npt.NDArray[np.float32]:
    """One cluster for each category; the bag beside the shoes lies among the bags."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(len(CATEGORIES) + 1, DIM))
    vectors = np.empty((len(regions), DIM), np.float32)
    for row, region in enumerate(regions.to_pylist()):
        category = items[region["item"]].category
        if region["x0"] == np.float32(SIDE_PRODUCT.x0):
            category = "bags"
        centre = CATEGORIES.index(category) if category else len(CATEGORIES)
        vectors[row] = centres[centre] + 0.3 * random.normal(size=DIM)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _write(
    bundles: Path,
    bundle_id: str,
    tables: _Tables,
    raw: npt.NDArray[np.float32],
    carry: Callable[[Path], object] | None,
) -> Path:
    mean = raw.mean(axis=0)
    vectors = raw - mean
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near, scores = _neighbours(vectors, np.array(tables.regions["item"]))
    components = np.linalg.svd(vectors, full_matrices=False)[2][:REDUCED_DIM].T
    counts = Counts(len(tables.items), tables.images, len(tables.regions), len(vectors))
    search = SearchParameters("exact", 0.02, 50)
    segment = Segment("", "segments/000", counts.regions, counts.vectors, REDUCED_DIM, search)
    manifest = Manifest(
        bundle_id=bundle_id,
        created_at="2026-01-02T03:04:05+00:00",
        snapshot_version=3,
        snapshot_content_hash="c0ffee",
        detector="drawn@000000000000",
        extractor=EXTRACTOR,
        parameters_digest="0" * 12,
        dim=DIM,
        features_hash="c0ffee",
        parts=(Part(EXTRACTOR, DIM, 1.0),),
        segmented_by="",
        segments=(segment,),
        stored="float32",
        counts=counts,
        measurements={"gate": {"overall": {"metrics": {"recall_at_10": {"value": 1.0}}}}},
    )
    with BundleWriter(bundles, bundle_id) as writer:
        writer.table(ITEMS_FILE, tables.items)
        writer.table(REGIONS_FILE, tables.regions)
        writer.table(FACETS_FILE, _facets(tables.items))
        writer.array(VECTORS, vectors)
        (writer.folder / segment.folder).mkdir(parents=True)
        for name in (OBJECTS, ROWS):
            writer.array(f"{segment.folder}/{name}", np.arange(len(vectors), dtype=np.int32))
        writer.array(MEAN, mean)
        writer.array(f"{segment.folder}/{COMPONENTS}", components.astype(np.float32))
        writer.array(NEIGHBOURS, near)
        writer.array(NEIGHBOUR_SCORES, scores)
        if carry is not None:
            carry(writer.folder)
        return writer.finish(manifest)


def _facets(items: pa.Table) -> pa.Table:
    colours = [json.loads(text).get("colour") for text in items["attributes"].to_pylist()]
    named = items.select(["item_id", "category", "brand", "price", "in_stock"])
    return named.append_column("colour", pa.array(colours, pa.string()))


def _neighbours(
    vectors: npt.NDArray[np.float32], owners: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    near = np.full((len(vectors), NEIGHBOURS_KEPT), -1, np.int32)
    scores = np.full((len(vectors), NEIGHBOURS_KEPT), -1, np.float32)
    cosines = vectors @ vectors.T
    for row in range(len(vectors)):
        seen, place = {owners[row]}, 0
        for region in np.argsort(-cosines[row], kind="stable"):
            if owners[region] not in seen and place < NEIGHBOURS_KEPT:
                seen.add(owners[region])
                near[row, place], scores[row, place] = region, cosines[row, region]
                place += 1
    return near, scores
