"""Read a snapshot into what a bundle holds: items, regions, filterable columns, raw vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.tables import (
    facet_columns,
    item_columns,
    prominence,
    region_columns,
)
from feature_store.errors import IndexBuildError
from feature_store.index.attribute import Photos
from feature_store.index.reduce import check_vectors
from feature_store.nightly.join import LeftOut, Spooled, join
from feature_store.tables import Snapshot

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

_REGION_COLUMNS = [
    *("item_id", "image_index", "region_id", "image_id", "image_uri", "width_px", "height_px"),
    *("kind", "x0", "y0", "x1", "y1", "confidence", "detector"),
]


@dataclass(frozen=True)
class Gathered:
    """The rows of a snapshot that are indexed, numbered: regions by item, items by `item_id`."""

    items: pa.Table
    regions: pa.Table
    facets: pa.Table
    vectors: Floats
    """float32 (regions, dim), as extracted, mapped from a scratch file; of several extractors
    joined, each made a unit vector first."""
    vectors_path: Path
    dims: tuple[int, ...]
    """The length of each extractor's vectors."""
    owners: Ints
    """int32 (regions,): each region's item."""
    photos: Photos
    """What decides which region of a photo shows its item."""
    detector: str
    left_out: LeftOut


def gather(snapshot: Snapshot, extractors: Sequence[str], scratch: Path) -> Gathered:
    """Read the features of `extractors` and their items; vectors go to a file in `scratch`.

    Of several extractors the vectors of a region are joined in this order; a region that one of
    them has not described is left out and counted. Raises IndexBuildError if nothing is left, or
    naming the first item whose vector is of another length, zero or not finite.
    """
    spools = [
        _spool(snapshot.features(extractor), extractor, scratch / f"part-{number}.f32")
        for number, extractor in enumerate(extractors)
    ]
    joined, left_out = (spools[0], LeftOut()) if len(spools) == 1 else join(spools, scratch)
    rows = joined.rows
    ids, owners = _number_items(rows["item_id"])
    items = _items(snapshot, ids)
    regions = region_columns(rows).add_column(0, "item", [owners])
    return Gathered(
        items=item_columns(items, owners, regions["image_url"]),
        regions=regions,
        facets=facet_columns(items),
        vectors=joined.vectors(),
        vectors_path=joined.path,
        dims=tuple(spool.dim for spool in spools),
        owners=owners,
        photos=_photos(items, rows, owners),
        detector=", ".join(sorted(pc.unique(rows["detector"]).to_pylist())),
        left_out=left_out,
    )


def _spool(batches: Iterator[pa.RecordBatch], extractor: str, path: Path) -> Spooled:
    """Write all vectors of an extractor to `path`; return them with the other columns."""
    kept: list[pa.Table] = []
    dim = 0
    with path.open("wb") as file:
        for batch in batches:
            rows = pa.table(batch)
            if not len(rows):
                continue
            dim = dim or int(rows["dim"][0].as_py())
            file.write(_checked(rows, dim).data)
            kept.append(rows.select(_REGION_COLUMNS))
    if not kept:
        raise IndexBuildError(f"the store holds no features of {extractor}; ingest a catalogue")
    return Spooled(extractor, pa.concat_tables(kept).combine_chunks(), path, dim)


def _checked(rows: pa.Table, dim: int) -> Floats:
    """Return the vectors of a batch, float32 (rows, dim), or name one that cannot be used."""

    def name_of(row: int) -> str:
        item_id, region_id = (rows[name][row].as_py() for name in ("item_id", "region_id"))
        return f"item {item_id!r}, region {region_id}"

    lengths = pc.list_value_length(rows["vector"]).to_numpy()
    if (lengths != dim).any():
        odd = int(np.flatnonzero(lengths != dim)[0])
        raise IndexBuildError(
            f"the vector of {name_of(odd)} has {lengths[odd]} numbers, others have {dim}; "
            "extract its features again"
        )
    flat = pc.list_flatten(rows["vector"]).combine_chunks().to_numpy(zero_copy_only=False)
    vectors = np.ascontiguousarray(flat, np.float32).reshape(len(rows), dim)
    check_vectors(vectors, name_of)
    return vectors


def _number_items(item_ids: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Number the items in the order of their features, which must be that of their ids."""
    encoded = item_ids.combine_chunks().dictionary_encode()
    owners = encoded.indices.to_numpy().astype(np.int32)
    ids = encoded.dictionary
    order = pc.array_sort_indices(ids).to_numpy()
    if (np.diff(owners) < 0).any() or (np.diff(order) != 1).any():
        raise IndexBuildError("the store gave its features in another order than by item_id")
    return ids, owners


def _items(snapshot: Snapshot, ids: pa.Array) -> pa.Table:
    """Return the snapshot's rows of these items, in this order."""
    live = snapshot.items()
    places = pc.index_in(ids, value_set=live["item_id"].combine_chunks())
    if places.null_count:
        lost = ids[pc.index(pc.is_null(places), True).as_py()].as_py()
        raise IndexBuildError(f"item {lost!r} has features but no row; ingest its day again")
    return live.take(places).combine_chunks()


def _photos(items: pa.Table, rows: pa.Table, owners: Ints) -> Photos:
    """Number the photos and the categories, and weigh each region."""
    image = rows["image_index"].to_numpy()
    new_photo = np.r_[True, (np.diff(owners) != 0) | (np.diff(image) != 0)]
    category = items["category"].combine_chunks().dictionary_encode()
    return Photos(
        image=(np.cumsum(new_photo) - 1).astype(np.int32),
        owner=owners,
        prominence=prominence(rows),
        category=category.indices.fill_null(-1).to_numpy().astype(np.int32),
    )
