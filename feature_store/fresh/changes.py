"""What has changed since a bundle was built: its rows held against a snapshot's, by columns.

Vectors are not looked at: a region's name stands for its image's bytes and its box, so that under
the same extractor the same name has the same vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.open import Bundle
from feature_store.bundle.tables import ITEM_COLUMNS, facet_columns, image_urls, segment_names
from feature_store.errors import IndexBuildError
from feature_store.tables import Snapshot

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_KEY = ("item_id", "image_index", "region_id")


@dataclass(frozen=True)
class Changes:
    """The items of a snapshot that are not as the bundle has them, and what became of the others.

    F items are new or changed; f regions are not in the bundle.
    """

    alias: Ints
    """int32 (items of the bundle,): its own number where nothing changed; -1 where the item is
    gone, or its regions are; N + the row in `items` where the row alone changed."""
    items: pa.Table
    """F rows (schema ITEMS), by `item_id`."""
    kept: Ints
    """int32 (F,): the item of the bundle whose regions stay; -1 where all regions are new."""
    regions: pa.Table
    """f rows (schema FEATURES without the vectors), in the order of `Snapshot.regions`."""
    owners: Ints
    """int32 (f,): the row in `items` of each region, ascending."""
    gone: int
    """Items of the bundle that are no longer for sale."""
    waiting: int
    """Items for sale that the bundle's extractors have not described yet. Those that the bundle
    has stay as they are in it."""

    @property
    def new_regions(self) -> int:
        """How many regions are to be compared with every query."""
        return len(self.owners)


@dataclass(frozen=True)
class _Found:
    """A snapshot's live items beside those of the bundle; masks and numbers go by live item."""

    live: pa.Table
    rows: pa.Table
    """The regions that all of the bundle's extractors described."""
    first: Ints
    """The first of an item's rows, and how many it has: 0 where nothing is described."""
    count: Ints
    base: Ints
    """The bundle's item of the same id, -1 for none."""


def find_changes(bundle: Bundle, snapshot: Snapshot) -> Changes:
    """Compare a bundle with a snapshot; reads no vector."""
    found = _find(bundle, snapshot)
    described, known = found.count > 0, found.base >= 0
    waiting = _waiting(found, snapshot)
    stays = known & ((described & _same_regions(bundle, found)) | waiting)
    unchanged = stays & _same_row(bundle, found)
    # What changes its segment is compared with others than before: as if its photo were new.
    renewed = stays & ~unchanged & (waiting | _same_segment(bundle, found, stays & ~unchanged))
    own = described & ~unchanged & ~renewed
    fresh = np.flatnonzero(renewed | own)
    alias = np.full(len(bundle.items), -1, np.int32)
    alias[found.base[unchanged]] = found.base[unchanged]
    places = np.full(len(found.live), -1, np.int32)
    places[fresh] = np.arange(len(fresh))
    alias[found.base[renewed]] = len(bundle.items) + places[renewed]
    regions = np.flatnonzero(np.repeat(own, found.count))
    owners = np.repeat(places, found.count)[regions]
    return Changes(
        alias=alias,
        items=found.live.take(fresh),
        kept=np.where(renewed, found.base, -1)[fresh].astype(np.int32),
        regions=found.rows.take(regions),
        owners=owners.astype(np.int32),
        gone=len(bundle.items) - int((known & (unchanged | renewed | own)).sum()),
        waiting=int(waiting.sum()),
    )


def described_regions(snapshot: Snapshot, extractors: list[str]) -> pa.Table:
    """Return the regions (as `Snapshot.regions`) that every one of `extractors` has described."""
    rows = snapshot.regions(extractors[0])
    for extractor in extractors[1:]:
        others = _keys(snapshot.regions(extractor))
        rows = rows.filter(pc.is_in(_keys(rows), value_set=others))
    return rows


def _keys(rows: pa.Table) -> pa.ChunkedArray:
    parts = [pc.cast(rows[name], pa.string()) for name in _KEY]
    return pc.binary_join_element_wise(*parts, "\0")


