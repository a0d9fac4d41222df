"""Which region of each photo shows the item that the photo sells: a vote of its look-alikes.

A scene shows a chair, a lamp and a plant; its item is the plant. The catalogue says "plant", and of
the three boxes the plant's is the one whose look-alikes are plants. So every region of a photo asks
the most prominent regions of other items, and the region with most neighbours of the item's own
category wins; without categories, the most prominent one does. Only the winner can be a hit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.index.finders import Finder

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

FinderOf = Callable[[Ints], Finder]
"""Makes what finds the nearest among these regions."""


@dataclass(frozen=True)
class Photos:
    """What is known of n regions besides their vectors, in the order of the vectors."""

    image: Ints
    """int32 (n,): the photo of each region, ascending from 0 without gaps."""
    owner: Ints
    """int32 (n,): the item of each region."""
    prominence: Floats
    """float32 (n,): confidence times the root of the area; 0 for the whole photo."""
    category: Ints
    """int32 (items,): a number for each item's category, -1 where the catalogue names none."""


def attribute_regions(photos: Photos, rows: Ints, finder_of: FinderOf, voters: int) -> Mask:
    """Return a mask (r,) that is true for one region of each photo: the one that shows its item.

    `rows`: int32 (r,), the regions of whole photos, ascending, which vote among themselves;
    `voters`: look-alikes that vote for a region.
    """
    image = np.unique(photos.image[rows], return_inverse=True)[1]
    prominence, category = photos.prominence[rows], photos.category[photos.owner[rows]]
    votes = np.zeros(len(rows), np.float32)
    leading = best_of_each(image, votes, prominence)
    electorate = rows[leading[category[leading] >= 0]]
    asking = np.flatnonzero((np.bincount(image)[image] > 1) & (category >= 0))
    if voters and len(asking) and len(electorate):
        finder, count = finder_of(electorate), min(voters, len(electorate))
        nearest = finder.nearest(rows[asking], count).regions
        theirs = photos.category[photos.owner[nearest]]
        agreed = (theirs == category[asking][:, None]) & (nearest >= 0)
        votes[asking] = agreed.sum(axis=1) / count
    shown = np.zeros(len(rows), np.bool_)
    shown[best_of_each(image, votes, prominence)] = True
    return shown


def best_of_each(
    image: npt.NDArray[np.intp], votes: Floats, prominence: Floats
) -> npt.NDArray[np.intp]:
    """Return for each photo its region with most votes, the most prominent among equals."""
    order = np.lexsort((-np.arange(len(image)), prominence, votes, image))
    last: npt.NDArray[np.intp] = order[np.r_[image[order][1:] != image[order][:-1], True]]
    return last
