"""Why a look-alike came or went.

In this order, the first that explains it: the **catalogue** (an item came or went, is in another
segment, or another region of its photo stands for it, since others now decide that), another
**photo** of the asked item or of the look-alike, the **detector** (the same photos, but other
boxes), the **extractor** (others, or other weights), and what is left, the **index** (parameters,
approximate search, the mean from which all vectors are measured).

A look-alike has also gone for the first three where it was pushed out: without the newcomers that
came for that reason and stand before it in the longer list of neighbours, it would still be shown.
In the same way one has come because others that stood before it have gone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from feature_store.compare.comparison import CAUSES
from feature_store.compare.sides import Differences, Ints, Mask, Pair

Codes = npt.NDArray[np.uint8]

CATALOGUE, PHOTO, DETECTOR, EXTRACTOR, INDEX = range(1, len(CAUSES) + 1)
"""The numbers of `CAUSES`, in its order; 0 is no cause."""


class Causes:
    """Tells the causes of a pair of bundles."""

    def __init__(self, pair: Pair) -> None:
        """Find what differs of each item between the two bundles."""
        old, new = (side.bundle.manifest for side in (pair.before, pair.after))
        same_parts = old.parts == new.parts
        self._rest = INDEX if same_parts else EXTRACTOR
        vote = CATALOGUE if same_parts else 0
        self._own = own_causes(
            pair.differences(),
            pair.in_both,
            vote=vote if old.detector == new.detector else DETECTOR,
        )

    def of(self, items: Ints, shown: Ints, missing: Mask, across: Ints) -> Codes:
        """Return why look-alikes of `items` (m,) are missing from the other bundle.

        `shown` (m, k) are the look-alikes in one bundle and `missing` says which of them the other
        one does not show; `across` (m, K ≥ k) is the other one's longer list. Items by the pair's
        numbers, -1 where there are fewer. Returns uint8 (m, k), 0 where nothing is missing.
        """
        row, column = np.nonzero(missing)
        hits = shown[row, column]
        asked, hit = self._own[items[row]], self._own[hits]
        own = np.minimum(np.where(asked > 0, asked, INDEX), np.where(hit > 0, hit, INDEX))
        place = _places(hits, across, row, np.cumsum(missing, axis=1)[row, column] - 1)
        kinds = np.where(across >= 0, self._own[across], 0)
        kinds[~missing_from(across, shown)] = 0  # who stood there before has pushed nobody out
        cause = np.full(len(row), self._rest, np.uint8)
        for level in (DETECTOR, PHOTO, CATALOGUE):
            pushing = np.cumsum((kinds > 0) & (kinds <= level), axis=1, dtype=np.int32)
            ahead = pushing[row, np.minimum(place, across.shape[1] - 1)]
            cause[(own <= level) | (place - ahead < shown.shape[1])] = level
        codes = np.zeros(shown.shape, np.uint8)
        codes[row, column] = cause
        return codes


def own_causes(differences: Differences, in_both: Mask, *, vote: int) -> Codes:
    """Return for each item what of itself explains that it is, or has, another look-alike.

    Which region of a photo stands for its item is a vote of its neighbours and their categories.
    `vote` is the cause where it is another one among the same boxes; 0 leaves that to the others.
    """
    own = np.zeros(len(in_both), np.uint8)
    own[differences.subject] = vote
    own[differences.boxes] = DETECTOR
    own[differences.photos] = PHOTO
    own[differences.segment | (differences.category & differences.subject)] = CATALOGUE
    own[~in_both] = CATALOGUE
    return own


def missing_from(these: Ints, those: Ints) -> Mask:
    """Return which of `these` (m, x) are not among `those` (m, y) of their row; -1 is nothing."""
    found = np.zeros(these.shape, np.bool_)
    for column in range(those.shape[1]):
        found |= these == those[:, column, None]
    return (these >= 0) & ~found


def _places(
    hits: Ints, across: Ints, row: npt.NDArray[np.intp], nth: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return where each hit (n,) stands in the list of its row.

    Those that are not in it stand behind its end, one behind the other: `nth` tells their order.
    """
    same = across[row] == hits[:, None]
    behind = np.asarray(across.shape[1] + nth, np.intp)
    return np.where(same.any(axis=1), same.argmax(axis=1), behind)
