"""Intervals hold what they promise: Newcombe's published example, and coverage when drawn often."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.events.shares import Share, design_effect, difference


def test_a_share_is_told_with_its_interval() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998): 15 of 148 are 0.0624 to 0.1605.
    told = Share(15, 148).to_dict()
    assert told == {"count": 15, "of": 148, "share": 0.10135, "low": 0.06239, "high": 0.16049}


def test_nothing_says_nothing() -> None:
    assert Share(0, 0).share == 0
    assert Share(0, 0).interval == (0, 1)
    assert difference(Share(0, 0), Share(0, 0)) == (0, -1, 1)


def test_a_share_is_never_more_than_all() -> None:
    assert Share(3, 2).share == 1
    assert Share(3, 2).interval[1] == 1


def test_the_difference_is_newcombe_s() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table II, method 10: 56/70 and 48/80.
    apart, low, high = difference(Share(48, 80), Share(56, 70))
    assert apart == pytest.approx(0.2)
    assert [low, high] == pytest.approx([0.0524, 0.3339], abs=5e-5)
    # The other way round everything turns.
    assert difference(Share(56, 70), Share(48, 80)) == pytest.approx((-apart, -high, -low))


def test_independent_trials_have_hardly_an_effect() -> None:
    rng = np.random.default_rng(1)
    trials = np.full(2000, 20)
    assert design_effect(rng.binomial(20, 0.1, 2000), trials) == pytest.approx(1, abs=0.1)


def test_items_that_draw_clicks_and_items_that_do_not_have_one() -> None:
    # Kish: 1 + (m - 1) rho, with m trials a cluster and the correlation rho within them.
    rng = np.random.default_rng(2)
    rates = rng.beta(1, 9, 4000)
    trials = np.full(4000, 20)
    assert design_effect(rng.binomial(20, rates), trials) == pytest.approx(1 + 19 / 11, rel=0.1)


@pytest.mark.parametrize(
    ("counts", "trials"),
    [([], []), ([3], [9]), ([0, 0], [5, 5]), ([5, 5], [5, 5]), ([1, 0], [0, 0])],
)
def test_where_nothing_can_be_told_there_is_no_effect(counts: list[int], trials: list[int]) -> None:
    assert design_effect(np.array(counts, np.int64), np.array(trials, np.int64)) == 1


def test_the_interval_of_clustered_answers_covers_the_truth() -> None:
    """Drawn 400 times as a canary is, by item: without the effect a third of them would miss it."""
    rng = np.random.default_rng(3)
    trials = np.full(120, 25)

    def covers(*, effect: bool) -> float:
        hits = 0
        for _ in range(400):
            sides = []
            for _ in range(2):
                counts = rng.binomial(25, rng.beta(1, 9, 120))
                of = design_effect(counts, trials) if effect else 1.0
                sides.append(Share(int(counts.sum()), int(trials.sum()), of))
            _, low, high = difference(*sides)
            hits += low <= 0 <= high
        return hits / 400

    assert 0.92 <= covers(effect=True) <= 0.99
    assert covers(effect=False) < 0.85
