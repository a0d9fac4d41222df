"""A small shop for tests: drawn photos, a catalogue over them, and models that are quick."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from feature_store.ingest.models import Models
from feature_store.ingest.settings import IngestSettings
from feature_store.photo.detect import Detection
from feature_store.photo.extract import normalise_rows
from feature_store.schemas import Box
from feature_store.settings import Settings

Pixels = npt.NDArray[np.uint8]


class BoxDetector:
    """Sees one product in the middle of each photo; remembers how many photos it saw."""

    def __init__(self, identity: str = "middle@00000000000d") -> None:
        self.identity = identity
        self.seen = 0

    def detect(self, images: Sequence[Pixels]) -> list[list[Detection]]:
        self.seen += len(images)
        return [[Detection(Box(0.25, 0.25, 0.75, 0.75), 0.8, "thing")] for _ in images]


class ColourExtractor:
    """Describes a crop by its histogram of colours; fails on a crop that is all black."""

    dim = 24

    def __init__(self, identity: str = "colours@00000000000e") -> None:
        self.identity = identity
        self.seen = 0

    def extract(self, crops: Sequence[Pixels]) -> npt.NDArray[np.float32]:
        self.seen += len(crops)
        rows = np.empty((len(crops), self.dim), np.float32)
        for row, crop in zip(rows, crops, strict=True):
            histograms = [np.histogram(crop[..., c], 8, (0, 256))[0] for c in range(3)]
            row[:] = np.concatenate(histograms) if crop.any() else 0.0
        return normalise_rows(rows)


def quick_models() -> Models:
    """Return both, new."""
    return Models(BoxDetector(), ColourExtractor())


class Shop:
    """Photos and a catalogue under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, dict[str, str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def draw(self, name: str, seed: int) -> str:
        """Draw a photo of a rectangle; the colours follow from the seed."""
        colours = np.random.default_rng(seed).integers(1, 256, (2, 3)).tolist()
        image = Image.new("RGB", (48, 32), tuple(colours[0]))
        ImageDraw.Draw(image).rectangle((14, 10, 34, 22), fill=tuple(colours[1]))
        image.save(self.folder / name)
        return name

    def sell(self, item_id: str, *images: str, **columns: str) -> None:
        """Put an item into the catalogue, or change it."""
        self.rows[item_id] = {"item_id": item_id, "image": "|".join(images), **columns}

    def stock(self, count: int) -> None:
        """Sell `count` items with a photo each."""
        for number in range(count):
            self.sell(f"item {number:02d}", self.draw(f"{number}.png", number), title="a thing")

    def write(self, name: str = "catalogue.csv") -> Path:
        """Write the catalogue."""
        columns = ["item_id", "image", "title", "updated_at"]
        with (self.folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows.values())
        return self.folder / name

    def settings(self, home: Path, **ingest: int) -> Settings:
        """Write the catalogue and return the settings that read it."""
        sizes: Mapping[str, int] = {"items_per_shard": 4, "images_per_chunk": 3, **ingest}
        return Settings(
            home=home, catalogue_location=str(self.write()), ingest=IngestSettings(**sizes)
        )
