"""Measure a bundle with the searcher that will serve it: is it complete, right and fast?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from feature_store.bundle.open import Bundle
from feature_store.bundle.opening import registry_of
from feature_store.bundle.search import Searcher
from feature_store.compare.opening import opened
from feature_store.errors import BundleError, StorageError
from feature_store.nightly.measure_anew import Anew, read_anew, vectors_right
from feature_store.nightly.measure_bounds import Bounded, exact
from feature_store.nightly.measure_counts import Shrinkage, Stock
from feature_store.nightly.measure_lists import Before, ListFigures, Lists
from feature_store.nightly.measure_search import ask
from feature_store.nightly.needs import NightlySettings
from feature_store.nightly.slices import Dimension, Pool, attribute_of, divide, draw, pools
from feature_store.quality.index_gate import IndexGate
from feature_store.tables import Snapshot

log = logging.getLogger(__name__)

TIMED_CALLS = 200

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


def measure(
    searcher: Searcher, snapshot: Snapshot, settings: NightlySettings, scratch: Path
) -> dict[str, Any]:
    """Return plain values: under `gate` what the index gate judges, and how fast answers come.

    All is held against the snapshot, read anew by the names of items and regions; a temporary file
    of all its vectors is written in `scratch`. The questions are other ones than the tuning's.
    """
    bundle, gate = searcher.bundle, settings.quality.read_index_gate()
    with _live(settings, bundle.bundle_id) as live, read_anew(bundle, snapshot, scratch) as anew:
        study = _Study(searcher, snapshot, anew, gate, live, settings.index.seed + 1)
        return {
            "gate": study.to_json(),
            **study.recalls(),
            "latency_ms": _latencies(searcher, anew, settings.index.seed + 3),
        }


@contextmanager
def _live(settings: NightlySettings, other_than: str) -> Iterator[Bundle | None]:
    """Open the live bundle, to compare with; None if there is none, or it cannot be used."""
    registry = registry_of(settings)
    with ExitStack() as stack:
        try:
            live = registry.current()
            there = live is not None and live != other_than
            bundle = stack.enter_context(opened(registry, str(live))) if there else None
        except (BundleError, StorageError) as error:
            log.warning("the live bundle cannot be compared with: %s", error)
            bundle = None
        yield bundle


class _Study:
    """Everything that is measured on one bundle, of all and slice by slice."""

    def __init__(
        self,
        searcher: Searcher,
        snapshot: Snapshot,
        anew: Anew,
        gate: IndexGate,
        live: Bundle | None,
        seed: int,
    ) -> None:
        self.bundle, self.gate, self.live = searcher.bundle, gate, live
        bundle = searcher.bundle
        self.stock = Stock.of(bundle, snapshot)
        live_ids = None if live is None else live.items["item_id"].combine_chunks()
        segmented_by = bundle.manifest.segmented_by
        self.dimensions = divide(self.stock.items, gate.grouping, segmented_by, live_ids)
        self.counts = self.stock.counts(bundle, snapshot, anew)
        self.right = vectors_right(bundle, anew)
        rows = self.stock.row_of_item[bundle.owners]
        self.codes = [_taken(dimension.codes, rows) for dimension in self.dimensions]
        self.sample = draw(self.codes, len(bundle.regions), gate.sampling, seed)
        self.asked = ask(searcher, anew, self.sample)
        self.figures = self._list_figures()
        self.shrinkage = None
        if live is not None:
            self.shrinkage = Shrinkage.of(bundle, live, self.stock, self.dimensions)

    def _list_figures(self) -> ListFigures:
        """Read the stored lists, with the labels of today for both bundles' items."""
        bundle, label = self.bundle, self.gate.label
        named = attribute_of(self.stock.items, label) if label else None
        codes = np.full(len(self.stock.items), -1, np.int32)
        if named is not None:
            codes = named.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int32)
        lists = Lists.of(bundle, _taken(codes, self.stock.row_of_item))
        before = None
        if self.live is not None:
            ids = self.stock.items["item_id"].combine_chunks()
            places = pc.index_in(self.live.items["item_id"].combine_chunks(), value_set=ids)
            rows = places.fill_null(-1).to_numpy().astype(np.int64)
            before = Before.of(bundle, self.live, _taken(codes, rows))
        return ListFigures(lists, bundle.items["item_id"], before, self.gate.confidence)

    def recalls(self) -> dict[str, float | None]:
        """Return the recall of regions, and of points between two, by themselves."""
        recall, regions = self.asked.recall, len(self.sample.rows)
        parts = {"recall_of_regions": recall[:regions], "recall_between_regions": recall[regions:]}
        return {name: float(part.mean()) if len(part) else None for name, part in parts.items()}

    def to_json(self) -> dict[str, Any]:
        """Return what the gate judges, as plain values."""
        slices = []
        for dimension, codes, sampled in zip(
            self.dimensions, self.codes, self.sample.of_slice, strict=True
        ):
            fewest = self.gate.sampling.min_queries
            judged = pools(dimension, codes, sampled, self.asked.vectors, fewest)
            slices += [self._slice(dimension, pool, codes) for pool in judged]
            slices += self._lost(dimension, codes)
        return {
            "counts": self.counts,
            "missing": self.stock.missing(),
            "label": self.gate.label,
            "live": self._compared(),
            "overall": self._overall(),
            "slices": slices,
        }

    def _overall(self) -> dict[str, Any]:
        every = np.arange(len(self.bundle.regions))
        metrics = self._sampled(every, self.sample.overall)
        metrics["vectors_right"] = exact(float(self.right.mean()))
        metrics["coverage"] = exact(float(self.stock.held.mean()) if len(self.stock.held) else 1.0)
        if self.shrinkage is not None:
            metrics["shrinkage"] = self.shrinkage.of_all
        metrics["hub_skewness"] = self.figures.skewness()
        return {
            "items": len(self.bundle.items),
            "regions": len(every),
            "queries": len(self.sample.overall),
            "metrics": _plain(metrics),
            "hub": self._hub(every),
        }

    def _slice(self, dimension: Dimension, pool: Pool, codes: Ints) -> dict[str, Any]:
        mine = codes == pool.code
        metrics = self._sampled(pool.rows, pool.sample)
        metrics["vectors_right"] = exact(float(self.right[mine].mean()))
        metrics["coverage"] = self.stock.coverage(dimension.codes, pool.code)
        if self.shrinkage is not None:
            metrics["shrinkage"] = self.shrinkage.of_slice(dimension.name, pool.value)
        return {
            "dimension": dimension.name,
            "value": pool.value,
            "merged_with": list(pool.merged_with),
            "items": int((dimension.codes == pool.code).sum()),
            "regions": int(mine.sum()),
            "queries": len(pool.sample),
            "metrics": _plain(metrics),
            "hub": self._hub(pool.rows),
        }

    def _lost(self, dimension: Dimension, codes: Ints) -> list[dict[str, Any]]:
        """Return the slices of which the bundle holds no region at all: they have a coverage."""
        lost = []
        for code in sorted(set(dimension.codes.tolist()) - set(codes.tolist())):
            coverage = self.stock.coverage(dimension.codes, code)
            lost.append(
                {
                    "dimension": dimension.name,
                    "value": dimension.values[code],
                    "merged_with": [],
                    "items": int((dimension.codes == code).sum()),
                    "regions": 0,
                    "queries": 0,
                    "metrics": _plain({"coverage": coverage}),
                    "hub": None,
                }
            )
        return lost

    def _sampled(self, rows: Numbers, sample: Numbers) -> dict[str, Bounded | None]:
        return {**self.asked.of(sample, self.gate.confidence), **self.figures.of(rows)}

    def _hub(self, rows: Numbers) -> dict[str, Any] | None:
        hub = self.figures.hub(rows)
        return None if hub is None else {"item_id": hub.item_id, "even": round(hub.even, 5)}

    def _compared(self) -> dict[str, Any] | None:
        if self.live is None:
            return None
        counts = self.live.manifest.counts
        return {
            "bundle_id": self.live.bundle_id,
            "items": counts.items,
            "regions": counts.regions,
            "same_extractor": self.live.manifest.parts == self.bundle.manifest.parts,
        }


