"""What the stored lists of look-alikes say together: scores, hubs, and labels in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.open import Bundle
from feature_store.nightly.measure_anew import TIE, region_keys
from feature_store.nightly.measure_bounds import Bounded, Summed, difference, distance, exact
from feature_store.quality.intervals import wilson

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

AT = 10
ALIKE, FAR = 0.995, 0.15
"""Cosines in centred space above which two photos are all but the same, and below which they have
next to nothing in common."""
BINS = np.linspace(-1, 1, 401)
"""Where the distribution of cosines is looked at."""
FEW = 30
"""Fewer regions, or items, have no distribution to speak of."""
GROWN = 2.0
"""In a catalogue that is so many times as large, look-alikes are nearer by nature: then scores are
not compared with the live bundle's."""


@dataclass(frozen=True)
class Lists:
    """The first ten of every region's list, and their scores."""

    items: Ints
    """int32 (regions, 10): the items listed, -1 where there are fewer."""
    scores: Floats
    owners: Ints
    labels: Ints
    """int32 (items,): a number for each item's label, -1 for none."""

    @classmethod
    def of(cls, bundle: Bundle, labels: Ints) -> Lists:
        """Read the lists of a bundle, of whose items `labels` says what they are."""
        regions = np.ascontiguousarray(bundle.neighbours[:, :AT])
        inside = (regions >= 0) & (regions < len(bundle.owners))
        items = np.where(inside, bundle.owners[np.where(inside, regions, 0)], -1)
        scores = np.ascontiguousarray(bundle.neighbour_scores[:, :AT], np.float32)
        return cls(items.astype(np.int32), scores, bundle.owners, labels)

    def agreement(self) -> Floats:
        """Return for each region the share of its listed items with its label; NaN: unknown."""
        own = self.labels[self.owners][:, None]
        listed = np.where(self.items >= 0, self.labels[np.maximum(self.items, 0)], -1)
        known = (listed >= 0) & (own >= 0)
        counts = known.sum(axis=1)
        same = (known & (listed == own)).sum(axis=1)
        shares = np.full(len(own), np.nan, np.float32)
        return np.asarray(np.divide(same, counts, out=shares, where=counts > 0), np.float32)

    def chance(self) -> Floats:
        """Return for each region the agreement that a random list would have; NaN: unknown."""
        known = self.labels[self.labels >= 0]
        counts = np.bincount(known, minlength=1)
        own = self.labels[self.owners]
        share = (counts[np.maximum(own, 0)] - 1) / max(len(known) - 1, 1)
        return np.where(own >= 0, share, np.nan).astype(np.float32)


@dataclass(frozen=True)
class Before:
    """The live bundle, region by region of the new one that both have."""

    nearest: Floats
    """float32 (regions,): the cosine of the first look-alike; NaN: not comparable."""
    agreement: Floats
    """float32 (regions,): its agreement of labels; NaN: unknown."""

    @classmethod
    def of(cls, bundle: Bundle, live: Bundle, labels: Ints) -> Before:
        """Read the lists of the live bundle; `labels` says what its items are by today's words."""
        places = pc.index_in(region_keys(bundle), value_set=region_keys(live))
        there = ~np.asarray(places.is_null().to_numpy(zero_copy_only=False), np.bool_)
        rows = places.fill_null(0).to_numpy().astype(np.int64)
        lists = Lists.of(live, labels)
        size = len(bundle.regions) / len(live.regions)
        same_kind = bundle.manifest.parts == live.manifest.parts
        comparable = same_kind and 1 / GROWN <= size <= GROWN
        nearest = _nearest(lists) if comparable else np.full(len(live.regions), np.nan)
        return cls(
            np.where(there, nearest[rows], np.nan).astype(np.float32),
            np.where(there, lists.agreement()[rows], np.nan).astype(np.float32),
        )


