"""Find the nearest regions of many at once: all compared in tiles, or the candidates of a graph.

Both leave out an item's own regions and find none but those they were told of. Regions go by their
numbers in the whole bundle, whichever segment they are in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

TILE_ROWS, TILE_COLUMNS = 1024, 8192
"""Regions compared with one another at once: 32 MB of cosines."""
FIRST_COLUMNS = 2048
"""The first, smaller tile: it says how near a region must be to be looked at in the others."""
GRAPH_ROWS = 4096
"""Regions that a graph is asked for at once."""
GATHERED_FLOATS = 16_000_000
"""Numbers of candidates' vectors held at once."""


class Found(NamedTuple):
    """The nearest regions of q regions, nearest first."""

    regions: Ints
    """int32 (q, count); -1 where there are fewer."""
    cosines: Floats
    """float32 (q, count); 0 beside -1."""


class Finder(Protocol):
    """Finds the nearest regions of other items."""

    name: str
    """`exact`, `graph` or `gpu`: how it finds them."""

    def nearest(self, asked: Ints, count: int) -> Found:
        """Return the `count` nearest regions of each region of `asked`, int32 (q,)."""


class ExactFinder:
    """Compares with all of `among`, and sorts only what is near enough to count."""

    name = "exact"

    def __init__(self, vectors: Floats, owners: Ints, among: Ints) -> None:
        """Take centred unit `vectors` (n, dim), each region's item `owners` (n,), ascending, and
        the regions that may be found, `among`, ascending."""
        self._vectors = vectors
        self._owners = owners
        self._among = among
        self._owners_among = owners[among]

    def nearest(self, asked: Ints, count: int) -> Found:
        """Return the `count` nearest regions of each region of `asked`, int32 (q,)."""
        found = _nothing(len(asked), count)
        for start in range(0, len(asked), TILE_ROWS):
            part = asked[start : start + TILE_ROWS]
            cosines, places = self._nearest(part, count)
            order = np.lexsort((places, -cosines), axis=1)
            cosines = np.take_along_axis(cosines, order, axis=1)
            regions = self._among[np.take_along_axis(places, order, axis=1)]
            _put(found, slice(start, start + len(part)), regions, cosines)
        return found

    def _nearest(self, part: Ints, count: int) -> tuple[Floats, Ints]:
        queries = np.ascontiguousarray(self._vectors[part])
        cosines = np.empty((len(part), 0), np.float32)
        places = np.empty((len(part), 0), np.int32)
        start, size = 0, max(FIRST_COLUMNS, 2 * count)
        while start < len(self._among):
            stop = min(start + size, len(self._among))
            tile = queries @ self._columns(start, stop).T
            self._hide_own(tile, part, start)
            cosines, places = _merged(cosines, places, tile, start, count)
            start, size = stop, TILE_COLUMNS
        return cosines, places

    def _columns(self, start: int, stop: int) -> Floats:
        first, last = int(self._among[start]), int(self._among[stop - 1])
        if last - first == stop - start - 1:  # nothing between them is left out: no copy
            return self._vectors[first : last + 1]
        return self._vectors[self._among[start:stop]]

    def _hide_own(self, tile: Floats, part: Ints, start: int) -> None:
        """Put -inf where a region meets one of its own item."""
        own = self._owners[part]
        columns = self._owners_among[start : start + tile.shape[1]]
        first = np.searchsorted(columns, own)
        count = np.searchsorted(columns, own, side="right") - first
        for offset in range(int(count.max(initial=0))):
            rows = np.flatnonzero(count > offset)
            tile[rows, first[rows] + offset] = -np.inf


