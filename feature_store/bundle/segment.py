"""Open a bundle's segments: each a graph over its own regions, with its own short vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.bundle.format import COMPONENTS, GRAPH, GRAPH_1, OBJECTS, ROWS, Manifest, Segment
from feature_store.bundle.mapped import map_array
from feature_store.bundle.nearest import Floats, Ints, Nearest, NearestRegions
from feature_store.bundle.projection import Projection
from feature_store.bundle.stored import StoredVectors
from feature_store.errors import BundleError


@dataclass(frozen=True)
class OpenSegment:
    """One segment, ready to be searched."""

    number: int
    about: Segment
    rows: Ints
    """int32 (n,): its regions, ascending."""
    items: int
    """How many items there are."""
    projection: Projection
    nearest: NearestRegions

    @property
    def name(self) -> str:
        """The value that its items share; empty for none."""
        return self.about.name

    def approximate(self, centred: Floats, k: int) -> Nearest:
        """Return its k nearest regions to centred queries (q, dim), as its tuning searches."""
        search = self.about.search
        return self.nearest.approximate(centred, k, search.epsilon, search.candidates)


def open_segment(
    folder: Path,
    manifest: Manifest,
    number: int,
    vectors: StoredVectors,
    mean: Floats,
    owners: Ints,
) -> OpenSegment:
    """Open a segment of the bundle in `folder`; BundleError naming the file that is wrong.

    `owners`: the item of each region, ascending.
    """
    about = manifest.segments[number]
    place = folder / about.folder
    components = _shaped(place / COMPONENTS, (manifest.dim, about.reduced_dim), np.float32)
    projection = Projection(mean, components, manifest.parts, unit=bool(about.folder))
    rows = _rows(place / ROWS, about, len(vectors))
    objects = _shaped(place / OBJECTS, (about.regions,), np.int32)
    counts = np.bincount(objects) if objects.min() >= 0 else np.zeros(1)
    if len(counts) != about.vectors or not counts.all():
        raise BundleError(f"{place / OBJECTS} does not number {about.vectors} vectors from 0")
    graph = None
    if about.search.method != "exact":
        path = place / (GRAPH if about.folder else GRAPH_1)
        graph = open_graph(path, about.vectors, about.search.edges)
    try:
        nearest = NearestRegions(vectors, rows, objects, projection, graph)
    except RuntimeError as error:
        raise BundleError(f"the graph in {place} cannot be searched: {error}") from error
    items = 1 + int(np.count_nonzero(np.diff(owners[rows])))
    return OpenSegment(number, about, rows, items, projection, nearest)


def open_graph(path: Path, vectors: int, edges: int = 0) -> Any:
    """Open the graph in a folder, which holds so many vectors, for reading: an ngtpy.Index.

    Its searches follow so many `edges` of each vector, the shortest first; 0 for all. BundleError
    if it cannot be read, or holds another number of vectors.
    """
    if not path.is_dir():
        raise BundleError(f"{path} is missing; restore it or publish another bundle")
    import ngtpy

    try:
        # read_only: NGT then holds what searching needs, and nothing for inserting.
        graph = ngtpy.Index(str(path), read_only=True, log_disabled=True)
        held = graph.get_num_of_objects()
    except RuntimeError as error:
        raise BundleError(f"{path} cannot be opened: {error}") from error
    if held != vectors:
        raise BundleError(f"{path} holds {held} vectors instead of {vectors}")
    graph.set(edge_size=edges)  # 0 as well: the graph itself remembers how it was made
    return graph


def number_segments(folder: Path, segments: tuple[OpenSegment, ...], owners: Ints) -> Ints:
    """Return the segment of each region, int32 (regions,).

    `owners`: the item of each region, ascending. BundleError if a region is in two segments or in
    none, or if an item is spread over several.
    """
    numbers = np.full(len(owners), -1, np.int32)
    for segment in segments:
        where = folder / segment.about.folder / ROWS
        taken = numbers[segment.rows]
        if (taken >= 0).any():
            region = int(segment.rows[np.argmax(taken >= 0)])
            other = segments[numbers[region]].name
            raise BundleError(f"{where}: region {region} is in segment {other!r}, too")
        numbers[segment.rows] = segment.number
    if (numbers < 0).any():
        raise BundleError(f"{folder}: no segment holds region {int(np.argmin(numbers))}")
    split = (numbers[1:] != numbers[:-1]) & (owners[1:] == owners[:-1])
    if split.any():
        raise BundleError(f"{folder}: item {int(owners[np.argmax(split)])} is in two segments")
    return numbers


def _rows(path: Path, about: Segment, regions: int) -> Ints:
    """Return a segment's regions; all of them in format 1."""
    if not about.folder:
        return np.arange(regions, dtype=np.int32)
    rows: Ints = _shaped(path, (about.regions,), np.int32)
    if rows[0] < 0 or rows[-1] >= regions or (np.diff(rows) <= 0).any():
        raise BundleError(f"{path} does not number regions of the bundle, ascending")
    return rows


def _shaped(path: Path, shape: tuple[int, ...], kind: type[np.generic]) -> Any:
    array = map_array(path)
    if array.shape != shape or array.dtype != kind:
        raise BundleError(f"{path} does not have the manifest's shape")
    return array
