"""Real bundles whose items lie on a circle: who looks like whom is plain from the angles."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

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
from feature_store.compare.settings import CompareSettings
from feature_store.schemas import WHOLE, Box, region_id

PRODUCT = Box(0.2, 0.2, 0.8, 0.9)
OTHER = Box(0.1, 0.3, 0.7, 0.8)


@dataclass(frozen=True)
class Thing:
    """An item with one photo; its subject is the last of the boxes."""

    item_id: str
    degrees: float
    """Where its subject is on the circle; its other regions are on the far side."""
    photo: str = "front"
    boxes: tuple[Box, ...] = (WHOLE,)
    also: tuple[Box, ...] = ()
    """Other boxes that may be found for it: subjects of other photos, in a real shop."""
    category: str | None = None
    segment: str | None = None
    title: str | None = None
    url: str = "/images/x.jpg"

    @property
    def image_id(self) -> str:
        return hashlib.sha256(f"{self.item_id}:{self.photo}".encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """How a bundle is made of things."""

    extractor: str = "eye@000000000000"
    detector: str = "finder@000000000000"
    neighbours: int = 8
    segmented: bool = False
    swaps: tuple[tuple[str, str, str], ...] = ()
    """(asked, shown, wrongly shown instead): what an approximate search would do."""


@dataclass(frozen=True)
class CircleSettings:
    """The part of the settings that a comparison reads."""

    home: Path
    compare: CompareSettings = field(default_factory=lambda: CompareSettings(hits=3))
    bundles_location: str = ""

    @property
    def bundles(self) -> str:
        return self.bundles_location or str(self.home / "bundles")


def row_of_things(count: int, step: float = 10.0, **same: str) -> list[Thing]:
    """`count` things, each `step` degrees after the one before and a little more."""
    return [
        Thing(f"t{n:02d}", n * step + 0.1 * n * n, **same)  # type: ignore[arg-type]
        for n in range(count)
    ]


def write_bundle(
    home: Path,
    bundle_id: str,
    things: Sequence[Thing],
    made: Made = Made(),
) -> Path:
    """Write a finished bundle that passed its gate."""
    things = sorted(things, key=lambda thing: thing.item_id.encode())
    regions, vectors, primary = _regions(things)
    owners = np.asarray(regions["item"])
    names = sorted({thing.segment or "" for thing in things}) if made.segmented else [""]
    of = np.array(
        [names.index((thing.segment or "") if made.segmented else "") for thing in things]
    )
    near, scores = _neighbours(things, vectors, regions, of, made)
    exact = SearchParameters("exact", 0.0, 10)
    earlier = sum(1 for _ in (home / "bundles").glob("*/manifest.json"))
    segments = []
    with BundleWriter(home / "bundles", bundle_id) as writer:
        for number, name in enumerate(names):
            rows = np.flatnonzero(of[owners] == number).astype(np.int32)
            folder = f"segments/{number:03d}"
            (writer.folder / folder).mkdir(parents=True)
            writer.array(f"{folder}/{ROWS}", rows)
            writer.array(f"{folder}/{OBJECTS}", np.arange(len(rows), dtype=np.int32))
            writer.array(f"{folder}/{COMPONENTS}", np.ones((2, 1), np.float32))
            segments.append(Segment(name, folder, len(rows), len(rows), 1, exact))
        starts = np.searchsorted(owners, np.arange(len(things))).astype(np.int32)
        items = {
            "item_id": [thing.item_id for thing in things],
            "title": [thing.title for thing in things],
            "category": [thing.category for thing in things],
            "segment": [thing.segment for thing in things],
        }
        empty = dict.fromkeys(("brand", "currency", "url"), [None] * len(things))
        texts = {name: pa.array(column, pa.string()) for name, column in {**items, **empty}.items()}
        numbers = {
            "first_region": starts,
            "region_count": np.diff([*starts, len(owners)]).astype(np.int32),
            "primary_region": primary,
        }
        writer.table(ITEMS_FILE, pa.table({**texts, **numbers}))
        writer.table(REGIONS_FILE, regions)
        writer.table(FACETS_FILE, pa.table({name: texts[name] for name in ("category", "segment")}))
        writer.array(VECTORS, vectors)
        writer.array(MEAN, np.zeros(2, np.float32))
        writer.array(NEIGHBOURS, near)
        writer.array(NEIGHBOUR_SCORES, scores)
        manifest = Manifest(
            bundle_id=bundle_id,
            created_at=f"2026-01-02T03:04:{earlier:02d}+00:00",
            snapshot_version=3,
            snapshot_content_hash="c0ffee",
            features_hash="c0ffee",
            detector=made.detector,
            extractor=made.extractor,
            parameters_digest="0" * 64,
            dim=2,
            parts=(Part(made.extractor, 2, 1.0),),
            segmented_by="segment" if made.segmented else "",
            segments=tuple(segments),
            stored="float32",
            counts=Counts(len(things), len(things), len(owners), len(owners)),
            measurements={"gate": {"recall_at_10": 1.0}},
        )
        folder = writer.finish(manifest)
    seal(folder, True, {"checks": []}, "<!doctype html><title>gate</title>")
    return folder


def write_thumbnails(home: Path, things: Sequence[Thing], colour: str = "lime") -> None:
    """Write a plain picture for each thing's photo."""
    for thing in things:
        path = home / "thumbnails" / thing.image_id[:2] / f"{thing.image_id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 150), colour).save(path)


def _regions(things: Sequence[Thing]) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    rows, angles, primary = [], [], []
    for number, thing in enumerate(things):
        for box in thing.boxes:
            asked = box == thing.boxes[-1]
            if asked:
                primary.append(len(rows))
            angles.append(thing.degrees + (0 if asked else 180))
            rows.append(
                {
                    "item": number,
                    "region_id": region_id(thing.image_id, box),
                    "image_id": thing.image_id,
                    "image_url": thing.url,
                    "width_px": 200,
                    "height_px": 150,
                    "kind": "whole" if box == WHOLE else "product",
                    **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True)),
                    "confidence": 0.5,
                    "subject": asked or box in thing.also,
                }
            )
    table = pa.Table.from_pylist(rows)
    item = pa.array([row["item"] for row in rows], pa.int32())
    radians = np.radians(angles)
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    return table.set_column(0, "item", item), vectors, np.array(primary, np.int32)


def _neighbours(
    things: Sequence[Thing], vectors: np.ndarray, regions: pa.Table, of: np.ndarray, made: Made
) -> tuple[np.ndarray, np.ndarray]:
    owners, subject = np.asarray(regions["item"]), np.asarray(regions["subject"])
    near = np.full((len(vectors), made.neighbours), -1, np.int32)
    scores = np.zeros((len(vectors), made.neighbours), np.float32)
    cosines = vectors @ vectors.T
    ids = [thing.item_id for thing in things]
    swaps = {(asked, shown): instead for asked, shown, instead in made.swaps}
    subjects = {ids[owners[region]]: region for region in np.flatnonzero(subject)}
    for region, owner in enumerate(owners):
        allowed = subject & (owners != owner) & (of[owners] == of[owner])
        listed = [r for r in np.argsort(-cosines[region], kind="stable") if allowed[r]]
        for place, found in enumerate(listed[: made.neighbours]):
            instead = swaps.get((ids[owner], ids[owners[found]]))
            near[region, place] = subjects[instead] if instead else found
            scores[region, place] = cosines[region, near[region, place]]
    return near, scores