class ListFigures:
    """Figures of any group of regions, from their stored lists."""

    def __init__(
        self, lists: Lists, item_ids: pa.ChunkedArray, before: Before | None, confidence: float
    ) -> None:
        """Take the lists, the items' ids, what was before, and how sure an interval must be."""
        self._lists = lists
        self._ids = item_ids
        self._before = before
        self._confidence = confidence
        self._nearest = _nearest(lists)
        tenth = lists.scores[:, -1] if lists.scores.shape[1] == AT else np.empty(0, np.float32)
        full = lists.items[:, -1] >= 0 if len(tenth) else np.zeros(len(lists.owners), np.bool_)
        self._tenth = np.where(full, tenth if len(tenth) else np.nan, np.nan)
        self._agreement, self._chance = lists.agreement(), lists.chance()

    def of(self, rows: Numbers) -> dict[str, Bounded]:
        """Return the figures of some regions: those that there is enough to say of."""
        found = self._of_scores(rows)
        found |= self._of_labels(rows)
        found |= self._shifted(rows)
        hub = self.hub(rows)
        if hub is not None:
            found["hub_share"] = hub.share
        return found

    def hub(self, rows: Numbers) -> Hub | None:
        """Return the item that is in most of these regions' lists, copies left out."""
        lists = self._lists
        items, scores = lists.items[rows], lists.scores[rows]
        own = np.unique(lists.owners[rows])
        listed = items[(items >= 0) & (scores < 1 - TIE)]
        if len(own) < FEW or not len(listed):
            return None
        counts = np.bincount(listed)
        item = int(counts.argmax())
        share = min(1.0, float(counts[item]) / len(rows))
        even = min(1.0, AT / (len(own) - 1))
        bounds = wilson(share, len(rows), self._confidence)
        return Hub(Bounded(share, *bounds), str(self._ids[item].as_py()), even)

    def skewness(self) -> Bounded | None:
        """Return the skewness of how often items are listed (Radovanović et al. 2010)."""
        lists = self._lists
        listed = lists.items[(lists.items >= 0) & (lists.scores < 1 - TIE)]
        counts = np.bincount(listed, minlength=len(lists.labels)).astype(np.float64)
        spread = counts.std()
        if len(counts) < FEW or not spread:
            return None
        return exact(float((((counts - counts.mean()) / spread) ** 3).mean()))

    def _of_scores(self, rows: Numbers) -> dict[str, Bounded]:
        found = {}
        for name, scores in (("alike_share", self._tenth), ("far_share", self._nearest)):
            known = scores[rows]
            known = known[np.isfinite(known)]
            if len(known) < FEW:
                continue
            # A copy of a photo says nothing of the extractor.
            off = (known > ALIKE) & (known < 1 - TIE) if name == "alike_share" else known < FAR
            found[name] = Summed.of(off).mean(self._confidence)
        return found

    def _of_labels(self, rows: Numbers) -> dict[str, Bounded]:
        shares, chances = self._agreement[rows], self._chance[rows]
        known = np.isfinite(shares)
        if known.sum() < FEW:
            return {}
        now = Summed.of(shares[known]).mean(self._confidence)
        found = {"precision_at_10": now}
        chance = float(chances[known].mean())
        if chance < 0.99:
            over = ((figure - chance) / (1 - chance) for figure in now)
            found["precision_over_chance"] = Bounded(*over)
        if self._before is not None:
            both = known & np.isfinite(self._before.agreement[rows])
            if both.sum() >= FEW:
                was = Summed.of(self._before.agreement[rows][both]).mean(self._confidence)
                is_now = Summed.of(shares[both]).mean(self._confidence)
                found["precision_drop"] = difference(was, is_now)
        return found

    def _shifted(self, rows: Numbers) -> dict[str, Bounded]:
        if self._before is None:
            return {}
        now, was = self._nearest[rows], self._before.nearest[rows]
        both = np.isfinite(now) & np.isfinite(was)
        if both.sum() < FEW:
            return {}
        counted = [np.histogram(np.clip(one[both], -1, 1), BINS)[0] for one in (now, was)]
        return {"score_shift": distance(counted[0], counted[1], self._confidence)}


@dataclass(frozen=True)
class Hub:
    """The item that is in most lists."""

    share: Bounded
    """The share of the lists that it is in."""
    item_id: str
    even: float
    """The share that each item would have if all had the same."""


def _nearest(lists: Lists) -> Floats:
    if not lists.items.shape[1]:
        return np.full(len(lists.owners), np.nan, np.float32)
    return np.where(lists.items[:, 0] >= 0, lists.scores[:, 0], np.nan).astype(np.float32)
