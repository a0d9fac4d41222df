from __future__ import annotations

import numpy as np
import pytest

from feature_store.errors import SettingsError
from feature_store.index import evaluate
from feature_store.index.evaluate import (
    OTHER_EDGES,
    QuerySample,
    Search,
    Tuning,
    answers_without_own,
    find_truth,
    recalls,
    tune,
    tune_graph,
    with_points_between,
)
from feature_store.index.settings import IndexSettings
from tests.feature_store.nightly.fake_shop import clustered

VECTORS = clustered(600, 24)
ORDER = np.argsort(-(VECTORS @ VECTORS.T), axis=1).astype(np.int32)


def sampled(seed: int) -> QuerySample:
    random = np.random.default_rng(seed)
    rows = random.permutation(len(VECTORS))[:100].astype(np.int32)
    return with_points_between(VECTORS, rows, ORDER[rows, 1:11], random)


SAMPLE = sampled(1)
TRUTH = find_truth(VECTORS, SAMPLE, lambda vectors: vectors)


def test_between_opposites_there_is_a_direction_too() -> None:
    pair = np.array([[1, 0], [-1, 0]], np.float32)
    asked = with_points_between(pair, np.arange(2), np.array([[1], [0]]), np.random.default_rng(0))
    assert np.allclose(np.linalg.norm(asked.vectors, axis=1), 1)


def exact(queries: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-(queries @ VECTORS.T), axis=1)[:, :k].astype(np.int32)


def test_a_third_of_the_queries_are_no_region() -> None:
    assert len(SAMPLE.own) == 150
    assert (SAMPLE.own >= 0).sum() == 100
    own = SAMPLE.own >= 0
    assert np.allclose(SAMPLE.vectors[own], VECTORS[SAMPLE.own[own]], atol=1e-6)
    assert (SAMPLE.vectors[~own] @ VECTORS.T).max() < 1 - 1e-4
    assert np.allclose(np.linalg.norm(SAMPLE.vectors, axis=1), 1, atol=1e-5)


def test_a_sample_is_the_same_for_the_same_seed_only() -> None:
    again, other = sampled(1), sampled(2)
    assert np.array_equal(again.vectors, SAMPLE.vectors)
    assert not np.array_equal(other.vectors, SAMPLE.vectors)


def test_exact_answers_have_full_recall() -> None:
    found = answers_without_own(exact(TRUTH.queries, 11), TRUTH.own)
    assert (found != TRUTH.own[:, None]).all()
    assert recalls(found, VECTORS, TRUTH).min() == 1.0


def test_each_wrong_answer_costs_a_tenth() -> None:
    found = answers_without_own(exact(TRUTH.queries, 11), TRUTH.own)
    farthest = np.argsort(TRUTH.queries @ VECTORS.T, axis=1)
    found[:, 7:] = farthest[:, :3]
    assert np.allclose(recalls(found, VECTORS, TRUTH), 0.7)


def test_an_answer_given_twice_and_an_empty_one_count_for_nothing() -> None:
    found = answers_without_own(exact(TRUTH.queries, 11), TRUTH.own)
    found[:, 9], found[:, 8] = found[:, 0], -1
    assert np.allclose(recalls(found, VECTORS, TRUTH), 0.8)


def test_a_tie_counts_whichever_copy_is_found() -> None:
    copies = np.repeat(VECTORS[:1], 40, axis=0)
    sample = QuerySample(copies[:2], np.array([0, 1], np.int32))
    truth = find_truth(copies, sample, lambda vectors: vectors)
    found = np.array([range(10, 20), range(25, 35)], np.int32)
    assert recalls(found, copies, truth).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("n", "expected"), [(1, 0), (2, 1), (7, 6), (11, 10)])
def test_a_tiny_catalogue_expects_fewer_answers(n: int, expected: int) -> None:
    few = VECTORS[:n]
    sample = QuerySample(few, np.arange(n, dtype=np.int32))
    truth = find_truth(few, sample, lambda vectors: vectors)
    assert truth.expected == expected
    found = np.argsort(-(few @ few.T), axis=1)[:, :11].astype(np.int32)
    assert recalls(answers_without_own(found, truth.own), few, truth).min() == 1.0


