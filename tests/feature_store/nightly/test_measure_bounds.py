"""Intervals hold the true value as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.nightly.measure_bounds import Bounded, Summed, difference, distance
from feature_store.quality.intervals import wilson


def test_wilsons_interval_is_that_of_the_book() -> None:
    # Newcombe (1998), table I: 81 of 263.
    low, high = wilson(81 / 263, 263, 0.95)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(1.0, 10, 0.95) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0.0, 10, 0.95) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_newcombes_difference_is_that_of_the_book() -> None:
    # Newcombe (1998), "Interval estimation for the difference", example a: 56/70 and 48/80.
    first = Bounded(56 / 70, *wilson(56 / 70, 70, 0.95))
    second = Bounded(48 / 80, *wilson(48 / 80, 80, 0.95))
    found = difference(first, second)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize("kind", ["yes or no", "shares of ten", "in clusters"])
def test_an_interval_of_a_mean_holds_the_true_one(kind: str) -> None:
    random = np.random.default_rng(4)
    truth, held = 0.93, 0
    for _ in range(2000):
        if kind == "yes or no":
            values = (random.random(60) < truth).astype(float)
        elif kind == "shares of ten":
            values = random.binomial(10, truth, 60) / 10
        else:
            values = random.beta(9.3, 0.7, 60)
        low, high = Summed.of(values).mean(0.95)[1:]
        held += low <= truth <= high
    assert held / 2000 >= 0.93


def test_ten_answers_to_a_question_tell_more_than_one() -> None:
    random = np.random.default_rng(4)
    shares = Summed.of(random.binomial(10, 0.9, 60) / 10).mean(0.95)
    answers = Summed.of(random.random(60) < 0.9).mean(0.95)
    assert shares.high - shares.low < 0.6 * (answers.high - answers.low)


def test_the_distance_of_two_samples_of_one_distribution_is_not_shown_to_be_one() -> None:
    random = np.random.default_rng(4)
    bins = np.linspace(-5, 5, 200)
    same = [np.histogram(random.normal(size=500), bins)[0] for _ in range(2)]
    assert distance(same[0], same[1], 0.95).low == 0.0
    moved = np.histogram(random.normal(1.0, size=500), bins)[0]
    found = distance(same[0], moved, 0.95)
    assert found.low > 0.1
    assert abs(found.value - 0.38) < 0.08  # 2 Φ(1/2) - 1