def _plain(metrics: dict[str, Bounded | None]) -> dict[str, dict[str, float]]:
    return {name: figure.to_json() for name, figure in metrics.items() if figure is not None}


def _taken(codes: Ints, rows: Numbers) -> Ints:
    """Return the codes of `rows`, -1 for row -1."""
    if not len(codes):
        return np.full(len(rows), -1, np.int32)
    return np.where(rows >= 0, codes[rows], -1).astype(np.int32)


def _latencies(searcher: Searcher, anew: Anew, seed: int) -> dict[str, dict[str, float]]:
    """Return milliseconds of the two commonest questions, one thread, one after the other."""
    random = np.random.default_rng(seed)
    ids = searcher.bundle.items["item_id"]
    items = [ids[int(i)].as_py() for i in random.integers(0, len(ids), TIMED_CALLS)]
    known = np.flatnonzero(anew.found)
    rows = known[random.integers(0, len(known), TIMED_CALLS)] if len(known) else known
    vectors = np.ascontiguousarray(anew.vectors[rows])
    return {
        "similar": _timed(searcher.similar, items),
        "by_vector": _timed(searcher.by_vector, vectors),
    }


def _timed(call: Callable[[Any], object], questions: Iterable[Any]) -> dict[str, float]:
    taken = [0.0]
    for question in questions:
        started = time.perf_counter()
        call(question)
        taken.append(1000 * (time.perf_counter() - started))
    p50, p95 = np.percentile(taken, [50, 95])
    return {"p50": float(p50), "p95": float(p95)}
