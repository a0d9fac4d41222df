"""Fresh tiers of the small shop, written by the library's own writer and named as it names them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_store.bundle import Bundle, open_bundle
from feature_store.bundle.tables import ITEM_COLUMNS, UPDATED
from feature_store.bundle.tier import TierPointer, tiers_folder
from feature_store.bundle.tiers import TierShelf
from feature_store.fresh.changes import Changes
from feature_store.fresh.write import Contents, write_tier
from feature_store.schemas import WHOLE, region_id
from tests.serving.shop_bundle import PLAIN, PRODUCT, draw_photo

_ITEM = {
    "item_id": "", "title": "", "category": "shoes", "segment": None, "brand": "Kumo",
    "price": 4200.0, "currency": "JPY", "url": None, "in_stock": True,
    "attributes": '{"colour": "green"}',
}  # fmt: skip


def build_tier(
    home: Path,
    bundle_id: str = "shop-1",
    *,
    new: Sequence[str] = (),
    titles: Mapping[str, str] | None = None,
    gone: Sequence[str] = (),
) -> str:
    """Write a tier of a bundle under `home` and have it served; return its name.

    `new`: items that look like PLAIN; `titles`: items of the bundle that are called otherwise now;
    `gone`: those that are no longer for sale.
    """
    bundles = home / "bundles"
    bundle = open_bundle(bundles / bundle_id)
    with TierShelf(bundles).lock():
        contents = _contents(bundle, home / "thumbnails", new, titles or {}, gone)
        manifest = write_tier(tiers_folder(bundles, bundle_id), bundle, contents, 4)
        name_tier(home, bundle_id, manifest.tier_id)
    return manifest.tier_id


def name_tier(home: Path, bundle_id: str, tier_id: str) -> TierPointer:
    """Have a tier served."""
    at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    pointer = TierPointer(tier_id, at, 4)
    TierShelf(home / "bundles").point_at(bundle_id, pointer)
    return pointer


def _contents(
    bundle: Bundle,
    thumbnails: Path,
    new: Sequence[str],
    titles: Mapping[str, str],
    gone: Sequence[str],
) -> Contents:
    count = len(bundle.items)
    names = sorted([*new, *titles], key=lambda name: name.encode())
    alias = np.arange(count, dtype=np.int32)
    alias[[bundle.item_number(name) for name in gone]] = -1
    rows: list[dict[str, Any]] = []
    kept = np.full(len(names), -1, np.int32)
    regions: list[dict[str, Any]] = []
    owners: list[int] = []
    for place, name in enumerate(names):
        if name in titles:
            kept[place] = bundle.item_number(name)
            alias[kept[place]] = count + place
            before = bundle.item_rows([int(kept[place])])[0]
            rows.append({c: before[c] for c in ITEM_COLUMNS} | {"title": titles[name]})
        else:
            rows.append(_ITEM | {"item_id": name, "title": f"New: {name}"})
            regions += _regions(name, thumbnails)
            owners += [place, place]
    columns = {name: bundle.items.schema.field(name).type for name in ITEM_COLUMNS}
    columns[UPDATED] = pa.timestamp("us", "UTC")
    changes = Changes(
        alias=alias,
        items=pa.Table.from_pylist(rows, pa.schema(columns)),
        kept=kept,
        regions=pa.Table.from_pylist(regions, _FEATURES),
        owners=np.array(owners, np.int32),
        gone=len(gone),
        waiting=0,
    )
    return Contents(changes, _vectors(bundle, len(regions)), np.ones(len(regions), np.bool_))


_FEATURES = pa.schema(
    [
        *((name, pa.string()) for name in ("region_id", "image_id", "image_uri", "kind")),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        *((name, pa.float32()) for name in ("x0", "y0", "x1", "y1", "confidence")),
    ]
)


def _regions(item_id: str, thumbnails: Path) -> list[dict[str, Any]]:
    image_id, size = draw_photo(item_id, thumbnails)
    return [
        {
            "region_id": region_id(image_id, box),
            "image_id": image_id,
            "image_uri": f"{item_id}.jpg",
            "kind": "whole" if box == WHOLE else "product",
            "width_px": size[0],
            "height_px": size[1],
            **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
            "confidence": 0.0 if box == WHOLE else 0.9,
        }
        for box in (WHOLE, PRODUCT)
    ]


def _vectors(bundle: Bundle, count: int) -> Any:
    """Vectors near the one of PLAIN, float32 (count, dim), centred."""
    region = int(bundle.primary_region[bundle.item_number(PLAIN)])
    near = bundle.vectors[np.array([region])]
    noise = np.random.default_rng(8).normal(size=(count, near.shape[1]))
    vectors = near + 0.01 * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