class Limited:
    """A search that is as good as epsilon allows: it sees that share of the vectors."""

    def __call__(self, queries: np.ndarray, k: int, epsilon: float, candidates: int) -> np.ndarray:
        seen = np.arange(int(len(VECTORS) * min(1.0, epsilon + candidates / 1000)))
        return exact_among(queries, seen, k)

    def recall(self, epsilon: float) -> float:
        """The lesser of what counts with ten candidates."""
        found = self(TRUTH.queries, 11, epsilon, 10)
        right = recalls(answers_without_own(found, TRUTH.own), VECTORS, TRUTH).mean()
        itself = (found[TRUTH.own >= 0, 0] == TRUTH.own[TRUTH.own >= 0]).mean()
        return float(min(right, 2 * itself - 1))


class Clocked:
    """A search on a clock of its own: all calls take as long, or longer with more candidates."""

    def __init__(self, search: Search, *, slower: bool) -> None:
        self.search = search
        self.slower = slower
        self.now = 0.0

    def __call__(self, queries: np.ndarray, k: int, epsilon: float, candidates: int) -> np.ndarray:
        self.now += candidates if self.slower else 1
        return self.search(queries, k, epsilon, candidates)

    def tune(self, settings: IndexSettings) -> Tuning:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evaluate.time, "process_time", lambda: self.now)
            return tune(self, VECTORS, TRUTH, settings)


def exact_among(queries: np.ndarray, seen: np.ndarray, k: int) -> np.ndarray:
    order = np.argsort(-(queries @ VECTORS[seen].T), axis=1)[:, :k]
    return seen[order].astype(np.int32)


def test_tuning_stops_climbing_where_the_target_is_met() -> None:
    settings = IndexSettings(epsilons=(0.1, 0.5, 0.9, 0.99, 1.0), candidates=(10, 100))
    tuning = Clocked(Limited(), slower=False).tune(settings)
    assert tuning.reached
    assert tuning.chosen.recall >= 0.995
    tried = {(point.candidates, point.epsilon) for point in tuning.curve}
    assert {(10, 0.9), (10, 0.99), (100, 0.5), (100, 0.9)} <= tried
    assert (10, 1.0) not in tried


def test_what_is_slower_than_the_best_is_not_pursued() -> None:
    settings = IndexSettings(epsilons=(0.1, 0.5, 0.9, 0.99, 1.0), candidates=(10, 100))
    tuning = Clocked(Limited(), slower=True).tune(settings)
    assert tuning.reached
    assert tuning.chosen.candidates == 10
    assert [point.epsilon for point in tuning.curve if point.candidates == 100] == [0.1]


def test_strides_are_halved_until_the_first_epsilon_that_is_enough_is_known() -> None:
    epsilons = tuple(round(0.3 + step / 50, 2) for step in range(36))
    asked: list[float] = []

    def counted(queries: np.ndarray, k: int, epsilon: float, candidates: int) -> np.ndarray:
        asked.append(epsilon)
        return Limited()(queries, k, epsilon, candidates)

    settings = IndexSettings(epsilons=epsilons, candidates=(10,), target_recall=0.9)
    tuning = tune(counted, VECTORS, TRUTH, settings)
    reach = [e for e in epsilons if Limited().recall(e) >= 0.905]
    assert min(e for e in asked if Limited().recall(e) >= 0.905) == reach[0]
    assert max(e for e in asked if e < reach[0]) == epsilons[epsilons.index(reach[0]) - 1]
    assert len(asked) < 14
    assert [point.epsilon for point in tuning.curve] == sorted(asked)


