"""Open a bundle: every digest checked, every array mapped from disk, nothing copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.filters import Facets
from feature_store.bundle.format import (
    BACKGROUND,
    FACETS_FILE,
    ITEMS_FILE,
    MEAN,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    REGION_ORDER,
    REGIONS_FILE,
    SCALES,
    VECTORS,
    Manifest,
    prove,
    read_manifest,
)
from feature_store.bundle.ids import SortedIds, Texts, order_of
from feature_store.bundle.lease import Lease
from feature_store.bundle.mapped import int_column, map_array, map_table
from feature_store.bundle.projection import Projection
from feature_store.bundle.scores import Background, draw_sample
from feature_store.bundle.segment import OpenSegment, number_segments, open_segment
from feature_store.bundle.stored import StoredVectors
from feature_store.errors import BundleError, UnknownItemError


class Bundle:
    """An open bundle. Items and regions go by their numbers, which are rows of its tables.

    Everything is read only and most of it mapped from disk, so that processes forked from the one
    that opened it share one copy.
    """

    def __init__(self, folder: Path, manifest: Manifest, lease: Lease | None = None) -> None:
        """Map the files of a bundle whose digests the caller has checked, or does not need."""
        self.folder = folder
        self.lease = lease
        """What keeps the bundle from being removed as long as it is open."""
        self.manifest = manifest
        self.items = map_table(folder / ITEMS_FILE)
        self.regions = map_table(folder / REGIONS_FILE)
        self.facets = Facets(map_table(folder / FACETS_FILE))
        self.owners = int_column(self.regions, "item")
        """int32 (regions,): the item of each region, ascending."""
        self.subject = np.asarray(self.regions["subject"].to_numpy(), np.bool_)
        """bool (regions,): whether a region shows the item that its photo sells, and may be a hit;
        one region of each photo does."""
        self.first_region = int_column(self.items, "first_region")
        self.region_count = int_column(self.items, "region_count")
        self.primary_region = int_column(self.items, "primary_region")
        self.neighbours = map_array(folder / NEIGHBOURS)
        """int32 (regions, K): the best region of each of the K nearest items, -1 padded."""
        self.neighbour_scores = map_array(folder / NEIGHBOUR_SCORES)
        """float32 (regions, K): their cosines."""
        scales = map_array(folder / SCALES) if manifest.stored == "int8" else None
        self.vectors = StoredVectors(map_array(folder / VECTORS), scales)
        """The centred vectors of all regions."""
        self.backgrounds = self._if_there(BACKGROUND, np.float32)
        """float32 (regions,): the background of each region's scores (see `scores`); None in a
        bundle that does not say, where it is worked out when it is asked for."""
        self._ids = SortedIds(self.items["item_id"])
        self._region_ids = Texts(self.regions["region_id"])
        self._region_order = self._if_there(REGION_ORDER, np.int32)
        mean = map_array(folder / MEAN)
        self._check_shapes(mean)
        self.segments: tuple[OpenSegment, ...] = tuple(
            open_segment(folder, manifest, number, self.vectors, mean, self.owners)
            for number in range(len(manifest.segments))
        )
        self.segment_of = number_segments(folder, self.segments, self.owners)
        """int32 (regions,): the number of each region's segment."""

    @property
    def bundle_id(self) -> str:
        """The bundle's name."""
        return self.manifest.bundle_id

    @property
    def projection(self) -> Projection:
        """The first segment's projection; all of them centre alike."""
        return self.segments[0].projection

    def item_number(self, item_id: str) -> int:
        """Return an item's number; UnknownItemError if the bundle does not have it."""
        number = self._ids.find(item_id)
        if number is None:
            raise UnknownItemError(f"item {item_id!r} is not in bundle {self.bundle_id}")
        return number

    def regions_of(self, item: int) -> range:
        """Return the numbers of an item's regions."""
        first = int(self.first_region[item])
        return range(first, first + int(self.region_count[item]))

    def region_number(self, item: int, region_id: str) -> int:
        """Return the number of a region of one item; UnknownItemError if it is not the item's."""
        for region in self.regions_of(item):
            if self.region_id(region) == region_id:
                return region
        item_id = self.items["item_id"][item].as_py()
        raise UnknownItemError(f"item {item_id!r} has no region {region_id!r}")

    def region_id(self, region: int) -> str:
        """Return the name of a region."""
        return self._region_ids[region].decode()

    def regions_named(self, region_id: str) -> Iterator[int]:
        """Yield the numbers of all regions of a name: items may show the same photo."""
        return self._by_region_id.rows(region_id)

    @cached_property
    def _by_region_id(self) -> SortedIds:
        order = self._region_order
        column = self.regions["region_id"].combine_chunks()
        return SortedIds(column, order_of(column) if order is None else order)

    @cached_property
    def background(self) -> Background:
        """What regions of this catalogue have in common with a query by chance."""
        # By a map of its own: what a few random reads bring in with them goes with it.
        vectors = StoredVectors(map_array(self.folder / VECTORS), self.vectors.scales)
        return Background(draw_sample(vectors, self.subject))

    def prepare(self) -> None:
        """Work out now what questions will need, so that processes forked later share it."""
        _ = self._by_region_id, self.background

    def background_of(self, region: int) -> float:
        """Return the background of a region's scores."""
        if self.backgrounds is not None:
            return float(self.backgrounds[region])
        return float(self.background.of(self.vectors[region : region + 1])[0])

    def item_rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of `items.arrow` with these numbers, in this order."""
        return _rows(self.items, numbers)

    def region_rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of `regions.arrow` with these numbers, in this order."""
        return _rows(self.regions, numbers)

    def _if_there(self, name: str, kind: type[np.generic]) -> npt.NDArray[Any] | None:
        """Map an array with a value for each region, None if there is none."""
        if not (self.folder / name).is_file():
            return None
        found = map_array(self.folder / name)
        if found.shape != (len(self.regions),) or found.dtype != kind:
            raise BundleError(f"{self.folder / name} does not have the manifest's shape")
        return found

    def _check_shapes(self, mean: npt.NDArray[Any]) -> None:
        n, counts, dim = len(self.regions), self.manifest.counts, self.manifest.dim
        values, scales = self.vectors.values, self.vectors.scales
        right = {
            ITEMS_FILE: len(self.items) == counts.items,
            REGIONS_FILE: n == counts.regions,
            FACETS_FILE: len(self.facets) == counts.items,
            VECTORS: values.shape == (n, dim) and values.dtype == np.dtype(self.manifest.stored),
            SCALES: scales is None or (scales.shape == (n,) and scales.dtype == np.float32),
            MEAN: mean.shape == (dim,) and mean.dtype == np.float32,
            NEIGHBOURS: len(self.neighbours) == n,
            NEIGHBOUR_SCORES: self.neighbour_scores.shape == self.neighbours.shape,
        }
        for name, is_right in right.items():
            if not is_right:
                raise BundleError(f"{self.folder / name} does not have the manifest's shape")


def open_bundle(folder: Path, *, proven: bool = True, lease: Lease | None = None) -> Bundle:
    """Open the bundle in `folder` after checking every digest and the gate's verdict.

    `proven=False` skips both checks: for whoever is still measuring it. The bundle keeps `lease`.
    Raises BundleError naming the file that is missing, damaged or of an unknown format.
    """
    manifest = prove(folder) if proven else read_manifest(folder)
    return Bundle(folder, manifest, lease)


def _rows(table: pa.Table, numbers: Sequence[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.take(pa.array(numbers, pa.int64())).to_pylist()
    return rows
