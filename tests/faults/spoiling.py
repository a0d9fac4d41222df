"""Faults planted into a candidate bundle after it was put together and before it is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import (
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    OBJECTS,
    REGIONS_FILE,
    VECTORS,
)
from feature_store.bundle.open import Bundle, open_bundle
from feature_store.bundle.search import Searcher
from feature_store.nightly import build_assembly

Spoil = Callable[[Bundle], None]

HUB = 3
"""The region that is to be in every list."""


@contextmanager
def spoiled(spoil: Spoil) -> Iterator[None]:
    """Let every bundle that is put together meanwhile be spoiled before it is measured."""
    measure = vars(build_assembly)["measure"]

    def measure_spoiled(searcher: Searcher, *rest: Any) -> dict[str, Any]:
        spoil(searcher.bundle)
        return measure(Searcher(open_bundle(searcher.bundle.folder, proven=False)), *rest)

    vars(build_assembly)["measure"] = measure_spoiled
    try:
        yield
    finally:
        vars(build_assembly)["measure"] = measure


def permute_ids(bundle: Bundle) -> None:
    """Give the regions the names of others: within itself the bundle stays as right as before."""
    order = np.roll(np.arange(len(bundle.regions)), 7)
    names = bundle.regions["region_id"].take(pa.array(order))
    place = bundle.regions.column_names.index("region_id")
    _write_table(bundle.folder / REGIONS_FILE, bundle.regions.set_column(place, "region_id", names))


def swap_within_items(bundle: Bundle) -> None:
    """Swap the names of the first two regions of every item that has two."""
    order = np.arange(len(bundle.regions))
    first = bundle.first_region[bundle.region_count > 1]
    order[first], order[first + 1] = order[first + 1], order[first].copy()
    names = bundle.regions["region_id"].take(pa.array(order))
    place = bundle.regions.column_names.index("region_id")
    _write_table(bundle.folder / REGIONS_FILE, bundle.regions.set_column(place, "region_id", names))


def of_category(bundle: Bundle, category: str) -> npt.NDArray[np.int64]:
    """Return the regions of a category's items."""
    values = np.array(bundle.items["category"].to_pylist(), object)
    return np.flatnonzero(values[bundle.owners] == category)


def blind_in(category: str) -> Spoil:
    """Let the graph's answers be wrong for the regions of one category alone."""

    def spoil(bundle: Bundle) -> None:
        (segment,) = bundle.segments
        path = bundle.folder / segment.about.folder / OBJECTS
        objects = np.load(path)
        mine = np.flatnonzero(np.isin(segment.rows, of_category(bundle, category)))
        objects[mine] = np.roll(objects[mine], len(mine) // 2)
        _write_array(path, objects)

    return spoil


def other_vectors_in(category: str) -> Spoil:
    """Store noise in place of the vectors of one category."""

    def spoil(bundle: Bundle) -> None:
        vectors = np.array(bundle.vectors.values)
        rows = of_category(bundle, category)
        noise = np.random.default_rng(5).normal(size=(len(rows), vectors.shape[1]))
        vectors[rows] = noise / np.linalg.norm(noise, axis=1, keepdims=True)
        _write_array(bundle.folder / VECTORS, vectors)

    return spoil


def one_other_vector(bundle: Bundle) -> None:
    """Store one vector that is another region's."""
    vectors = np.array(bundle.vectors.values)
    vectors[5] = vectors[60]
    _write_array(bundle.folder / VECTORS, vectors)


def wrong_lists(bundle: Bundle) -> None:
    """Give every region the list of another one."""
    _write_array(bundle.folder / NEIGHBOURS, np.roll(bundle.neighbours, 9, axis=0))
    _write_array(bundle.folder / NEIGHBOUR_SCORES, np.roll(bundle.neighbour_scores, 9, axis=0))


def wrong_lists_in(category: str) -> Spoil:
    """Give the regions of one category the lists of others of it."""

    def spoil(bundle: Bundle) -> None:
        rows = of_category(bundle, category)
        for name, values in (
            (NEIGHBOURS, bundle.neighbours),
            (NEIGHBOUR_SCORES, bundle.neighbour_scores),
        ):
            wrong = np.array(values)
            wrong[rows] = np.roll(wrong[rows], len(rows) // 2, axis=0)
            _write_array(bundle.folder / name, wrong)

    return spoil


def shifted_scores(bundle: Bundle) -> None:
    """Store scores that are lower than they are."""
    _write_array(bundle.folder / NEIGHBOUR_SCORES, np.asarray(bundle.neighbour_scores) * 0.3)


def hub(bundle: Bundle) -> None:
    """Put one and the same item into the lists of all others."""
    neighbours = np.array(bundle.neighbours)
    neighbours[bundle.owners != bundle.owners[HUB], 2] = HUB
    _write_array(bundle.folder / NEIGHBOURS, neighbours)


def _write_array(path: Path, values: npt.NDArray[Any]) -> None:
    # The old file is mapped by whoever has the bundle open: it is replaced, not written to.
    beside = path.with_name(f"spoiled-{path.name}")
    np.save(beside, values, allow_pickle=False)
    beside.replace(path)


def _write_table(path: Path, table: pa.Table) -> None:
    beside = path.with_name(f"spoiled-{path.name}")
    with pa.OSFile(str(beside), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    beside.replace(path)
