"""Measure one index: what building it costs, and how fast it answers at each recall."""

from __future__ import annotations

import math
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.index.evaluate import Truth, recalls
from feature_store.memory import peak_bytes
from tests.benchmarks.index_data import Dataset
from tests.benchmarks.index_engines import ENGINES, Floats, Setting


@dataclass
class Point:
    """One setting of one engine: what it finds, and the processor time of each round."""

    label: str
    recall: float
    processor_seconds: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def per_second(self, queries: int) -> float:
        """Queries/s by the processor time of the round that was disturbed least.

        One thread asks, so that on an idle machine this is the clock's time.
        """
        return queries / min(self.processor_seconds)


def build(engine: str, dataset: Dataset, folder: Path, target: float) -> dict[str, Any]:
    """Build an index in this process, which does nothing else; tell what it took."""
    folder.mkdir(parents=True)
    vectors = dataset.vectors
    before, started, busy = peak_bytes(), time.perf_counter(), _busy_seconds()
    told = ENGINES[engine].build(vectors, folder, target)
    seconds, busy = time.perf_counter() - started, _busy_seconds() - busy
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    # The other indexes hold the vectors themselves.
    own = vectors.nbytes if engine == "nitamono" else 0
    return {
        "seconds": seconds,
        "processor_seconds": busy,
        "peak_bytes": peak_bytes(),
        "peak_before_bytes": before,
        "index_bytes": size + own,
        **told,
    }


def _busy_seconds() -> float:
    """Processor time of this process, and of the copying that NGT has done by another one."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def search(
    dataset: Dataset, home: Path, engines: Sequence[str], target: float, rounds: int
) -> dict[str, list[Point]]:
    """Ask every query at every setting, in rounds in which the engines take turns.

    The first round finds out how far each engine has to go: to the third setting that reaches the
    target, and some way towards it before.
    """
    vectors, truth = dataset.vectors, dataset.truth()
    points: dict[str, list[Point]] = {name: [] for name in engines}
    kept: dict[str, list[Setting]] = {name: [] for name in engines}
    for name in engines:
        for setting in ENGINES[name].settings(vectors, home / name):
            found = ask_one_by_one(setting, truth.queries[:50])  # what is read for the first time
            found = ask_one_by_one(setting, truth.queries)
            recall = float(recalls(found.astype(np.int32), vectors, truth).mean())
            kept[name].append(setting)
            points[name].append(Point(setting.label, recall))
            if sum(point.recall >= target for point in points[name]) == 3:
                break
    for _ in range(rounds):
        for place in range(max(map(len, kept.values()))):
            for name in engines:
                if place < len(kept[name]):
                    _time(kept[name][place], points[name][place], truth)
    return points


def _time(setting: Setting, point: Point, truth: Truth) -> None:
    started, busy = time.perf_counter(), time.process_time()
    ask_one_by_one(setting, truth.queries)
    point.processor_seconds.append(time.process_time() - busy)
    point.seconds.append(time.perf_counter() - started)


def ask_one_by_one(setting: Setting, queries: Floats) -> npt.NDArray[np.integer[Any]]:
    """Ask one query a call, as a service is asked."""
    return np.concatenate([setting.ask(query) for query in queries[:, None]])


def at_target(points: Sequence[Point], target: float, queries: int) -> float | None:
    """Return queries/s at exactly the target recall; None if no setting reaches it.

    Between the last setting below it and the first that reaches it, the logarithm of queries/s is
    taken to fall evenly with that of the share of answers that are missed, which is what the curves
    of all engines look like. Where even the quickest setting reaches the target, it is that one's.
    """
    reached = next((n for n, point in enumerate(points) if point.recall >= target), None)
    if reached is None:
        return None
    above = points[reached]
    if reached == 0 or above.recall == target:
        return above.per_second(queries)
    below = points[reached - 1]
    missed = [math.log(max(1 - recall, 1e-5)) for recall in (below.recall, target, above.recall)]
    share = (missed[1] - missed[0]) / (missed[2] - missed[0])
    logs = [math.log(point.per_second(queries)) for point in (below, above)]
    return math.exp(logs[0] + share * (logs[1] - logs[0]))


def plain(points: Sequence[Point], queries: int) -> list[dict[str, Any]]:
    """Return the points as plain values."""
    return [
        {
            "setting": point.label,
            "recall": round(point.recall, 5),
            "queries_per_second": round(point.per_second(queries), 1),
            "median_queries_per_second": round(
                queries / statistics.median(point.processor_seconds), 1
            ),
            "by_the_clock": round(queries / min(point.seconds), 1),
        }
        for point in points
    ]
