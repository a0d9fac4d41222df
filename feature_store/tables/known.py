"""Regions and vectors that are in the store already: found by narrow columns, then read alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from feature_store.schemas import FEATURES
from feature_store.tables.delta_table import refusing
from feature_store.tables.pinned import PinnedTable
from feature_store.tables.store import REGIONS, VECTORS, Known

KEY_BYTES = 16
"""An id is known by its first 16 characters: of a region all it has, of an image 64 bits."""

_KEY = np.dtype(f"S{KEY_BYTES}")
_IDS = ["image_id", "region_id", "detector", "extractor"]

Numbers = npt.NDArray[np.int64]


class _Index(NamedTuple):
    """One entry for each stored feature, sorted by `image`; some 40 bytes each.

    `image` and `region` are keys, `place` numbers the row group of the feature, `detector` and
    `extractor` are positions in `names`.
    """

    image: npt.NDArray[np.bytes_]
    region: npt.NDArray[np.bytes_]
    place: npt.NDArray[np.int32]
    detector: npt.NDArray[np.int16]
    extractor: npt.NDArray[np.int16]


class _Place(NamedTuple):
    """One row group of one file of features."""

    fragment: pads.ParquetFileFragment
    row_group: int


class KnownFeatures:
    """The features of a snapshot's partitions, found by `image_id`.

    The first question reads the ids of every feature, later ones only the row groups that hold an
    answer: vectors that nobody asked for are not read.
    """

    def __init__(self, features: PinnedTable) -> None:
        """Name what to look in; nothing is read yet."""
        self._features = features
        self._names: dict[str, int] = {}

    def of(self, image_ids: Sequence[str], detector: str, extractors: Sequence[str]) -> Known:
        """Return what is stored of these images under one detector, and under extractors."""
        wanted = pa.array(image_ids, pa.string()).unique()
        hits = self._hits(wanted)
        by_detector = hits[self._index.detector[hits] == self._names.get(detector, -1)]
        codes = [self._names[name] for name in extractors if name in self._names]
        by_extractor = hits[np.isin(self._index.extractor[hits], codes)]
        images = pc.field("image_id").isin(wanted)
        regions = self._read(
            self._first(by_detector, ["region"]),
            REGIONS,
            images & (pc.field("detector") == detector),
        )
        vectors = self._read(
            self._first(by_extractor, ["region", "extractor"]),
            VECTORS,
            images & pc.field("extractor").isin(pa.array(extractors, pa.string())),
        )
        return Known(
            _one_of_each(regions, ["image_id", "region_id"]),
            _one_of_each(vectors, ["image_id", "region_id", "extractor"]),
        )

    def _hits(self, wanted: pa.Array) -> Numbers:
        """The entries whose image may be one of the wanted ones."""
        keys = np.unique(_keys(wanted))
        starts = np.searchsorted(self._index.image, keys, "left")
        ends = np.searchsorted(self._index.image, keys, "right")
        spans = [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]
        return np.concatenate([np.empty(0, np.int64), *spans])

    def _first(self, hits: Numbers, by: list[str]) -> list[int]:
        """The places of which each has the first entry of some key.

        Several items may show one image: one of its row groups will do.
        """
        place = self._index.place[hits]
        keys = [getattr(self._index, name)[hits] for name in ("image", *by)]
        order = np.lexsort((place, *keys))
        first = np.zeros(len(order), bool)
        first[:1] = True
        for key in keys:
            first[1:] |= key[order][1:] != key[order][:-1]
        return [int(number) for number in np.unique(place[order][first])]

    def _read(self, numbers: list[int], schema: pa.Schema, only: pc.Expression) -> pa.Table:
        groups: dict[int, tuple[pads.ParquetFileFragment, list[int]]] = {}
        for number in numbers:
            place = self._places[number]
            groups.setdefault(id(place.fragment), (place.fragment, []))[1].append(place.row_group)
        parts = [schema.empty_table()]
        for fragment, row_groups in groups.values():
            with refusing("stored features cannot be read"):
                part = fragment.subset(row_group_ids=row_groups)
                rows = part.to_table(schema=FEATURES, columns=schema.names, filter=only)
            parts.append(rows.cast(schema))
        return pa.concat_tables(parts)

    @cached_property
    def _places(self) -> list[_Place]:
        with refusing("stored features cannot be read"):
            return [
                _Place(fragment, number)
                for partition in self._features.partitions.values()
                for fragment in partition.get_fragments()
                for number in range(len(fragment.row_groups))
            ]

    @cached_property
    def _index(self) -> _Index:
        kinds = (_KEY, _KEY, np.int32, np.int16, np.int16)
        parts = [_Index(*(np.empty(0, kind) for kind in kinds))]
        parts += [self._entries(number, place) for number, place in enumerate(self._places)]
        image, region, *numbers = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(image, kind="stable")
        return _Index(image[order], region[order], *(column[order] for column in numbers))

    def _entries(self, number: int, place: _Place) -> _Index:
        with refusing("stored features cannot be read"):
            part = place.fragment.subset(row_group_ids=[place.row_group])
            rows = part.to_table(schema=FEATURES, columns=_IDS)
        return _Index(
            _keys(rows["image_id"]),
            _keys(rows["region_id"]),
            np.full(rows.num_rows, number, np.int32),
            self._codes(rows["detector"]),
            self._codes(rows["extractor"]),
        )

    def _codes(self, names: pa.ChunkedArray) -> npt.NDArray[np.int16]:
        found = pc.unique(names)
        codes = [self._names.setdefault(name, len(self._names)) for name in found.to_pylist()]
        positions = pc.index_in(names, value_set=found).to_numpy()
        numbers: npt.NDArray[np.int16] = np.array(codes, np.int16)[positions]
        return numbers


def _keys(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """The first bytes of ids, as an array of fixed length."""
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if not len(ids):
        return np.empty(0, _KEY)
    start = pc.binary_slice(ids.cast(pa.binary()), 0, KEY_BYTES)
    return np.array(start.to_pylist(), _KEY)


def _one_of_each(rows: pa.Table, key: list[str]) -> pa.Table:
    numbered = rows.select(key).append_column("row", pa.array(np.arange(rows.num_rows)))
    first = numbered.group_by(key).aggregate([("row", "min")])["row_min"].to_numpy()
    return rows.take(np.sort(first))
