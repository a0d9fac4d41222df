"""The contact sheet of a bundle: what shoppers would see beside a dozen random items."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from feature_store.bundle.rules import Rules
from feature_store.bundle.search import Searcher
from feature_store.index.sheet import Cell, draw_sheet

QUERIES, HITS = 12, 8


def contact_sheet(searcher: Searcher, thumbnails: Path, path: Path, seed: int) -> None:
    """Write a JPEG of random items, each with its nearest look-alikes, from stored thumbnails."""
    bundle = searcher.bundle
    random = np.random.default_rng(seed)
    items = sorted(random.permutation(len(bundle.items))[:QUERIES].tolist())
    rows = []
    for item in items:
        item_id = bundle.items["item_id"][item].as_py()
        asked = int(bundle.primary_region[item])
        hits = searcher.similar(item_id, Rules(limit=HITS)).hits
        cells = [_cell(searcher, thumbnails, asked, item_id)]
        for hit in hits:
            row = bundle.item_rows([hit.item])[0]
            caption = f"{hit.score:.0f}  {row['title'] or row['item_id']}"
            cells.append(_cell(searcher, thumbnails, hit.region, caption))
        rows.append(cells)
    draw_sheet(rows, path)


def _cell(searcher: Searcher, thumbnails: Path, region: int, caption: str) -> Cell:
    row = searcher.bundle.region_rows([region])[0]
    image_id = row["image_id"]
    box = (row["x0"], row["y0"], row["x1"], row["y1"])
    return Cell(thumbnails / image_id[:2] / f"{image_id}.jpg", box, caption)
