"""Measure a bundle with the searcher that will serve it: is it complete, right and fast?"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import pyarrow.compute as pc

from feature_store.bundle.search import Searcher
from feature_store.index.evaluate import (
    RECALL_AT,
    answers_without_own,
    find_truth,
    recalls,
    sample_queries,
)
from feature_store.index.settings import IndexSettings
from feature_store.nightly.gather import Gathered
from feature_store.tables import Snapshot

TIMED_CALLS = 200

_T = TypeVar("_T")


class Stopwatch:
    """Notes how long each named step took."""

    def __init__(self) -> None:
        """Start with no steps."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time one step."""
        started = time.perf_counter()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - started

    def steps(self, step: str, made: Iterable[_T]) -> Iterator[_T]:
        """Time the making of each thing of `made`, but not what is done with it."""
        iterator = iter(made)
        while True:
            with self(step):
                thing = next(iterator, None)
            if thing is None:
                return
            yield thing

    def cost(self) -> dict[str, Any]:
        """Return seconds by step, and the most memory this process has held so far."""
        # Linux counts in kilobytes, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return {"seconds": dict(self.seconds), "peak_memory_bytes": peak}


def measure(
    searcher: Searcher, gathered: Gathered, snapshot: Snapshot, settings: IndexSettings
) -> dict[str, Any]:
    """Return plain values: under `gate` what the index gate judges, and how fast answers come.

    The queries are other ones than those of the tuning.
    """
    bundle = searcher.bundle
    sample = sample_queries(
        gathered.vectors, bundle.neighbours, settings.sample_size, settings.seed + 1
    )
    truth = find_truth(bundle.vectors[:], sample, bundle.projection.centre)
    found = searcher.nearest(sample.vectors, RECALL_AT + 1).regions
    recall = recalls(answers_without_own(found, sample.own), bundle.vectors[:], truth)
    between = sample.own < 0
    return {
        "gate": {
            "snapshot_regions": snapshot.coverage(bundle.manifest.extractor).regions,
            "indexed_regions": len(bundle.regions),
            **_items(searcher, snapshot),
            "self_retrieval": self_retrieval(searcher, gathered, settings),
            "recall_at_10": float(recall.mean()),
            "queries": len(recall),
        },
        "recall_of_regions": float(recall[~between].mean()) if (~between).any() else None,
        "recall_between_regions": float(recall[between].mean()) if between.any() else None,
        "latency_ms": _latencies(searcher, gathered, settings),
    }


def self_retrieval(searcher: Searcher, gathered: Gathered, settings: IndexSettings) -> float:
    """Return the share of sampled regions that are found first, or tied, when asked for.

    A region that has the very same vector is as right as the region itself.
    """
    random = np.random.default_rng(settings.seed + 2)
    rows = random.permutation(len(gathered.vectors))[: settings.sample_size]
    asked = np.ascontiguousarray(gathered.vectors[rows])
    found = searcher.nearest(asked, 1).regions[:, 0]
    # An unanswered query has region -1, whose vector is the last one's: it does not count.
    same = (gathered.vectors[found] == asked).all(axis=1) & (found >= 0)
    return float(same.mean())


def _items(searcher: Searcher, snapshot: Snapshot) -> dict[str, Any]:
    """Return how many live items have an indexed image, and which of them the bundle lacks."""
    ledger = snapshot.ledger()
    indexed = ledger.filter(pc.equal(ledger["status"], "indexed"))
    expected = pc.unique(indexed["item_id"])
    held = searcher.bundle.items["item_id"].combine_chunks()
    missing = expected.filter(pc.invert(pc.is_in(expected, value_set=held)))
    return {"live_items": len(expected), "missing_items": missing.to_pylist()}


def _latencies(
    searcher: Searcher, gathered: Gathered, settings: IndexSettings
) -> dict[str, dict[str, float]]:
    """Return milliseconds of the two commonest questions, one thread, one after the other."""
    random = np.random.default_rng(settings.seed + 3)
    ids = searcher.bundle.items["item_id"]
    items = [ids[int(i)].as_py() for i in random.integers(0, len(ids), TIMED_CALLS)]
    rows = random.integers(0, len(gathered.vectors), TIMED_CALLS)
    vectors = np.ascontiguousarray(gathered.vectors[rows])
    return {
        "similar": _timed(searcher.similar, items),
        "by_vector": _timed(searcher.by_vector, vectors),
    }


def _timed(call: Callable[[Any], object], questions: Iterable[Any]) -> dict[str, float]:
    taken = []
    for question in questions:
        started = time.perf_counter()
        call(question)
        taken.append(1000 * (time.perf_counter() - started))
    p50, p95 = np.percentile(taken, [50, 95])
    return {"p50": float(p50), "p95": float(p95)}
