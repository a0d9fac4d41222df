"""Read the snapshot anew and hold a bundle against it, region by region and by their names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.open import Bundle
from feature_store.tables import Snapshot

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

BLOCK_ROWS = 8192
"""Vectors compared at once."""

TIE = 1e-5
"""Cosines closer than this are equal: float32 rounding over a thousand terms is about 1e-6."""

ROUNDING = {"float32": TIE, "float16": 1e-3, "int8": 5e-3}
"""How far a cosine may be off for the way in which vectors are stored."""

_BETWEEN = "\x1f"


@dataclass(frozen=True)
class Anew:
    """What the snapshot holds of a bundle's regions."""

    vectors: Floats
    """float32 (regions, dim), as the store has them, in the order of the bundle's numbers."""
    found: Mask
    """bool (regions,): whether the snapshot has a region of that item and name at all."""
    unheld: int
    """Regions of the snapshot that the bundle does not hold."""


@contextmanager
def read_anew(bundle: Bundle, snapshot: Snapshot, scratch: Path) -> Iterator[Anew]:
    """Read every region's vector by its item's id and its own, into a temporary file in `scratch`.

    The vectors of several extractors stand side by side, as in `Projection.centre`.
    """
    regions, dim = len(bundle.regions), bundle.manifest.dim
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="anew-") as file:
        file.truncate(max(1, regions * dim * 4))
        vectors = np.memmap(file.name, np.float32, "r+", shape=(regions, dim))
        found, unheld = np.ones(regions, np.bool_), np.empty(0, object)
        start = 0
        for nth, part in enumerate(bundle.manifest.parts):
            here = _Names(bundle)
            for batch in snapshot.features(part.extractor):
                rows = pa.table(batch)
                numbers = here.numbers(rows["item_id"], rows["region_id"])
                flat = pc.list_flatten(rows["vector"]).to_numpy()
                if len(rows) and len(flat) == len(rows) * part.dim:
                    held = numbers >= 0
                    raw = np.asarray(flat, np.float32).reshape(len(rows), part.dim)
                    vectors[numbers[held], start : start + part.dim] = raw[held]
            here.close(vectors[:, start : start + part.dim])
            found &= here.seen
            # What one extractor alone has described is not in an index over several.
            missing = np.array(here.unheld, object)
            unheld = missing if nth == 0 else np.intersect1d(unheld, missing)
            start += part.dim
        yield Anew(vectors, found, len(unheld))
        del vectors


class _Names:
    """Finds the numbers of regions in a bundle by their items' ids and their own.

    A snapshot gives its features in the order in which the bundle numbers them: as long as that is
    so, a comparison row by row is enough. Where it is not, the names are looked up.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.seen = np.zeros(len(bundle.regions), np.bool_)
        self.unheld: list[str] = []
        owners = pa.array(bundle.owners)
        self._keys = _keys(bundle.items["item_id"].take(owners), bundle.regions["region_id"])
        self._at = 0
        self._looked_up = False

    def numbers(self, item_ids: pa.ChunkedArray, region_ids: pa.ChunkedArray) -> Numbers:
        """Return int64 (rows,): each row's region number, -1 for one that the bundle lacks."""
        keys = _keys(item_ids, region_ids)
        numbers = np.arange(self._at, self._at + len(keys))
        if not keys.equals(self._keys.slice(self._at, len(keys))):
            self._looked_up = True
            places = pc.index_in(keys, value_set=self._keys)
            numbers = places.fill_null(-1).to_numpy().astype(np.int64)
            self.unheld += keys.filter(places.is_null()).to_pylist()
        held = numbers[numbers >= 0]
        self.seen[held] = True
        self._at = int(held[-1]) + 1 if len(held) else self._at
        return numbers

    def close(self, vectors: Floats) -> None:
        """Give regions of the same name, a photo that an item shows twice, the same vector."""
        unseen = np.flatnonzero(~self.seen)
        if not (self._looked_up and len(unseen)):
            return
        first = pc.index_in(self._keys.take(pa.array(unseen)), value_set=self._keys).to_numpy()
        again = self.seen[first]
        vectors[unseen[again]] = vectors[first[again]]
        self.seen[unseen[again]] = True


def _keys(item_ids: pa.ChunkedArray, region_ids: pa.ChunkedArray) -> pa.Array:
    """Join two columns into one of large strings, in one piece."""
    parts = [column.cast(pa.large_string()) for column in (item_ids, region_ids)]
    joined = pc.binary_join_element_wise(*parts, pa.scalar(_BETWEEN, pa.large_string()))
    return pa.concat_arrays([pa.array([], pa.large_string()), *joined.chunks])


def region_keys(bundle: Bundle) -> pa.Array:
    """Return the names of a bundle's regions, each with its item's, as large strings (regions,)."""
    owners = pa.array(bundle.owners)
    return _keys(bundle.items["item_id"].take(owners), bundle.regions["region_id"])


def vectors_right(bundle: Bundle, anew: Anew) -> Mask:
    """Tell of each region, bool (regions,), whether its stored vector is that of the store."""
    allowed = ROUNDING[bundle.manifest.stored]
    right = np.zeros(len(anew.found), np.bool_)
    for start in range(0, len(right), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        true = centred(bundle, anew, rows)
        cosines = np.einsum("ij,ij->i", true, bundle.vectors[rows])
        right[rows] = (cosines >= 1 - allowed) & anew.found[rows]
    return right


def centred(bundle: Bundle, anew: Anew, rows: Numbers | slice) -> Floats:
    """Return the store's vectors as they are compared, float32 (rows, dim); 0 where there is none.

    A vector that could not be compared, a zero one, counts as none.
    """
    raw, true = np.asarray(anew.vectors[rows]), anew.found[rows]
    usable = true & np.isfinite(raw).all(axis=1) & (np.abs(raw).max(axis=1) > 0)
    compared = np.zeros(raw.shape, np.float32)
    if usable.any():
        compared[usable] = bundle.projection.centre(raw[usable])
    return compared
