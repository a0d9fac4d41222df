"""What a bundle hands to an engine: every region once, by its name, with its vector."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle import Bundle, Nearest
from feature_store.engines.neighbours import Floats, Only, answers
from feature_store.errors import BundleError

BLOCK_ROWS = 8192
"""Vectors that are held in memory at once: 40 MB at 1,280 dimensions."""


class BundleRegions:
    """The regions of an open bundle, without those that an item shows a second time."""

    def __init__(self, bundle: Bundle) -> None:
        """Number the distinct regions of a bundle; no vector is read yet."""
        self.bundle = bundle
        self._rows = _distinct(bundle)

    def __len__(self) -> int:
        """How many distinct regions there are."""
        return len(self._rows)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.bundle.manifest.dim

    def names(self, start: int, stop: int) -> tuple[pa.Array, pa.Array]:
        """Return the item and region ids of the regions from `start` up to `stop`."""
        rows = self._rows[start:stop]
        items = self.bundle.items["item_id"].take(pa.array(self.bundle.owners[rows]))
        regions = self.bundle.regions["region_id"].take(pa.array(rows))
        return items.combine_chunks(), regions.combine_chunks()

    def vectors(self, start: int, stop: int) -> Floats:
        """Return their centred unit vectors, float32 (stop - start, dim).

        Where the bundle stores them shortened (float16, int8) they are made unit length again.
        BundleError naming a region whose vector is damaged: zero, or not finite.
        """
        vectors = np.array(self.bundle.vectors[self._rows[start:stop]], np.float32)
        norms = np.linalg.norm(vectors, axis=1)
        bad = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
        if len(bad):
            items, regions = self.names(start + int(bad[0]), start + int(bad[0]) + 1)
            raise BundleError(
                f"the vector of item {items[0].as_py()!r}, region {regions[0]} is zero or not "
                f"finite in bundle {self.bundle.bundle_id}; build it again"
            )
        return np.asarray(vectors / norms[:, None], np.float32)

    def allowed(self, only: Only) -> npt.NDArray[np.bool_]:
        """Return which regions may be answers, bool (regions,)."""
        items = self.bundle.items
        mask = np.ones(len(items), np.bool_)
        for name in ("in_stock", "segment"):
            wanted = getattr(only, name)
            if wanted is not None:
                same = pc.fill_null(pc.equal(items[name], wanted), False)
                mask &= same.to_numpy()
        return np.asarray(mask[self.bundle.owners[self._rows]])


def named(bundle: Bundle, nearest: Nearest) -> pa.Table:
    """Return what a bundle's own search answered as NEIGHBOURS, to be held against an engine's."""
    there = nearest.regions >= 0
    rows = nearest.regions[there]
    return answers(
        np.nonzero(there)[0],
        bundle.items["item_id"].take(pa.array(bundle.owners[rows])).combine_chunks(),
        bundle.regions["region_id"].take(pa.array(rows)).combine_chunks(),
        nearest.cosines[there],
    )


def _distinct(bundle: Bundle) -> npt.NDArray[np.int32]:
    """The numbers of the regions without those that bear the name of an earlier one of the item.

    The same photo at two places of an item's list makes the same regions twice.
    """
    names = bundle.regions["region_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    keys = bundle.owners.astype(np.int64) << 32 | names
    _, first = np.unique(keys, return_index=True)
    return np.sort(first).astype(np.int32)
