"""Open a bundle: every digest checked, every array mapped from disk, nothing copied."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.filters import Facets
from feature_store.bundle.format import (
    COMPONENTS,
    FACETS_FILE,
    GRAPH,
    GRAPH_1,
    ITEMS_FILE,
    MEAN,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    OBJECTS,
    REGIONS_FILE,
    VECTORS,
    Manifest,
    prove,
    read_manifest,
)
from feature_store.bundle.lease import Lease
from feature_store.bundle.nearest import NearestRegions
from feature_store.bundle.projection import Projection
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
        self.items = _table(folder / ITEMS_FILE)
        self.regions = _table(folder / REGIONS_FILE)
        self.facets = Facets(_table(folder / FACETS_FILE))
        self.owners = _ints(self.regions, "item")
        """int32 (regions,): the item of each region, ascending."""
        self.subject = np.asarray(self.regions["subject"].to_numpy(), np.bool_)
        """bool (regions,): whether a region shows the item that its photo sells, and may be a hit;
        one region of each photo does."""
        self.first_region = _ints(self.items, "first_region")
        self.region_count = _ints(self.items, "region_count")
        self.primary_region = _ints(self.items, "primary_region")
        self.neighbours = _array(folder / NEIGHBOURS)
        """int32 (regions, K): the best region of each of the K nearest items, -1 padded."""
        self.neighbour_scores = _array(folder / NEIGHBOUR_SCORES)
        """float32 (regions, K): their cosines."""
        segment = folder / manifest.segments[0].folder
        self.projection = Projection(_array(folder / MEAN), _array(segment / COMPONENTS))
        self.nearest = open_nearest(folder, segment, self.projection)
        self._ids = _SortedIds(self.items["item_id"])
        self._check_shapes()

    @property
    def bundle_id(self) -> str:
        """The bundle's name."""
        return self.manifest.bundle_id

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
        names = self.regions["region_id"]
        for region in self.regions_of(item):
            if names[region].as_py() == region_id:
                return region
        item_id = self.items["item_id"][item].as_py()
        raise UnknownItemError(f"item {item_id!r} has no region {region_id!r}")

    def region_id(self, region: int) -> str:
        """Return the name of a region."""
        return str(self.regions["region_id"][region].as_py())

    def item_rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of `items.arrow` with these numbers, in this order."""
        return _rows(self.items, numbers)

    def region_rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of `regions.arrow` with these numbers, in this order."""
        return _rows(self.regions, numbers)

    def _check_shapes(self) -> None:
        n, counts = len(self.regions), self.manifest.counts
        vectors = self.nearest.vectors
        shapes = {
            ITEMS_FILE: len(self.items) == counts.items,
            REGIONS_FILE: n == counts.regions,
            FACETS_FILE: len(self.facets) == counts.items,
            VECTORS: vectors.shape == (n, self.manifest.dim) and vectors.dtype == np.float32,
            OBJECTS: self.nearest.distinct == counts.vectors,
            COMPONENTS: self.projection.components.shape
            == (self.manifest.dim, self.manifest.segments[0].reduced_dim),
            NEIGHBOURS: len(self.neighbours) == n,
            NEIGHBOUR_SCORES: self.neighbour_scores.shape == self.neighbours.shape,
        }
        for name, right in shapes.items():
            if not right:
                raise BundleError(f"{self.folder / name} does not have the manifest's shape")


def open_bundle(folder: Path, *, proven: bool = True, lease: Lease | None = None) -> Bundle:
    """Open the bundle in `folder` after checking every digest and the gate's verdict.

    `proven=False` skips both checks: for whoever is still measuring it. The bundle keeps `lease`.
    Raises BundleError naming the file that is missing, damaged or of an unknown format.
    """
    manifest = prove(folder) if proven else read_manifest(folder)
    return Bundle(folder, manifest, lease)


def open_nearest(
    folder: Path, segment: Path, projection: Projection, graph: Path | None = None
) -> NearestRegions:
    """Open the vectors of a bundle's segment, and its graph, or another one, where there is one."""
    vectors, objects = _array(folder / VECTORS), _array(segment / OBJECTS)
    path = graph or segment / (GRAPH_1 if segment == folder else GRAPH)
    if not path.is_dir():
        return NearestRegions(vectors, objects, projection, None)
    import ngtpy

    try:
        opened = ngtpy.Index(str(path), read_only=True, log_disabled=True)
    except RuntimeError as error:
        raise BundleError(f"{path} cannot be opened: {error}") from error
    return NearestRegions(vectors, objects, projection, opened)


class _SortedIds:
    """Finds an id in a sorted column by halving, in the mapped bytes: no dictionary to hold."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        array = column.chunk(0)
        _, offsets, data = array.buffers()
        self._offsets = np.frombuffer(offsets, np.int32)[array.offset :]
        self._data = memoryview(data) if data is not None else memoryview(b"")
        self._count = len(array)

    def find(self, item_id: str) -> int | None:
        """Return the row of `item_id`, or None."""
        wanted = item_id.encode("utf-8", "surrogatepass")
        row = bisect.bisect_left(range(self._count), wanted, key=self._at)
        return row if row < self._count and self._at(row) == wanted else None

    def _at(self, row: int) -> bytes:
        return bytes(self._data[self._offsets[row] : self._offsets[row + 1]])


def _table(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def _array(path: Path) -> npt.NDArray[Any]:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def _ints(table: pa.Table, name: str) -> npt.NDArray[np.int32]:
    return np.asarray(table[name].combine_chunks().to_numpy(zero_copy_only=False), np.int32)


def _rows(table: pa.Table, numbers: Sequence[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.take(pa.array(numbers, pa.int64())).to_pylist()
    return rows
