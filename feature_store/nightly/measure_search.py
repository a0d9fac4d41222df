"""Ask a bundle for a sample of its regions, and hold every answer against the store's vectors.

What is right is found by comparing each question with all full vectors that were read anew, by
their names: neither the bundle's own vectors nor the scores it gives are believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.bundle.open import Bundle
from feature_store.bundle.search import Searcher
from feature_store.nightly.measure_anew import BLOCK_ROWS, ROUNDING, TIE, Anew, centred
from feature_store.nightly.measure_bounds import Bounded, Summed
from feature_store.nightly.slices import Sample

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

AT = 10
LISTED = 40
"""Nearest regions that are held to find the ten nearest items: an item may have several."""
NOWHERE = np.float32(-2.0)
"""Below every cosine."""
QUESTIONS = 512
"""Questions compared at once with a block of regions."""


@dataclass(frozen=True)
class Asked:
    """The questions, and how well each was answered."""

    vectors: Floats
    """centred float32 (sample, dim) of the regions that were asked for."""
    recall: Floats
    """(questions,): the share of the ten nearest regions that was found; the first questions are
    the sampled regions, those after them points between two regions."""
    source: Numbers
    """(questions,): the sampled region that each question speaks for."""
    found_itself: Mask
    """(sample,): whether the very vector was found first."""
    named_itself: Mask
    """(sample,): whether the first answer is of the item and region that was asked for, or has the
    same vector in the store."""
    lists: Floats
    """(sample,): the share of the ten listed items that is right; NaN where there is none to
    list."""

    def of(self, sample: Numbers, confidence: float) -> dict[str, Bounded]:
        """Return what the sampled regions with these places say."""
        spoken = np.isin(self.source, sample)
        found = {"recall_at_10": Summed.of(self.recall[spoken]).mean(confidence)}
        for name, values in (
            ("self_retrieval", self.found_itself[sample]),
            ("identity", self.named_itself[sample]),
            ("neighbour_lists", self.lists[sample]),
        ):
            known = values[np.isfinite(values)]
            if len(known):
                found[name] = Summed.of(known).mean(confidence)
        return found


def ask(searcher: Searcher, anew: Anew, sample: Sample) -> Asked:
    """Ask for the sampled regions and for points between every second one and a look-alike.

    A shopper's photo is near the catalogue but not in it, and such questions are harder for a
    graph than its own points.
    """
    bundle, rows = searcher.bundle, sample.rows
    regions = centred(bundle, anew, rows)
    usable = np.flatnonzero(np.abs(regions).max(axis=1, initial=0.0) > 0)
    found = np.full((len(rows), AT + 1), -1, np.int64)
    if len(usable):
        raw = np.ascontiguousarray(anew.vectors[rows[usable]])
        found[usable] = searcher.nearest(raw, AT + 1).regions
    halved = _between(bundle, anew, rows, found)
    questions, answers = regions, found
    if len(halved.source):
        questions = np.vstack([regions, bundle.projection.centre(halved.vectors)])
        answers = np.vstack([found, searcher.nearest(halved.vectors, AT + 1).regions])
    own = np.r_[rows, np.full(len(halved.source), -1)]
    truth = _Truth(bundle, anew, questions, own, answers)
    first = answers[: len(rows), 0]
    allowed = ROUNDING[bundle.manifest.stored]
    same = np.einsum("ij,ij->i", bundle.vectors[first], regions)
    return Asked(
        vectors=regions,
        recall=truth.recall(),
        source=np.r_[np.arange(len(rows)), halved.source],
        found_itself=(first >= 0) & (same >= 1 - allowed),
        named_itself=(first >= 0) & (truth.of_answers[: len(rows), 0] >= 1 - allowed),
        lists=truth.lists(allowed),
    )


@dataclass(frozen=True)
class _Halved:
    vectors: Floats
    source: Numbers


def _between(bundle: Bundle, anew: Anew, rows: Numbers, found: Numbers) -> _Halved:
    """Return points halfway from every second region to one of the answers that it got."""
    places = np.arange(1, len(rows), 2)
    near = found[places, 1 + places // 2 % AT]
    there = (near >= 0) & (near != rows[places])
    there[there] &= np.abs(centred(bundle, anew, near[there])).max(axis=1, initial=0.0) > 0
    places, near = places[there], near[there]
    vectors = _unit(anew.vectors[rows[places]]) + _unit(anew.vectors[near])
    # What is halfway between opposites points nowhere.
    start, pointing = 0, np.ones(len(vectors), np.bool_)
    for part in bundle.manifest.parts:
        pointing &= np.linalg.norm(vectors[:, start : start + part.dim], axis=1) > 1e-6
        start += part.dim
    return _Halved(vectors[pointing], places[pointing])


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


class _Best:
    """The largest values of each row so far, and the regions they are of."""

    def __init__(self, rows: int, count: int) -> None:
        self.values = np.full((rows, count), NOWHERE, np.float32)
        self.regions = np.full((rows, count), -1, np.int64)

    def add(self, values: Floats, rows: Numbers, regions: Numbers) -> None:
        """Look at the values (rows, regions) of some rows with some more regions."""
        row, column = np.nonzero(values > self.values[rows].min(axis=1)[:, None])
        if not len(row):
            return
        # But for the first blocks few cells are above what is kept: they are put side by side.
        counts = np.bincount(row, minlength=len(rows))
        offset = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        better = np.full((len(rows), int(counts.max())), NOWHERE, np.float32)
        where = np.full(better.shape, -1, np.int64)
        better[row, offset], where[row, offset] = values[row, column], regions[column]
        changed = counts > 0
        mine, kept = rows[changed], self.values.shape[1]
        both = np.hstack([self.values[mine], better[changed]])
        places = np.hstack([self.regions[mine], where[changed]])
        best = np.argpartition(-both, kept - 1, axis=1)[:, :kept]
        self.values[mine] = np.take_along_axis(both, best, 1)
        self.regions[mine] = np.take_along_axis(places, best, 1)


class _Truth:
    """Compares all questions with all full vectors, in blocks of both."""

    def __init__(
        self, bundle: Bundle, anew: Anew, questions: Floats, own: Numbers, answers: Numbers
    ) -> None:
        self.bundle = bundle
        self.own = own
        self.answers = answers
        asked = own[own >= 0]  # these come first
        self.items = bundle.owners[asked]
        self.segments = bundle.segment_of[asked]
        self.listed = np.asarray(bundle.neighbours[asked, :AT], np.int64)
        self.scores = np.asarray(bundle.neighbour_scores[asked, :AT], np.float32)
        self.of_answers = np.full(answers.shape, NOWHERE, np.float32)
        self.of_listed = np.full(self.listed.shape, NOWHERE, np.float32)
        self.near = _Best(len(questions), AT)
        self.near_items = _Best(len(asked), LISTED)
        self.comparable = int(anew.found.sum())
        for start in range(0, len(anew.found), BLOCK_ROWS):
            block = centred(bundle, anew, slice(start, start + BLOCK_ROWS))
            found = anew.found[start : start + len(block)]
            for first in range(0, len(questions), QUESTIONS):
                rows = np.arange(first, min(first + QUESTIONS, len(questions)))
                cosines = questions[rows] @ block.T
                cosines[:, ~found] = NOWHERE
                self._look(cosines, rows, start)

    def _look(self, cosines: Floats, rows: Numbers, start: int) -> None:
        """Take what is needed from the cosines of some questions with a block of regions."""
        regions = np.arange(start, start + cosines.shape[1])
        self.of_answers[rows] = _picked(cosines, self.answers[rows], self.of_answers[rows], start)
        own = self.own[rows]
        here = np.flatnonzero((own >= start) & (own < start + len(regions)))
        asked = rows[rows < len(self.items)]
        mine = cosines[: len(asked)]
        self.of_listed[asked] = _picked(mine, self.listed[asked], self.of_listed[asked], start)
        cosines[here, own[here] - start] = NOWHERE
        self.near.add(cosines, rows, regions)
        # The lists name other items of the same segment, by the regions that show them.
        owners = self.bundle.owners[regions]
        first = np.searchsorted(owners, self.items[asked])
        end = np.searchsorted(owners, self.items[asked], "right")
        for row in np.flatnonzero(end > first):
            mine[row, first[row] : end[row]] = NOWHERE
        shown, segment = self.bundle.subject[regions], self.bundle.segment_of[regions]
        for number in np.unique(self.segments[asked]):
            of_segment = np.flatnonzero(self.segments[asked] == number)
            columns = np.flatnonzero(shown & (segment == number))
            if len(columns):
                part = mine[np.ix_(of_segment, columns)]
                self.near_items.add(part, asked[of_segment], regions[columns])

    def recall(self) -> Floats:
        """Return the share of each question's ten nearest regions among its answers.

        Whatever is as near as the tenth is right, and a region found twice counts once.
        """
        expected = min(AT, self.comparable - 1)
        if expected < 1:
            return np.ones(len(self.own), np.float32)
        floor = -np.sort(-self.near.values, axis=1)[:, expected - 1]
        right = np.zeros(len(self.own), np.float32)
        for row, answered in enumerate(self.answers):
            others = (answered >= 0) & (answered != self.own[row])
            near = self.of_answers[row] >= floor[row] - TIE
            # The own region may be missing among the answers: ten others are all that count.
            among = np.flatnonzero(others)[:AT]
            right[row] = len(np.unique(answered[among][near[among]]))
        return np.asarray(np.minimum(right, expected) / expected, np.float32)

    def lists(self, allowed: float) -> Floats:
        """Return the share of the nearest ten items that each region's list names with its score.

        `allowed`: how far a score may be off. NaN for a region that has no other item to list.
        """
        values = np.full(len(self.items), np.nan, np.float32)
        for row, listed in enumerate(self.listed):
            best = _best_of_items(self.bundle, self.near_items, row)
            expected = min(len(listed), len(best))
            if not expected:
                continue
            near = self.of_listed[row] >= best[expected - 1] - allowed
            said = np.abs(self.scores[row] - np.clip(self.of_listed[row], -1, 1)) <= allowed
            good = (listed >= 0) & near & said
            owners = self.bundle.owners[listed[good]]
            owners = np.unique(owners[owners != self.items[row]])
            values[row] = min(len(owners), expected) / expected
        return values


def _picked(cosines: Floats, wanted: Numbers, before: Floats, start: int) -> Floats:
    """Return `before` with the cosines of those `wanted` regions that are in this block."""
    inside = (wanted >= start) & (wanted < start + cosines.shape[1])
    column = np.where(inside, wanted - start, 0)
    return np.where(inside, np.take_along_axis(cosines, column, 1), before)


def _best_of_items(bundle: Bundle, near: _Best, row: int) -> Floats:
    """Return the cosine of the best region of each item that is near, the nearest first."""
    order = np.argsort(-near.values[row], kind="stable")
    regions, values = near.regions[row][order], near.values[row][order]
    first = np.unique(bundle.owners[regions[regions >= 0]], return_index=True)[1]
    return np.asarray(values[np.sort(first)], np.float32)
