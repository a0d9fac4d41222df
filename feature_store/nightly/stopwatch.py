"""How long each step of a build took, told while it runs and noted when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from feature_store.memory import peak_bytes

_T = TypeVar("_T")


@dataclass(frozen=True)
class Step:
    """Where a build is."""

    name: str
    """What it does: gather, reduce, graph, tune, neighbours, measure, …"""
    segment: str | None = None
    """The segment that it does it for; None: for all."""
    share: float = 0.0
    """How much of the step is done, 0..1, as far as that is known."""
    forecast_seconds: float | None = None
    """How long the whole build is expected to take, once that is known."""


Progress = Callable[[Step], None]


def unheard(step: Step) -> None:
    """Tell nobody."""


class Stopwatch:
    """Notes how long each named step took."""

    def __init__(self, progress: Progress = unheard, segment: str | None = None) -> None:
        """Start with no steps."""
        self.seconds: dict[str, float] = {}
        self.progress = progress
        self.segment = segment

    @contextmanager
    def __call__(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time one step; what is yielded hears which share of it is done."""

        def tell(share: float) -> None:
            self.progress(Step(name, self.segment, share))

        tell(0.0)
        started = time.perf_counter()
        yield tell
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def steps(self, name: str, made: Iterable[_T]) -> Iterator[_T]:
        """Time the making of each thing of `made`, but not what is done with it."""
        iterator = iter(made)
        while True:
            with self(name):
                thing = next(iterator, None)
            if thing is None:
                return
            yield thing

    def cost(self) -> dict[str, Any]:
        """Return seconds by step, and the most memory this process has held so far."""
        return {"seconds": dict(self.seconds), "peak_memory_bytes": peak_bytes()}


def joined_cost(costs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what several processes took: the sum of seconds by step, the most memory of one."""
    seconds: dict[str, float] = {}
    peak = 0
    for cost in costs:
        for name, spent in cost["seconds"].items():
            seconds[name] = seconds.get(name, 0.0) + spent
        peak = max(peak, cost["peak_memory_bytes"])
    return {"seconds": seconds, "peak_memory_bytes": peak}
