"""Join the vectors of several extractors: one for each region that all of them have described."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import IndexBuildError
from feature_store.index.reduce import BLOCK_ROWS

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

KEY = ("item_id", "image_index", "region_id")
NAMED = 5
"""Items without a common region that are named."""


@dataclass(frozen=True)
class LeftOut:
    """What a combination of extractors cannot index, since one of them has not described it."""

    regions: int = 0
    items: int = 0
    """Items of which no region is left."""
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Spooled:
    """Rows of features, and their vectors in a file."""

    extractor: str
    rows: pa.Table
    path: Path
    dim: int

    def vectors(self) -> Floats:
        """Return the vectors, float32 (rows, dim), mapped from the file."""
        shape = (len(self.rows), self.dim)
        return np.asarray(np.memmap(self.path, np.float32, "r", shape=shape))


def join(spools: Sequence[Spooled], scratch: Path) -> tuple[Spooled, LeftOut]:
    """Return the regions that all `spools` have, in the order of the first, with joined vectors.

    Each extractor's vector is made a unit vector first. The files of `spools` are removed.
    IndexBuildError if no region is left.
    """
    keys = [_keys(spool.rows) for spool in spools]
    places = [pc.index_in(keys[0], value_set=other) for other in keys]
    common = np.ones(len(keys[0]), np.bool_)
    for found in places:
        common &= found.is_valid().to_numpy(zero_copy_only=False)
    rows = spools[0].rows.filter(pa.array(common))
    if not len(rows):
        listed = " and ".join(spool.extractor for spool in spools)
        raise IndexBuildError(
            f"no region has been described by {listed}; describe the catalogue with each of them, "
            "by 'nitamono models upgrade', or leave one out of NITAMONO_INDEX_WEIGHTS"
        )
    numbers = [found.filter(pa.array(common)).to_numpy(zero_copy_only=False) for found in places]
    dim = sum(spool.dim for spool in spools)
    path = scratch / "joined.f32"
    with path.open("wb") as file:
        for block in _joined(spools, numbers):
            file.write(block.data)
    for spool in spools:
        spool.path.unlink()
    left_out = _left_out(spools, rows)
    if left_out.regions:
        log.warning(
            "%d regions lack a feature of one of the extractors and are left out, with them %d "
            "items: %s",
            *(left_out.regions, left_out.items, ", ".join(map(repr, left_out.examples)) or "none"),
        )
    return Spooled(" + ".join(spool.extractor for spool in spools), rows, path, dim), left_out


def _keys(rows: pa.Table) -> pa.Array:
    parts = [rows[name].cast(pa.large_string()) for name in KEY]
    # Unambiguous whatever an id holds: the two parts after it are of digits alone.
    return pc.binary_join_element_wise(*parts, pa.scalar("\n", pa.large_string())).combine_chunks()


def _joined(
    spools: Sequence[Spooled], numbers: Sequence[npt.NDArray[np.integer[Any]]]
) -> Iterator[Floats]:
    sources = [spool.vectors() for spool in spools]
    for start in range(0, len(numbers[0]), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        parts = [source[of[block]] for source, of in zip(sources, numbers, strict=True)]
        units = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
        yield np.ascontiguousarray(np.hstack(units), np.float32)


def _left_out(spools: Sequence[Spooled], kept: pa.Table) -> LeftOut:
    items = pc.unique(pa.chunked_array([c for s in spools for c in s.rows["item_id"].chunks]))
    lost = items.filter(pc.invert(pc.is_in(items, value_set=pc.unique(kept["item_id"]))))
    regions = max(len(spool.rows) for spool in spools) - len(kept)
    return LeftOut(regions, len(lost), tuple(lost.slice(0, NAMED).to_pylist()))
