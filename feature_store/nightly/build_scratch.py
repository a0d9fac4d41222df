"""What the steps of a build hand each other, in files of its scratch folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.bundle.format import VECTORS
from feature_store.bundle.mapped import map_array, map_table
from feature_store.bundle.write import BundleWriter, write_array, write_table
from feature_store.index.attribute import Photos
from feature_store.nightly.gather import Floats, Gathered, Ints

_PHOTOS = ("image", "owner", "prominence", "category")
NEIGHBOURS, SCORES, SUBJECT, ABOUT = "neighbours.npy", "scores.npy", "subject.npy", "about.json"
"""What a segment's step leaves in its result folder."""


@dataclass(frozen=True)
class SegmentResult:
    """What a segment's step found, besides what it put into the bundle."""

    neighbours: Ints
    """int32 (r, K): region numbers of the whole bundle, -1 padded; mapped from disk."""
    scores: Floats
    """float32 (r, K): their cosines; mapped from disk."""
    subject: Any
    """bool (r,): which of its regions show the item that their photo sells."""
    about: dict[str, Any]
    """Plain values: reduced_dim, vectors, search, measurements, cost."""


class Scratch:
    """The scratch folder of one build. Whatever is in it was written whole."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        self.folder = folder

    def write_gathered(self, gathered: Gathered) -> None:
        """Keep the tables and what is known of the photos; the vectors lie here already."""
        write_table(self.folder / "items.arrow", gathered.items)
        write_table(self.folder / "regions.arrow", gathered.regions)
        for name in _PHOTOS:
            values = getattr(gathered.photos, name)
            write_array(self.folder / f"{name}.npy", values.shape, [values])
        gathered.vectors_path.rename(self.folder / "raw.f32")

    def write_centred(self, shape: tuple[int, ...], blocks: Iterable[Floats]) -> Floats:
        """Keep the centred vectors as float32, where the bundle has them smaller."""
        write_array(self.folder / "centred.npy", shape, blocks)
        return map_array(self.folder / "centred.npy")

    def write_rows(self, number: int, rows: Ints) -> None:
        """Keep the regions of a segment."""
        folder = self.segment(number)
        folder.mkdir(parents=True)
        write_array(folder / "rows.npy", rows.shape, [rows])

    def segment(self, number: int) -> Path:
        """Return the folder of a segment."""
        return self.folder / "segments" / f"{number:03d}"

    def rows(self, number: int) -> Ints:
        """Return the regions of a segment, int32 (r,), ascending."""
        return map_array(self.segment(number) / "rows.npy")

    @cached_property
    def photos(self) -> Photos:
        """What is known of all regions besides their vectors."""
        return Photos(**{name: map_array(self.folder / f"{name}.npy") for name in _PHOTOS})

    @cached_property
    def items(self) -> Any:
        """The table of items, without `primary_region`."""
        return map_table(self.folder / "items.arrow")

    @cached_property
    def regions(self) -> Any:
        """The table of regions, without `subject`."""
        return map_table(self.folder / "regions.arrow")

    @cached_property
    def raw(self) -> Floats:
        """float32 (regions, dim): the vectors as extracted, and joined, mapped from disk."""
        rows = len(self.photos.owner)
        values = np.memmap(self.folder / "raw.f32", np.float32, "r")
        return np.asarray(values.reshape(rows, -1))

    @cached_property
    def centred(self) -> Floats:
        """float32 (regions, dim): the centred unit vectors, mapped from disk."""
        own = self.folder / "centred.npy"
        building = BundleWriter.resume(self.folder).folder
        return map_array(own if own.is_file() else building / VECTORS)

    def result_folder(self, number: int) -> Path:
        """Return where a segment's result is, once it is whole."""
        return self.segment(number) / "result"

    def result(self, number: int) -> SegmentResult | None:
        """Return what a segment's step found; None if it has not been done."""
        folder = self.result_folder(number)
        if not folder.is_dir():
            return None
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        return SegmentResult(
            neighbours=map_array(folder / NEIGHBOURS),
            scores=map_array(folder / SCORES),
            subject=map_array(folder / SUBJECT),
            about=about,
        )
