"""A synthetic catalogue as a published bundle, and the questions that are asked of it.

Every item has one photo and one region. The bundle is written by the library's own writer and has
what a nightly build gives one: tables, stored neighbours, a tuned graph. What has been made is kept
under NITAMONO_HOME/bench/serving.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Console

from feature_store.bundle import BundleRegistry
from feature_store.bundle.format import (
    BACKGROUND,
    COMPONENTS,
    FACETS_FILE,
    GRAPH,
    ITEMS_FILE,
    MEAN,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    OBJECTS,
    REGION_ORDER,
    REGIONS_FILE,
    ROWS,
    VECTORS,
    Counts,
    Manifest,
    Part,
    SearchParameters,
    Segment,
)
from feature_store.bundle.ids import order_of
from feature_store.bundle.mapped import map_array
from feature_store.bundle.scores import Background, draw_sample
from feature_store.bundle.stored import StoredVectors
from feature_store.bundle.write import BundleWriter, seal, write_array
from feature_store.index.finders import ExactFinder
from feature_store.index.neighbours import BLOCK_ROWS, all_neighbours
from feature_store.index.settings import IndexSettings
from tests.benchmarks.index_data import draw_clusters
from tests.benchmarks.index_engines import Nitamono

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.integer[Any]]

LISTED = 100
"""Stored neighbours of a region."""
EXACT_ITEMS = 200_000
"""Of more items the neighbours are drawn: exact ones would take hours, and are as large."""
ASKED = 2000
"""Vectors that are asked for, none of which is an item's."""
STRIDE, IN_VAIN = 3, 0.0005
"""A gain of recall over a stride of epsilons that is not worth another."""
EXTRACTOR = "synthetic@000000000000"


@dataclass(frozen=True)
class Catalogue:
    """Vectors of items, vectors to ask for, and an index over the former, in a folder."""

    folder: Path

    @property
    def vectors(self) -> Floats:
        """float32 (n, dim), unit length."""
        return map_array(self.folder / "vectors.npy")

    @property
    def queries(self) -> Floats:
        """float32 (q, dim), unit length."""
        return np.asarray(map_array(self.folder / "queries.npy"))

    @property
    def tuned(self) -> dict[str, Any]:
        """Epsilon, candidates and edges of the search that reaches the target."""
        found: dict[str, Any] = json.loads((self.folder / "tuned.json").read_text())
        return found


def item_id(number: int) -> str:
    """Return an item's name; names sort as numbers do."""
    return f"item-{number:08d}"


def prepare(items: int, dim: int, target: float) -> Catalogue:
    """Draw vectors and build an index over them, unless an earlier run has left both."""
    home = Path(os.environ.get("NITAMONO_HOME", "var")).resolve() / "bench" / "serving"
    catalogue = Catalogue(home / f"clusters-{items}-{dim}-{target:g}")
    if (catalogue.folder / "done").is_file():
        return catalogue
    shutil.rmtree(catalogue.folder, ignore_errors=True)
    catalogue.folder.mkdir(parents=True)
    say(f"drawing {items:,} vectors of {dim} numbers, building an index over them")
    drawn = draw_clusters(items, dim, ASKED)
    for name, raw in zip(("vectors", "queries"), drawn, strict=True):
        vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        write_array(catalogue.folder / f"{name}.npy", vectors.shape, [vectors])
    vectors = np.asarray(catalogue.vectors)
    built = Nitamono().build(vectors, catalogue.folder, target)
    (catalogue.folder / "method").write_text(built["method"])
    say("listing neighbours")
    for name, listed in zip((NEIGHBOURS, NEIGHBOUR_SCORES), _listed(vectors), strict=True):
        write_array(catalogue.folder / name, listed.shape, [listed])
    (catalogue.folder / "done").touch()
    return catalogue


def publish(catalogue: Catalogue, home: Path, bundle_id: str, epsilon: float | None = None) -> None:
    """Write the catalogue as a sealed bundle under `home`, unless it is there, and publish it.

    `epsilon`: how far its graph is searched, if not as it was tuned.
    """
    registry = BundleRegistry(home / "bundles")
    folder = home / "bundles" / bundle_id
    if not folder.is_dir():
        with BundleWriter(home / "bundles", bundle_id) as writer:
            _write_tables(writer, len(catalogue.vectors))
            _write_vectors(writer, catalogue)
            writer.finish(_manifest(bundle_id, catalogue, epsilon))
        seal(folder, True, {"checks": []}, "<!doctype html><title>gate</title>")
    registry.publish(bundle_id)


