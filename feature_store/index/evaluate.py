"""Measure an approximate search against the exact one, and choose how hard it has to try."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.index.reduce import blocks_of
from feature_store.index.settings import IndexSettings

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

RECALL_AT = 10
TIE = 1e-5
"""Cosines closer than this are equal: float32 rounding over a thousand terms is about 1e-6."""

IN_VAIN = 0.0005
"""A gain of recall over a stride of epsilons that is not worth another."""

TRUTH_ROWS = 2048
"""Vectors compared with all queries at once."""

PATIENCE = 2
"""So many numbers of candidates are tried in vain."""

OTHER_EDGES = (15, 40)
"""Edges of each vector that are followed in tuning besides those that it begins with. Where vectors
have little structure more of them count: among 20,000 of 48 numbers, 40 gave five times the speed
of 25 at the same recall."""

Search = Callable[[Floats, int, float, int], Ints]
"""(centred queries (q, dim), k, epsilon, candidates) → region numbers (q, k), -1 padded."""

SearchBy = Callable[[int], Search]
"""Edges of each vector that are followed → the search that follows so many."""

Centre = Callable[[Floats], Floats]
"""Feature vectors (q, dim) → the centred unit vectors that are compared."""


class QuerySample(NamedTuple):
    """Feature vectors to ask with, and the region that each one is (-1: it is none)."""

    vectors: Floats
    own: Ints


class Truth(NamedTuple):
    """Queries whose exact answers are known."""

    queries: Floats
    """(q, dim), centred."""
    own: Ints
    """(q,) the query's own region, which is no answer; -1 for none."""
    floor: Floats
    """(q,) cosine of the 10th exact answer: whatever is as near is right, so that ties count."""
    expected: int
    """How many answers there are besides a region itself: 10, or fewer in a tiny catalogue."""
    answers: Ints
    """(q, expected) the exact answers, in no order."""


class CurvePoint(NamedTuple):
    """One tried setting of the search and what it gave."""

    epsilon: float
    candidates: int
    recall: float
    self_retrieval: float
    """Share (0..1) of the queries that are regions whose first answer is themselves, or as near."""
    queries_per_second: float
    edges: int = 0
    """Edges of each vector of a graph that were followed, the shortest first; 0 for all."""


class Tuning(NamedTuple):
    """The chosen setting, whether it reached the target, and everything that was tried."""

    chosen: CurvePoint
    reached: bool
    curve: list[CurvePoint]


def with_points_between(
    vectors: Floats, rows: Ints, neighbours: Ints, random: np.random.Generator
) -> QuerySample:
    """Return the feature vectors of `rows`, and points halfway to a neighbour of every other one.

    `neighbours`: (len(rows), K) region numbers, of which one of the first ten is drawn. A shopper's
    photo is near the catalogue but not in it, and such queries are harder for a graph than its own
    points.
    """
    width = max(1, min(RECALL_AT, neighbours.shape[1]))
    near = neighbours[np.arange(len(rows)), random.integers(0, width, len(rows))]
    halved = np.flatnonzero((np.arange(len(rows)) % 2 == 1) & (near >= 0))
    # Not quite halfway: what is halfway between opposites points nowhere.
    between = vectors[rows[halved]] + np.float32(0.999) * vectors[near[halved]]
    asked = np.vstack([vectors[rows], between])
    own = np.r_[rows, np.full(len(between), -1)].astype(np.int32)
    return QuerySample(asked / np.linalg.norm(asked, axis=1, keepdims=True), own)