class GpuFinder(ExactFinder):
    """Compares with all of `among` on a GPU, whose memory must hold their vectors."""

    name = "gpu"

    def __init__(self, vectors: Floats, owners: Ints, among: Ints, device: str = "cuda") -> None:
        """Take what an ExactFinder takes, and the name of a torch device."""
        import torch

        super().__init__(vectors, owners, among)
        self._device = device
        held = [
            torch.from_numpy(np.array(self._columns(start, min(start + TILE_COLUMNS, len(among)))))
            for start in range(0, len(among), TILE_COLUMNS)
        ]
        self._held = [tile.to(device) for tile in held]

    def _nearest(self, part: Ints, count: int) -> tuple[Floats, Ints]:
        import torch

        queries = torch.from_numpy(np.array(self._vectors[part])).to(self._device)
        own = torch.from_numpy(self._owners[part]).to(self._device)[:, None]
        kept = torch.empty((len(part), 0), device=self._device)
        places = torch.empty((len(part), 0), dtype=torch.int64, device=self._device)
        for number, held in enumerate(self._held):
            start = number * TILE_COLUMNS
            columns = torch.from_numpy(self._owners_among[start : start + len(held)])
            tile = queries @ held.T
            tile.masked_fill_(own == columns.to(self._device)[None, :], -torch.inf)
            top = tile.topk(min(count, tile.shape[1]), dim=1)
            kept = torch.hstack([kept, top.values])
            places = torch.hstack([places, top.indices + start])
            best = kept.topk(min(count, kept.shape[1]), dim=1)
            kept, places = best.values, places.gather(1, best.indices)
        return kept.cpu().numpy(), places.cpu().numpy().astype(np.int32)