def epsilon_for(catalogue: Catalogue, recall: float) -> float:
    """Return the smallest epsilon of a search that finds so much of the true ten nearest.

    Where none does, that from which on more of it is in vain.
    """
    truth = nearest_exact(catalogue.vectors, catalogue.queries, 10)
    epsilons = sorted({*IndexSettings().epsilons, catalogue.tuned["epsilon"]})
    settings = Nitamono().settings(np.asarray(catalogue.vectors), catalogue.folder)
    tried: list[tuple[float, float]] = []
    for epsilon, setting in zip(epsilons, settings, strict=True):
        found = np.concatenate([setting.ask(query) for query in catalogue.queries[:, None]])
        tried.append((recall_of(found, truth), epsilon))
        if tried[-1][0] >= recall:
            return epsilon
        if len(tried) > STRIDE and tried[-1][0] < tried[-1 - STRIDE][0] + IN_VAIN:
            break
    most = max(tried)[0] - IN_VAIN
    return next(epsilon for found, epsilon in tried if found >= most)


def nearest_exact(vectors: Floats, queries: Floats, k: int) -> npt.NDArray[np.int64]:
    """Return the k vectors that are nearest to each query, (q, k), nearest first."""
    found = []
    for start in range(0, len(queries), 200):
        cosines = queries[start : start + 200] @ vectors.T
        near = np.argpartition(-cosines, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(cosines, near, axis=1), axis=1)
        found.append(np.take_along_axis(near, order, axis=1))
    return np.concatenate(found)


def recall_of(found: Sequence[Sequence[int]] | Ids, truth: Ids) -> float:
    """Return the share of the true nearest items that were found, on average."""
    pairs = zip(found, truth, strict=True)
    return float(np.mean([len(np.intersect1d(mine, true)) / len(true) for mine, true in pairs]))


def say(text: str) -> None:
    """Tell whoever is waiting."""
    Console(stderr=True).print(text, highlight=False)


def _write_tables(writer: BundleWriter, items: int) -> None:
    numbers = np.arange(items, dtype=np.int32)
    names = [item_id(number) for number in range(items)]
    photos = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4 for number in range(items)]
    categories = pa.array([f"category {number % 40}" for number in range(items)])
    brands = pa.array([f"Brand {number % 997}" for number in range(items)])
    prices = pa.array(np.round(5 + numbers % 9000 / 10, 2))
    in_stock = pa.array(numbers % 10 > 0)
    addresses = [f"/images/{photo}.jpg" for photo in photos]
    ones = pa.array(np.ones(items, np.int32))
    writer.table(
        ITEMS_FILE,
        pa.table(
            {
                "item_id": names,
                "title": [f"A product of {number % 7} words, no. {number}" for number in numbers],
                "category": categories,
                "segment": pa.nulls(items, pa.string()),
                "brand": brands,
                "price": prices,
                "currency": pa.array(["EUR"] * items),
                "url": [f"https://shop.example/products/{name}" for name in names],
                "in_stock": in_stock,
                "attributes": pa.array(['{"colour": "blue"}'] * items),
                "images": pa.array([[address] for address in addresses]),
                "primary_region": numbers,
                "first_region": numbers,
                "region_count": ones,
            }
        ),
    )
    facets = {"item_id": names, "category": categories, "brand": brands, "price": prices}
    writer.table(FACETS_FILE, pa.table({**facets, "in_stock": in_stock}))
    whole = {"x0": 0, "y0": 0, "x1": 1, "y1": 1, "confidence": 0}
    regions = pa.table(
        {
            "item": numbers,
            "region_id": [f"{photo[:24]}-0-0-1-1" for photo in photos],
            "image_id": photos,
            "image_url": addresses,
            **{name: pa.array(np.full(items, 512, np.int32)) for name in ("width_px", "height_px")},
            "kind": pa.array(["whole"] * items),
            **{name: pa.array(np.full(items, at, np.float32)) for name, at in whole.items()},
            "subject": pa.array(np.ones(items, np.bool_)),
        }
    )
    writer.table(REGIONS_FILE, regions)
    writer.array(REGION_ORDER, order_of(regions["region_id"].combine_chunks()))