def find_truth(
    vectors: Floats, sample: QuerySample, centre: Centre, rows: Ints | None = None
) -> Truth:
    """Compare every query with `rows` of `vectors`, centred float32 (n, dim), by default all."""
    rows = np.arange(len(vectors), dtype=np.int32) if rows is None else rows
    queries = centre(sample.vectors)
    expected = min(RECALL_AT, len(rows) - 1)
    count = max(1, expected)
    best = np.full((len(queries), count), -np.inf, np.float32)
    answers = np.full((len(queries), count), -1, np.int32)
    own = np.where(np.isin(sample.own, rows), np.searchsorted(rows, sample.own), -1)
    start = 0
    for block in blocks_of(vectors, rows, TRUTH_ROWS):
        cosines = queries @ np.asarray(block, np.float32).T
        here = np.flatnonzero((own >= start) & (own < start + len(block)))
        cosines[here, own[here] - start] = -np.inf
        regions = np.broadcast_to(rows[start : start + len(block)], cosines.shape)
        both = np.hstack([best, cosines])
        top = np.argpartition(-both, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(both, top, axis=1)
        answers = np.take_along_axis(np.hstack([answers, regions]), top, axis=1)
        start += len(block)
    return Truth(queries, sample.own, best.min(axis=1), expected, answers)


def recalls(found: Ints, vectors: Floats, truth: Truth) -> Floats:
    """Return each query's recall@10 (0..1), float32 (q,), of `found` region numbers (q, ≥ 10).

    The cosines are computed anew from `vectors`: what the search says of its answers is not
    believed. A region found twice counts once.
    """
    if not truth.expected:
        return np.ones(len(found), np.float32)
    values = np.zeros(len(found), np.float32)
    for row, regions in enumerate(found):
        answers = np.unique(regions[(regions >= 0) & (regions != truth.own[row])])
        cosines = np.asarray(vectors[answers], np.float32) @ truth.queries[row]
        right = int((cosines >= truth.floor[row] - TIE).sum())
        values[row] = min(right, truth.expected) / truth.expected
    return values


def tune_graph(
    search_by: SearchBy, edges: int, vectors: Floats, truth: Truth, settings: IndexSettings
) -> Tuning:
    """Tune the search of a graph, and how many edges of each vector it follows.

    Begins with `edges`, and tries more and fewer with the candidates that were chosen for those.
    0 stands for all and stays: such a graph is held together by its longest edges.
    """
    tuning = tune(search_by(edges), vectors, truth, settings, edges)
    if not edges:
        return tuning
    aim, once = _Aim.of(settings), replace(settings, candidates=(tuning.chosen.candidates,))
    for other in OTHER_EDGES:
        more = tune(search_by(other), vectors, truth, once, other, tuning.curve)
        tuning = aim.choose(tuning.curve + more.curve)
    return tuning


def tune(
    search: Search,
    vectors: Floats,
    truth: Truth,
    settings: IndexSettings,
    edges: int = 0,
    known: Sequence[CurvePoint] = (),
) -> Tuning:
    """Choose epsilon and the number of candidates: the fastest that reach the target recall.

    The share of regions that find themselves must come twice as near to 1, for it is a yes or no
    of each query and so varies more from sample to sample. With a latency budget the best recall
    within it is chosen instead. If nothing meets the target the setting with the best recall is
    chosen and `reached` is False; the gate will say so. `edges` is what the search follows.
    `known` are settings tried elsewhere: what is slower than the best of them is not pursued.
    """
    aim = _Aim.of(settings)
    curve: list[CurvePoint] = []
    worse = 0
    for candidates in settings.candidates:
        best = aim.value([*known, *curve])

        def attempt(epsilon: float, candidates: int = candidates) -> CurvePoint:
            return _try(search, vectors, truth, epsilon, candidates)._replace(edges=edges)

        before = aim.value(curve)
        curve += _climb(attempt, settings.epsilons, aim.enough, partial(aim.hopeless, best))
        worse = worse + 1 if before and aim.value(curve) <= before else 0
        if worse == PATIENCE:
            break  # more candidates bring nothing more
    return aim.choose(curve)


@dataclass(frozen=True)
class _Aim:
    """What tuning wants: the fastest that is good enough, or within a budget the best."""

    goal: float
    budget_ms: float

    @classmethod
    def of(cls, settings: IndexSettings) -> _Aim:
        goal = min(settings.target_recall + settings.tuning_margin, 1.0)
        return cls(goal, settings.latency_budget_ms)

    def enough(self, point: CurvePoint) -> bool:
        """Whether trying harder is of no use: it is good, or beyond the budget."""
        return self._slow(point) if self.budget_ms else self._good(point)

    def hopeless(self, best: float, point: CurvePoint) -> bool:
        """Whether wandering farther only gets slower than the `best` that is known."""
        return not self.budget_ms and point.queries_per_second < best

    def value(self, curve: Sequence[CurvePoint]) -> float:
        """Return how good the best is: its recall within a budget, else its speed at the target."""
        fit = self._fit(curve)
        if self.budget_ms:
            return max((point.recall for point in fit), default=0.0)
        return max((point.queries_per_second for point in fit), default=0.0)

    def choose(self, curve: list[CurvePoint]) -> Tuning:
        """Return the best of what was tried."""
        fit = self._fit(curve)
        if fit and not self.budget_ms:
            chosen = max(fit, key=lambda point: point.queries_per_second)
        else:
            chosen = max(fit or curve, key=lambda point: (point.recall, point.queries_per_second))
        log.info("epsilon %g with %d candidates: recall@10 %.4f", *chosen[:3])
        return Tuning(chosen, bool(fit), curve)

    def _fit(self, curve: Sequence[CurvePoint]) -> list[CurvePoint]:
        if self.budget_ms:
            return [point for point in curve if not self._slow(point)]
        return [point for point in curve if self._good(point)]

    def _good(self, point: CurvePoint) -> bool:
        return point.recall >= self.goal and point.self_retrieval >= (1 + self.goal) / 2

    def _slow(self, point: CurvePoint) -> bool:
        return 1000 / point.queries_per_second > self.budget_ms


def _climb(
    attempt: Callable[[float], CurvePoint],
    epsilons: tuple[float, ...],
    enough: Callable[[CurvePoint], bool],
    hopeless: Callable[[CurvePoint], bool],
) -> list[CurvePoint]:
    """Try epsilons in growing strides until one is enough or hopeless, or two brought nothing.

    Then halve the last stride until the first epsilon that is enough is known. Returns what was
    tried, by epsilon.
    """
    tried: dict[int, CurvePoint] = {}
    low, high, stride, in_vain = -1, 0, 1, 0
    while True:
        tried[high] = attempt(epsilons[high])
        in_vain = in_vain + 1 if low >= 0 and _gain(tried[low], tried[high]) < IN_VAIN else 0
        over = enough(tried[high]) or hopeless(tried[high])
        if over or in_vain == 2 or high == len(epsilons) - 1:
            break
        low, high, stride = high, min(high + stride, len(epsilons) - 1), 2 * stride
    if enough(tried[high]):
        while high - low > 1:
            middle = (low + high) // 2
            tried[middle] = attempt(epsilons[middle])
            low, high = (low, middle) if enough(tried[middle]) else (middle, high)
    return [tried[place] for place in sorted(tried)]


def _gain(before: CurvePoint, after: CurvePoint) -> float:
    """Return what a stride brought, in whichever of the two shares gained more."""
    return max(after.recall - before.recall, after.self_retrieval - before.self_retrieval)


def _try(
    search: Search, vectors: Floats, truth: Truth, epsilon: float, candidates: int
) -> CurvePoint:
    # The processor's time, not the clock's: what else the machine does must not choose.
    started = time.process_time()
    found = search(truth.queries, RECALL_AT + 1, epsilon, candidates)
    seconds = time.process_time() - started
    others = answers_without_own(found, truth.own)
    recall = float(recalls(others, vectors, truth).mean())
    itself = _self_retrieval(found, vectors, truth)
    return CurvePoint(epsilon, candidates, recall, itself, len(found) / max(seconds, 1e-9))


def _self_retrieval(found: Ints, vectors: Floats, truth: Truth) -> float:
    regions = np.flatnonzero(truth.own >= 0)
    if not regions.size:
        return 1.0
    first = np.einsum("ij,ij->i", vectors[found[regions, 0]], truth.queries[regions])
    return float(((first >= 1 - TIE) & (found[regions, 0] >= 0)).mean())


def answers_without_own(found: Ints, own: Ints) -> Ints:
    """Return the first ten answers that are not the query's own region."""
    kept = np.full((len(found), RECALL_AT), -1, np.int32)
    for row, regions in enumerate(found):
        others = regions[regions != own[row]][:RECALL_AT]
        kept[row, : len(others)] = others
    return kept