class GraphFinder:
    """Compares with what a graph over short vectors holds for near, and with no others."""

    name = "graph"

    def __init__(
        self,
        exact: ExactFinder,
        graph: OpenGraph,
        reduce: Callable[[Floats], Floats],
    ) -> None:
        """Take the finder that answers where the graph's candidates are too few, the graph, and
        what makes a centred vector short."""
        self._exact = exact
        self._graph = graph
        self._reduce = reduce
        self._spread = graph.spread(exact._among)

    def nearest(self, asked: Ints, count: int) -> Found:
        """Return the `count` nearest regions of each region of `asked`, int32 (q,)."""
        found = _nothing(len(asked), count)
        wide = self._spread.wide(count)
        for start in range(0, len(asked), GRAPH_ROWS):
            part = asked[start : start + GRAPH_ROWS]
            vectors = np.ascontiguousarray(self._exact._vectors[part])
            objects = self._graph.search(self._reduce(vectors), wide)
            self._rank(found, start, part, vectors, objects)
        short = np.flatnonzero(found.regions[:, -1] < 0)
        if short.size:
            again = self._exact.nearest(asked[short], count)
            found.regions[short], found.cosines[short] = again
        return found

    def _rank(self, found: Found, start: int, part: Ints, vectors: Floats, objects: Ints) -> None:
        rows = max(1, GATHERED_FLOATS // (objects.shape[1] * vectors.shape[1]))
        count = found.regions.shape[1]
        for first in range(0, len(part), rows):
            here = slice(first, first + rows)
            firsts = self._graph.first[objects[here]]
            cosines = np.matmul(self._exact._vectors[firsts], vectors[here, :, None])[..., 0]
            cosines[objects[here] < 0] = -np.inf
            row, region, cosine = self._spread.opened(objects[here], cosines, count)
            own = self._exact._owners
            other = own[region] != own[part[here][row]]
            row, region, cosine = row[other], region[other], cosine[other]
            order = np.lexsort((region, -cosine, row))
            row, region, cosine = row[order], region[order], cosine[order]
            place = np.arange(len(row)) - np.searchsorted(row, row)
            kept = place < count
            target = (start + first + row[kept], place[kept])
            found.regions[target] = region[kept]
            found.cosines[target] = np.clip(cosine[kept], -1, 1)


class OpenGraph:
    """A graph of a segment, asked for many vectors at once, on all cores that OpenMP may take."""

    def __init__(
        self, path: Path, rows: Ints, objects: Ints, epsilon: float, followed: int
    ) -> None:
        """Open the graph at `path`; `objects` (n,) says which object each region of `rows` is.

        A search follows so many edges of each vector; 0 for all.
        """
        import ngtpy

        self._index = ngtpy.Index(str(path), read_only=True, log_disabled=True)
        self._index.set(epsilon=epsilon, edge_size=followed)
        self._asked_once = False
        order = np.argsort(objects, kind="stable")
        self.rows, self.objects = rows[order], objects[order]
        """The regions by their object, and the object of each."""
        self.first = self.rows[np.searchsorted(self.objects, np.arange(objects.max() + 1))]
        """The first region of each object."""

    def search(self, short: Floats, wide: int) -> Ints:
        """Return the objects near each of `short` (q, reduced_dim): int32 (q, wide), -1 padded."""
        import ngtpy

        short = np.ascontiguousarray(short, np.float32)
        if not self._asked_once:  # the first search sets things up and must not run beside another
            self._index.search(short[0], size=1, with_distance=False)
            self._asked_once = True
        results = ngtpy.BatchResults()
        self._index.batch_search(short, results, size=wide, with_distance=False)
        ends = np.asarray(results.get_index(), np.int64)
        ids = np.asarray(results.get_indexed_ids(), np.int32)
        counts = np.diff(ends)
        found = np.full((len(short), wide), -1, np.int32)
        row = np.repeat(np.arange(len(short)), counts)
        found[row, np.arange(len(ids)) - np.repeat(ends[:-1], counts)] = ids
        return found

    def spread(self, among: Ints) -> Spread:
        """Say which of `among` each object stands for."""
        allowed = np.isin(self.rows, among)
        return Spread(self.rows[allowed], self.objects[allowed], len(self.first))

    def close(self) -> None:
        """Give the graph's memory back."""
        self._index.close()


class Spread:
    """Which regions that may be found each object of a graph stands for."""

    def __init__(self, regions: Ints, objects: Ints, count: int) -> None:
        """Take `regions` ordered by their `objects`, of which there are `count`."""
        self._regions = regions
        self._starts = np.searchsorted(objects, np.arange(count))
        self._counts = np.searchsorted(objects, np.arange(count), side="right") - self._starts

    def wide(self, count: int) -> int:
        """Return how many objects to ask for, so that `count` regions are likely among them."""
        useful = max(1, int((self._counts > 0).sum()))
        return min(len(self._counts), int(1.2 * count * len(self._counts) / useful) + 16)

    def opened(
        self, objects: Ints, cosines: Floats, count: int
    ) -> tuple[npt.NDArray[np.intp], Ints, Floats]:
        """Return row, region and cosine of all that objects (q, wide) stand for, flat.

        Of a photo that thousands of items share no more than could be asked for are opened.
        """
        counts = np.where(objects >= 0, np.minimum(self._counts[objects], count + 64), 0).ravel()
        row = np.repeat(np.arange(objects.size) // objects.shape[1], counts)
        offset = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        region = self._regions[np.repeat(self._starts[objects.ravel()], counts) + offset]
        return row, region, np.repeat(cosines.ravel(), counts)


def gpu_device(vectors: int, dim: int) -> str:
    """Return the torch device of a GPU that has room for float32 vectors, or nothing."""
    try:
        import torch
    except (ImportError, OSError):
        return ""
    if not torch.cuda.is_available():
        return ""
    free_bytes, _ = torch.cuda.mem_get_info()
    return "cuda" if 4 * vectors * dim < 0.8 * free_bytes - 2e9 else ""


def _merged(
    cosines: Floats, places: Ints, tile: Floats, start: int, count: int
) -> tuple[Floats, Ints]:
    """Return the `count` best of what is held and of a tile whose first column is `start`."""
    rows = len(tile)
    if cosines.shape[1] < count:
        numbers = np.arange(start, start + tile.shape[1], dtype=np.int32)
        more, numbers = tile, np.broadcast_to(numbers, tile.shape)
    else:
        row, column = np.nonzero(tile > cosines.min(axis=1)[:, None])
        counts = np.bincount(row, minlength=rows)
        slot = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        more = np.full((rows, int(counts.max(initial=0))), -np.inf, np.float32)
        numbers = np.zeros(more.shape, np.int32)
        more[row, slot], numbers[row, slot] = tile[row, column], column + start
    cosines, places = np.hstack([cosines, more]), np.hstack([places, numbers])
    if cosines.shape[1] > count:
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        cosines = np.take_along_axis(cosines, best, axis=1)
        places = np.take_along_axis(places, best, axis=1)
    return cosines, places


def _nothing(rows: int, count: int) -> Found:
    return Found(np.full((rows, count), -1, np.int32), np.zeros((rows, count), np.float32))


def _put(found: Found, rows: slice, regions: Ints, cosines: Any) -> None:
    """Write answers, leaving out those that are none."""
    width = regions.shape[1]
    real = cosines > -np.inf
    found.regions[rows, :width] = np.where(real, regions, -1)
    found.cosines[rows, :width] = np.where(real, np.clip(cosines, -1, 1), 0)