def _write_vectors(writer: BundleWriter, catalogue: Catalogue) -> None:
    vectors = np.asarray(catalogue.vectors)
    items, dim = vectors.shape
    segment = writer.folder / _SEGMENT
    segment.mkdir(parents=True)
    for source, name in (("objects", OBJECTS), ("components", COMPONENTS)):
        shutil.copy(catalogue.folder / f"{source}.npy", segment / name)
    shutil.copytree(catalogue.folder / "graph", segment / GRAPH)
    writer.array(f"{_SEGMENT}/{ROWS}", np.arange(items, dtype=np.int32))
    writer.array(VECTORS, vectors)
    writer.array(MEAN, np.zeros(dim, np.float32))
    for name in (NEIGHBOURS, NEIGHBOUR_SCORES):
        shutil.copy(catalogue.folder / name, writer.folder / name)
    sample = Background(draw_sample(StoredVectors(vectors), np.ones(items, np.bool_)))
    starts = range(0, items, BLOCK_ROWS)
    backgrounds = [sample.of(vectors[start : start + BLOCK_ROWS]) for start in starts]
    writer.array(BACKGROUND, np.concatenate(backgrounds))


def _listed(vectors: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
    items = len(vectors)
    count = min(LISTED, items - 1)
    everyone = np.arange(items, dtype=np.int32)
    if items <= EXACT_ITEMS:
        finder = ExactFinder(vectors, everyone, everyone)
        return all_neighbours(finder, everyone, everyone, count)
    near, scores = zip(*_drawn(vectors, count), strict=True)
    return np.concatenate(near), np.concatenate(scores)


def _drawn(vectors: Floats, count: int) -> Iterator[tuple[npt.NDArray[np.int32], Floats]]:
    """Yield lists of others, nearest first, in blocks; the nearest are the nearest of those."""
    random = np.random.default_rng(20)
    items = len(vectors)
    for start in range(0, items, BLOCK_ROWS):
        own = np.arange(start, min(items, start + BLOCK_ROWS))
        steps = np.sort(random.integers(1, (items - 1) // count, (len(own), count)), axis=1)
        steps += np.arange(count) * ((items - 1) // count)
        near = ((own[:, None] + steps) % items).astype(np.int32)
        cosines = np.stack(
            [vectors[row] @ vectors[one] for row, one in zip(near, own, strict=True)]
        )
        order = np.argsort(-cosines, axis=1)
        yield np.take_along_axis(near, order, 1), np.take_along_axis(cosines, order, 1)


_SEGMENT = "segments/000"


def _manifest(bundle_id: str, catalogue: Catalogue, epsilon: float | None) -> Manifest:
    items, dim = catalogue.vectors.shape
    reduced = map_array(catalogue.folder / "components.npy").shape[1]
    vectors = int(np.asarray(map_array(catalogue.folder / "objects.npy")).max()) + 1
    tuned = catalogue.tuned
    epsilon = tuned["epsilon"] if epsilon is None else epsilon
    method = (catalogue.folder / "method").read_text()
    search = SearchParameters(method, epsilon, tuned["candidates"], tuned["edges"])
    return Manifest(
        bundle_id=bundle_id,
        created_at="2026-01-02T03:04:05+00:00",
        snapshot_version=1,
        snapshot_content_hash="c0ffee",
        features_hash="c0ffee",
        detector="drawn@000000000000",
        extractor=EXTRACTOR,
        parameters_digest="0" * 12,
        dim=dim,
        parts=(Part(EXTRACTOR, dim, 1.0),),
        segmented_by="",
        segments=(Segment("", _SEGMENT, items, vectors, reduced, search),),
        stored="float32",
        counts=Counts(items, items, items, vectors),
        measurements={"gate": {"overall": {"metrics": {"recall_at_10": {"value": 1.0}}}}},
    )
