"""Read the vectors of the new regions alone, and join those of several extractors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.format import Part
from feature_store.errors import IndexBuildError
from feature_store.fresh.changes import Changes
from feature_store.index.reduce import check_vectors
from feature_store.tables import Snapshot

Floats = npt.NDArray[np.float32]

_KEY = ("item_id", "image_index", "region_id")


def read_vectors(snapshot: Snapshot, changes: Changes, parts: Sequence[Part]) -> Floats:
    """Return the vectors of the new regions, float32 (f, dim), as extracted, the parts joined.

    Raises IndexBuildError naming the item whose vector is missing, of another length, zero or not
    finite.
    """
    joined = np.empty((changes.new_regions, sum(part.dim for part in parts)), np.float32)
    keys = _names(changes.regions)
    place = {key: row for row, key in enumerate(keys)}
    items = pc.unique(changes.regions["item_id"]).to_pylist()
    start = 0
    for part in parts:
        missing = np.ones(len(keys), np.bool_)
        for batch in snapshot.features(part.extractor, items) if items else ():
            names = _names(pa.table(batch))
            rows = np.array([place.get(name, -1) for name in names], np.int64)
            vectors = _block(batch, part, names)[rows >= 0]
            rows = rows[rows >= 0]
            joined[rows, start : start + part.dim] = vectors
            missing[rows] = False
        if missing.any():
            raise IndexBuildError(f"the store gave no vector of {keys[int(np.argmax(missing))]}")
        start += part.dim
    return joined


def _block(batch: pa.RecordBatch, part: Part, names: list[str]) -> Floats:
    lengths = pc.list_value_length(batch["vector"]).to_numpy()
    if (lengths != part.dim).any():
        odd = int(np.argmax(lengths != part.dim))
        raise IndexBuildError(
            f"the vector of {names[odd]} has {lengths[odd]} numbers, the bundle's have {part.dim}; "
            "extract its features again"
        )
    flat = pc.list_flatten(batch["vector"]).to_numpy(zero_copy_only=False)
    vectors = np.ascontiguousarray(flat, np.float32).reshape(len(names), part.dim)
    check_vectors(vectors, names.__getitem__)
    return vectors


def _names(rows: pa.Table) -> list[str]:
    """Name each region for people, and so that no two have the same name."""
    columns = zip(*(rows[name].to_pylist() for name in _KEY), strict=True)
    return [f"item {item!r}, image {index}, region {region}" for item, index, region in columns]
