"""Intervals: what is known of the whole from a sample."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.quality.intervals import wilson


class Bounded(NamedTuple):
    """A figure and the interval that holds the true one."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return plain values, rounded to what a person can use."""
        return {name: round(float(value), 7) for name, value in self._asdict().items()}


class Summed(NamedTuple):
    """What is kept of values in 0..1: how many they are, their sum and the sum of squares."""

    number: float
    total: float
    squares: float

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Summed:
        """Sum up values (n,)."""
        exact = np.asarray(values, np.float64)
        return cls(len(exact), float(exact.sum()), float((exact**2).sum()))

    def mean(self, confidence: float) -> Bounded:
        """Return the mean with its interval.

        Wilson's interval for a proportion (Wilson 1927), with the effective sample size that gives
        a proportion the variance that was seen (Korn and Graubard 1998; Franco et al. 2019 find it
        good for clustered samples): the ten answers to one question are no ten samples. That size
        is between the count and ten times the count.
        """
        mean = min(1.0, max(0.0, self.total / self.number))
        variance = max(0.0, self.squares / self.number - mean**2)
        most = mean * (1 - mean)
        size = self.number * (min(10.0, max(1.0, most / variance)) if variance > 0 else 1.0)
        return Bounded(mean, *wilson(mean, size, confidence))


def exact(value: float) -> Bounded:
    """Return a figure that was counted, not sampled."""
    return Bounded(value, value, value)


def difference(first: Bounded, second: Bounded) -> Bounded:
    """Return `first` less `second`, with the interval of Newcombe (1998), method 10."""
    d = first.value - second.value
    low = np.hypot(first.value - first.low, second.high - second.value)
    high = np.hypot(first.high - first.value, second.value - second.low)
    return Bounded(d, d - float(low), d + float(high))


def distance(first: npt.NDArray[Any], second: npt.NDArray[Any], confidence: float) -> Bounded:
    """Return the Kolmogorov-Smirnov distance of two histograms (bins,) over the same bins.

    The interval is that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990) for each
    of the two.
    """
    n, m = float(first.sum()), float(second.sum())
    gap = float(np.abs(np.cumsum(first) / n - np.cumsum(second) / m).max())
    half = float(np.sqrt(np.log(2 / (1 - confidence)) / 2) * (n**-0.5 + m**-0.5))
    return Bounded(gap, max(0.0, gap - half), min(1.0, gap + half))
