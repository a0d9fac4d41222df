"""Which region of each new photo shows the item that the photo sells: the bundle's items vote.

The nightly vote (see `index.attribute`) asks the most prominent region of every photo of every
item. Here, where a minute is all there is, only the bundle's photos are asked, each by the region
that won its own vote, and the index finds them. New photos do not vote for one another; a new kind
of item that the bundle has none of goes by prominence until the next build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle import Searcher
from feature_store.bundle.tables import prominence
from feature_store.errors import UnknownItemError
from feature_store.index.attribute import best_of_each

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

ASKED_FOR_EACH = 8
"""Regions that are looked up for each vote: of a photo's regions only one may vote."""

BLOCK_ROWS = 256
"""Regions looked up at once."""


@dataclass(frozen=True)
class NewPhotos:
    """The regions of new photos, r of them, in the order of `Snapshot.regions`."""

    rows: pa.Table
    owners: Ints
    """int32 (r,): the item of each region, ascending."""
    item_ids: Sequence[str]
    """The id of each item."""
    categories: Sequence[str | None]
    """What the catalogue calls each item."""
    segments: Ints
    """int32 (r,): the bundle's segment that each region belongs to, -1 for one that it lacks."""
    vectors: Floats
    """float32 (r, dim), as extracted."""


def choose_subjects(searcher: Searcher, photos: NewPhotos, voters: int) -> Mask:
    """Return a mask (r,) that is true for one region of each photo: the one that shows its item.

    `voters`: look-alikes that vote for a region; with 0, the most prominent one is taken.
    """
    index = photos.rows["image_index"].to_numpy()
    if not len(index):
        return np.zeros(0, np.bool_)
    new_photo = np.r_[True, (np.diff(photos.owners) != 0) | (np.diff(index) != 0)]
    image = np.cumsum(new_photo) - 1
    votes = np.zeros(len(index), np.float32)
    several = np.bincount(image)[image] > 1
    named = np.array([name is not None for name in photos.categories], np.bool_)
    asking = np.flatnonzero(several & named[photos.owners]) if voters else np.empty(0, np.int64)
    ballot = _Ballot(searcher, photos, voters)
    for number in np.unique(photos.segments[asking]):
        of_segment = asking[photos.segments[asking] == number]
        for start in range(0, len(of_segment) if number >= 0 else 0, BLOCK_ROWS):
            asked = of_segment[start : start + BLOCK_ROWS]
            votes[asked] = ballot.count(asked, int(number))
    shown = np.zeros(len(index), np.bool_)
    shown[best_of_each(image, votes, prominence(photos.rows))] = True
    return shown


class _Ballot:
    """Asks the bundle's look-alikes of new regions what they are called."""

    def __init__(self, searcher: Searcher, photos: NewPhotos, voters: int) -> None:
        bundle = searcher.bundle
        self._searcher = searcher
        self._photos = photos
        self._voters = voters
        names = bundle.items["category"].combine_chunks().dictionary_encode()
        codes = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self._categories = np.asarray(codes, np.int32)
        known = {name: code for code, name in enumerate(names.dictionary.to_pylist())}
        self._wanted = [known.get(name, -2) for name in photos.categories]
        self._may_vote = bundle.subject & (self._categories[bundle.owners] >= 0)

    def count(self, asked: npt.NDArray[np.intp], segment: int) -> Floats:
        """Return the share of each asked region's voters that are called as its item is."""
        photos, bundle = self._photos, self._searcher.bundle
        k = self._voters * ASKED_FOR_EACH
        found = self._searcher.nearest(photos.vectors[asked], k, segment=segment).regions
        shares = np.zeros(len(asked), np.float32)
        for place, region in enumerate(asked):
            item = int(photos.owners[region])
            near = found[place][found[place] >= 0]
            near = near[self._may_vote[near]]
            items = bundle.owners[near]
            items = items[items != self._own(photos.item_ids[item])][: self._voters]
            if len(items):
                agreed = self._categories[items] == self._wanted[item]
                shares[place] = agreed.sum() / self._voters
        return shares

    def _own(self, item_id: str) -> int:
        """The bundle's number of an item whose photo is new; it does not vote for itself."""
        try:
            return self._searcher.bundle.item_number(item_id)
        except UnknownItemError:
            return -1
