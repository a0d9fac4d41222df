"""Two bundles in one numbering of items, and what of each item differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle import Bundle, Manifest

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

_SEED = 20260101
"""Of the keys that stand for texts; any will do."""


@dataclass(frozen=True)
class Side:
    """One of the two bundles, and the numbers of its items in the pair's numbering."""

    bundle: Bundle
    numbers: Ints
    """int32 (items,): the pair's number of each of the bundle's items."""
    places: Ints
    """int32 (all items of the pair,): the bundle's number of each, -1 if it does not hold it."""

    def look_alikes(self, items: Ints) -> tuple[Ints, Ints, Floats]:
        """Return the stored look-alikes of items (n,), given and returned in the pair's numbering.

        Three arrays (n, K), nearest first: items, the bundle's regions, and cosines; -1 where there
        are fewer than K. They are what a shopper is shown who asks for the item.
        """
        asked = self.bundle.primary_region[self.places[items]]
        regions = np.asarray(self.bundle.neighbours[asked], np.int32)
        found = self.numbers[self.bundle.owners[np.maximum(regions, 0)]]
        scores = np.asarray(self.bundle.neighbour_scores[asked], np.float32)
        return np.where(regions < 0, np.int32(-1), found), regions, scores


@dataclass(frozen=True)
class Differences:
    """What differs of each item between the two bundles: bool (items of the pair,) each.

    All False for an item that only one of them holds.
    """

    segment: Mask
    """It is in another segment, although both bundles are cut alike."""
    category: Mask
    photos: Mask
    """It has other images."""
    boxes: Mask
    """Other regions were seen in its images."""
    subject: Mask
    """Another region may be found, or is asked with, for the item."""


class Pair:
    """Two open bundles, and all items of both in one numbering: those of `after` come first."""

    def __init__(self, before: Bundle, after: Bundle) -> None:
        """Number the items of both."""
        old, new = _column(before.items, "item_id"), _column(after.items, "item_id")
        found = pc.fill_null(pc.index_in(old, value_set=new), -1).to_numpy(zero_copy_only=False)
        numbers = found.astype(np.int32)
        gone = numbers < 0
        numbers[gone] = len(new) + np.arange(gone.sum(), dtype=np.int32)
        self.count = len(new) + int(gone.sum())
        places = np.full(self.count, -1, np.int32)
        places[numbers] = np.arange(len(old), dtype=np.int32)
        arrived = np.full(self.count, -1, np.int32)
        arrived[: len(new)] = np.arange(len(new), dtype=np.int32)
        self.before = Side(before, numbers, places)
        self.after = Side(after, arrived[: len(new)], arrived)
        self.both = np.flatnonzero((places >= 0) & (arrived >= 0)).astype(np.int32)
        """int32: the items that both bundles hold."""
        self.in_both = np.zeros(self.count, np.bool_)
        self.in_both[self.both] = True

    def differences(self) -> Differences:
        """Find what differs of each item that both bundles hold."""
        photos = self._region_sets("image_id")
        boxes = self._region_sets("region_id")
        subject = self._region_sets("region_id", subject=True)
        asked = self._differ(*self._codes("region_id", "primary_region"))
        return Differences(
            segment=self._segments(),
            category=self._differ(*self._codes("category")),
            photos=photos,
            boxes=boxes,
            subject=subject | asked,
        )

    def _segments(self) -> Mask:
        by = self.before.bundle.manifest.segmented_by
        if not by or by != self.after.bundle.manifest.segmented_by:
            return np.zeros(self.count, np.bool_)
        names = [_segment_names(side.bundle) for side in (self.before, self.after)]
        return self._differ(*_encoded(*names))

    def _codes(self, column: str, through: str = "") -> tuple[Ints, Ints]:
        """Number the texts of a column of items, or of the region that `through` names, alike."""
        found = []
        for side in (self.before, self.after):
            bundle = side.bundle
            if through:
                rows = pa.array(getattr(bundle, through))
                found.append(_column(bundle.regions, column).take(rows))
            else:
                found.append(_column(bundle.items, column))
        return _encoded(*found)

    def _region_sets(self, column: str, *, subject: bool = False) -> Mask:
        """Whether the set of texts that an item's regions have in `column` is another one."""
        sides = (self.before, self.after)
        codes = _encoded(*(_column(side.bundle.regions, column) for side in sides))
        keys = np.random.default_rng(_SEED).integers(
            0, 2**64, max(int(part.max(initial=0)) for part in codes) + 1, np.uint64
        )
        sums = []
        for side, part in zip(sides, codes, strict=True):
            chosen = side.bundle.subject if subject else np.ones(len(part), np.bool_)
            owners = side.bundle.owners[chosen]
            sums.append(_digests(part[chosen], owners, keys, len(side.numbers)))
        return self._differ(*sums)

    def _differ(self, old: npt.NDArray[Any], new: npt.NDArray[Any]) -> Mask:
        """Hold values of the two bundles' items against each other."""
        differs = np.zeros(self.count, np.bool_)
        before, after = self.before.places[self.both], self.after.places[self.both]
        differs[self.both] = old[before] != new[after]
        return differs


def facts(manifest: Manifest) -> Mapping[str, str]:
    """Return what a bundle says of itself that answers depend on, by names for people."""
    segments = ", ".join(segment.name or "(none)" for segment in manifest.segments)
    return {
        "snapshot": str(manifest.snapshot_version),
        "detector": manifest.detector,
        "extractor": manifest.extractor,
        "segments": f"by {manifest.segmented_by}: {segments}" if manifest.segmented_by else "one",
        "vectors stored as": manifest.stored,
        "parameters": manifest.parameters_digest[:12],
    }


def _digests(codes: Ints, owners: Ints, keys: Keys, items: int) -> Keys:
    """Sum the keys of each item's distinct codes: equal sets have equal sums."""
    pairs = np.unique(owners.astype(np.int64) * len(keys) + codes)
    owner, code = np.divmod(pairs, len(keys))
    sums = np.zeros(items, np.uint64)
    np.add.at(sums, owner, keys[code])
    return sums


def _encoded(*columns: pa.ChunkedArray) -> tuple[Ints, Ints]:
    """Number the texts of two columns alike; no text is a text of its own."""
    chunks = [pc.fill_null(column.combine_chunks(), "") for column in columns]
    both = pa.chunked_array(chunks, pa.string()).dictionary_encode().unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in both.chunks] or [[]])
    split = len(chunks[0])
    return codes[:split].astype(np.int32), codes[split:].astype(np.int32)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table[name].cast(pa.string())


def _segment_names(bundle: Bundle) -> pa.ChunkedArray:
    """The segment of each item, by its name."""
    names = pa.array([segment.name for segment in bundle.manifest.segments], pa.string())
    return pa.chunked_array([names.take(pa.array(bundle.segment_of[bundle.primary_region]))])