def _find(bundle: Bundle, snapshot: Snapshot) -> _Found:
    live = snapshot.items()
    rows = described_regions(snapshot, [part.extractor for part in bundle.manifest.parts])
    ids = _whole(live["item_id"])
    owners = _places(_whole(rows["item_id"]), ids)
    if (owners < 0).any() or (np.diff(owners) < 0).any():
        raise IndexBuildError("the store gave features of other items than live, or out of order")
    count = np.bincount(owners, minlength=len(ids)).astype(np.int32)
    first = (np.cumsum(count) - count).astype(np.int32)
    return _Found(live, rows, first, count, _places(ids, _whole(bundle.items["item_id"])))


def _waiting(found: _Found, snapshot: Snapshot) -> Mask:
    """Which items have an image that could be used, but that is not described yet."""
    missing: Mask = found.count == 0
    if not missing.any():
        return missing
    failed = np.zeros(len(found.live), np.int64)
    places = _places(_whole(snapshot.failed()["item_id"]), _whole(found.live["item_id"]))
    np.add.at(failed, places[places >= 0], 1)
    images = pc.list_value_length(found.live["images"]).to_numpy()
    return np.asarray(missing & (failed < images), np.bool_)


def _same_regions(bundle: Bundle, found: _Found) -> Mask:
    """Which items show the very photos that the bundle has, with the same boxes in them."""
    same: Mask = (found.base >= 0) & (found.count > 0)
    same[same] = bundle.region_count[found.base[same]] == found.count[same]
    counts = found.count[same]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    here = np.repeat(found.first[same], counts) + within
    there = np.repeat(bundle.first_region[found.base[same]], counts) + within
    now = found.rows.select(["region_id", "kind", "image_id", "image_uri"]).take(here)
    before = bundle.regions.select(["region_id", "kind", "image_url"]).take(there)
    different = np.zeros(len(here), np.bool_)
    columns = {name: now[name] for name in ("region_id", "kind")} | {"image_url": image_urls(now)}
    for name, column in columns.items():
        different |= _differ(column, before[name])
    owners = np.repeat(np.flatnonzero(same), counts)
    same[owners[different]] = False
    return same


def _same_row(bundle: Bundle, found: _Found) -> Mask:
    """Which items have the very row that the bundle has, as far as it can be seen in answers."""
    same: Mask = found.base >= 0
    now = found.live.select(ITEM_COLUMNS).filter(same)
    before = bundle.items.select(ITEM_COLUMNS).take(found.base[same])
    different = np.zeros(len(now), np.bool_)
    for name in ITEM_COLUMNS:
        different |= _differ(now[name], before[name])
    same[np.flatnonzero(same)[different]] = False
    return same


def _same_segment(bundle: Bundle, found: _Found, asked: Mask) -> Mask:
    """Which of the items that are asked about belong to the segment that holds their regions."""
    same: Mask = asked.copy()
    attribute = bundle.manifest.segmented_by
    if attribute and asked.any():
        now = segment_names(facet_columns(found.live.filter(asked)), attribute).to_pylist()
        numbers = bundle.segment_of[bundle.first_region[found.base[asked]]]
        before = [bundle.segments[number].name for number in numbers]
        same[asked] = [a == b for a, b in zip(now, before, strict=True)]
    return same


def _differ(left: pa.ChunkedArray, right: pa.ChunkedArray) -> Mask:
    """Where two columns differ; two missing values do not."""
    differ = pc.fill_null(pc.not_equal(left, right), False)
    one_missing = pc.xor(pc.is_null(left), pc.is_null(right))
    return np.asarray(pc.or_(differ, one_missing).to_numpy(zero_copy_only=False), np.bool_)


def _places(values: pa.Array, among: pa.Array) -> Ints:
    """The row of each value in `among`, int32; -1 where it is not there."""
    found = pc.fill_null(pc.index_in(values, value_set=among), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.int32)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])
