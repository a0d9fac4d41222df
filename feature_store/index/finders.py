"""Find the nearest regions of many at once: all compared in tiles, here or on a GPU.

A finder leaves out an item's own regions and finds none but those it was told of. Regions go by
their numbers in the whole bundle, whichever segment they are in.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

TILE_ROWS, TILE_COLUMNS = 1024, 8192
"""Regions compared with one another at once: 32 MB of cosines."""
FIRST_COLUMNS = 2048
"""The first, smaller tile: it says how near a region must be to be looked at in the others."""


class Found(NamedTuple):
    """The nearest regions of q regions, nearest first."""

    regions: Ints
    """int32 (q, count); -1 where there are fewer."""
    cosines: Floats
    """float32 (q, count); 0 beside -1."""

    @classmethod
    def none(cls, asked: int, count: int) -> Found:
        """Return room for the answers, which holds none yet."""
        shape = (asked, count)
        return cls(np.full(shape, -1, np.int32), np.zeros(shape, np.float32))


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
        self.vectors = vectors
        self.owners = owners
        self.among = among
        self._owners_among = owners[among]

    def nearest(self, asked: Ints, count: int) -> Found:
        """Return the `count` nearest regions of each region of `asked`, int32 (q,)."""
        found = Found.none(len(asked), count)
        for start in range(0, len(asked), TILE_ROWS):
            part = asked[start : start + TILE_ROWS]
            cosines, places = self._nearest(part, count)
            order = np.lexsort((places, -cosines), axis=1)
            cosines = np.take_along_axis(cosines, order, axis=1)
            regions = self.among[np.take_along_axis(places, order, axis=1)]
            _put(found, slice(start, start + len(part)), regions, cosines)
        return found

    def _nearest(self, part: Ints, count: int) -> tuple[Floats, Ints]:
        queries = np.ascontiguousarray(self.vectors[part])
        cosines = np.empty((len(part), 0), np.float32)
        places = np.empty((len(part), 0), np.int32)
        start, size = 0, max(FIRST_COLUMNS, 2 * count)
        while start < len(self.among):
            stop = min(start + size, len(self.among))
            tile = queries @ self._columns(start, stop).T
            self._hide_own(tile, part, start)
            cosines, places = _merged(cosines, places, tile, start, count)
            start, size = stop, TILE_COLUMNS
        return cosines, places

    def _columns(self, start: int, stop: int) -> Floats:
        first, last = int(self.among[start]), int(self.among[stop - 1])
        if last - first == stop - start - 1:  # nothing between them is left out: no copy
            return self.vectors[first : last + 1]
        return self.vectors[self.among[start:stop]]

    def _hide_own(self, tile: Floats, part: Ints, start: int) -> None:
        """Put -inf where a region meets one of its own item."""
        own = self.owners[part]
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

        queries = torch.from_numpy(np.array(self.vectors[part])).to(self._device)
        own = torch.from_numpy(self.owners[part]).to(self._device)[:, None]
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


def _put(found: Found, rows: slice, regions: Ints, cosines: Any) -> None:
    """Write answers, leaving out those that are none."""
    width = regions.shape[1]
    real = cosines > -np.inf
    found.regions[rows, :width] = np.where(real, regions, -1)
    found.cosines[rows, :width] = np.where(real, np.clip(cosines, -1, 1), 0)