class Timed:
    """A search whose time is told by its clock: a millisecond for each hundredth of epsilon."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(evaluate.time, "process_time", lambda: self.now)

    def __call__(self, queries: np.ndarray, k: int, epsilon: float, candidates: int) -> np.ndarray:
        self.now += len(queries) * (epsilon * 0.1 + candidates / 1e6)
        return Limited()(queries, k, epsilon, candidates)


def test_within_a_latency_budget_the_best_recall_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epsilons = tuple(round(step / 20, 2) for step in range(1, 21))
    settings = IndexSettings(epsilons=epsilons, candidates=(10, 20), latency_budget_ms=45.05)
    tuning = tune(Timed(monkeypatch), VECTORS, TRUTH, settings)
    assert tuning.reached
    assert (tuning.chosen.epsilon, tuning.chosen.candidates) == (0.45, 20)
    assert 1000 / tuning.chosen.queries_per_second <= 45.05


def test_a_budget_that_nothing_keeps_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = IndexSettings(epsilons=(0.5, 0.9), candidates=(10,), latency_budget_ms=1.0)
    assert not tune(Timed(monkeypatch), VECTORS, TRUTH, settings).reached


def test_only_the_regions_of_a_segment_are_the_truth() -> None:
    rows = np.arange(0, 600, 2, dtype=np.int32)
    sample = QuerySample(VECTORS[:20], np.arange(20, dtype=np.int32))
    truth = find_truth(VECTORS, sample, lambda vectors: vectors, rows)
    assert (truth.answers % 2 == 0).all()
    assert (truth.answers != truth.own[:, None]).all()
    alone = VECTORS[:20] @ VECTORS[rows].T
    alone[np.arange(0, 20, 2), np.arange(10)] = -np.inf
    assert np.allclose(truth.floor, np.sort(alone, axis=1)[:, -10], atol=1e-6)


def test_a_target_out_of_reach_is_said_and_the_best_is_chosen() -> None:
    settings = IndexSettings(epsilons=(0.1, 0.3, 0.5), candidates=(10,))
    tuning = tune(Limited(), VECTORS, TRUTH, settings)
    assert not tuning.reached
    assert tuning.chosen.epsilon == 0.5


def test_climbing_in_vain_is_given_up() -> None:
    settings = IndexSettings(epsilons=tuple(0.3 + i / 1e5 for i in range(9)), candidates=(10,))
    assert len(tune(Limited(), VECTORS, TRUTH, settings).curve) == 3


def test_candidates_that_bring_nothing_more_are_given_up() -> None:
    asked: set[int] = set()

    def blind(queries: np.ndarray, k: int, epsilon: float, candidates: int) -> np.ndarray:
        asked.add(candidates)
        return exact(queries, k)

    sizes = tuple(range(10, 200, 10))
    Clocked(blind, slower=True).tune(IndexSettings(epsilons=(0.1,), candidates=sizes))
    assert asked == {10, 20, 30}


class Edged:
    """A search that takes as long as it follows edges, and finds nothing with too few of them."""

    def __init__(self, needed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.needed, self.now = needed, 0.0
        self.asked: list[tuple[int, int]] = []
        monkeypatch.setattr(evaluate.time, "process_time", lambda: self.now)

    def __call__(self, edges: int) -> Search:
        def search(queries: np.ndarray, k: int, epsilon: float, candidates: int) -> np.ndarray:
            self.now += edges + candidates / 100
            self.asked.append((edges, candidates))
            return exact(queries, k) if edges >= self.needed else np.full((len(queries), k), -1)

        return search


@pytest.mark.parametrize(("needed", "chosen"), [(1, 15), (20, 25), (30, 40)])
def test_a_search_follows_as_few_edges_as_will_do(
    needed: int, chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    edged = Edged(needed, monkeypatch)
    settings = IndexSettings(epsilons=(0.1,), candidates=(10, 20))
    tuning = tune_graph(edged, 25, VECTORS, TRUTH, settings)
    assert tuning.reached
    assert (tuning.chosen.edges, tuning.chosen.candidates) == (chosen, 10)
    assert {point.edges for point in tuning.curve} == {25, *OTHER_EDGES}
    assert {candidates for edges, candidates in edged.asked if edges != 25} == {10}


def test_where_all_edges_are_needed_no_fewer_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    edged = Edged(0, monkeypatch)
    settings = IndexSettings(epsilons=(0.1,), candidates=(10,))
    assert tune_graph(edged, 0, VECTORS, TRUTH, settings).reached
    assert edged.asked == [(0, 10)]


def test_where_no_edges_reach_the_target_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = IndexSettings(epsilons=(0.1,), candidates=(10,))
    assert not tune_graph(Edged(100, monkeypatch), 25, VECTORS, TRUTH, settings).reached


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_recall": 1.5},
        {"epsilons": ()},
        {"epsilons": (0.2, 0.1)},
        {"candidates": (5,)},
        {"threads": 0},
        {"stored": "float8"},
        {"reduced_dim": -1},
        {"weights": ("one=0.5", "two")},
        {"weights": ("one=0.5", "one=0.2")},
        {"weights": ("one=-1",)},
        {"weights": ("one=nan",)},
        {"weights": ("one=1e308", "two=1e308")},
        {"extractor": "one@1", "weights": ("one=1",)},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        IndexSettings(**wrong)  # type: ignore[arg-type]


def test_weights_are_made_to_sum_to_one() -> None:
    shares = IndexSettings(weights=("one@1=3", "two=1")).shares()
    assert shares == {"one@1": 0.75, "two": 0.25}
    assert IndexSettings().shares() == {}
