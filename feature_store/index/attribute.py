"""Which region of each photo shows the item that the photo sells: a vote of its look-alikes.

A scene shows a chair, a lamp and a plant; its item is the plant. The catalogue says "plant", and of
the three boxes the plant's is the one whose look-alikes are plants. So every region of a photo asks
the most prominent regions of other items, and the region with most neighbours of the item's own
category wins; without categories, the most prominent one does. Only the winner can be a hit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

BLOCK_ROWS = 1024
"""Regions compared with all voters at once."""


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


def attribute_regions(vectors: Floats, photos: Photos, voters: int) -> Mask:
    """Return a mask (n,) that is true for one region of each photo: the one that shows its item.

    `vectors`: unit float32 (n, dim), centred; `voters`: look-alikes that vote for a region.
    """
    leading = _best_of_each(photos.image, np.zeros(len(vectors), np.float32), photos.prominence)
    votes = np.zeros(len(vectors), np.float32)
    per_photo = np.bincount(photos.image)
    asking = np.flatnonzero(
        (per_photo[photos.image] > 1) & (photos.category[photos.owner] >= 0)
    ).astype(np.int32)
    electorate = leading[photos.category[photos.owner[leading]] >= 0]
    for start in range(0, len(asking) if voters else 0, BLOCK_ROWS):
        asked = asking[start : start + BLOCK_ROWS]
        votes[asked] = _votes(vectors, photos, asked, electorate, voters)
    shown = np.zeros(len(vectors), np.bool_)
    shown[_best_of_each(photos.image, votes, photos.prominence)] = True
    return shown


def _votes(vectors: Floats, photos: Photos, asked: Ints, electorate: Ints, voters: int) -> Floats:
    """Return the share of each asked region's nearest voters that are of its item's category."""
    cosines = vectors[asked] @ vectors[electorate].T
    cosines[photos.owner[asked][:, None] == photos.owner[electorate][None, :]] = -np.inf
    count = min(voters, len(electorate))
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    heard = np.take_along_axis(cosines, nearest, axis=1) > -np.inf
    category = photos.category[photos.owner]
    agreed = (category[electorate][nearest] == category[asked][:, None]) & heard
    shares: Floats = (agreed.sum(axis=1) / count).astype(np.float32)
    return shares


def _best_of_each(image: Ints, votes: Floats, prominence: Floats) -> Ints:
    """Return for each photo its region with most votes, the most prominent among equals."""
    order = np.lexsort((-np.arange(len(image)), prominence, votes, image))
    last = np.flatnonzero(np.r_[image[order][1:] != image[order][:-1], True])
    return order[last].astype(np.int32)
