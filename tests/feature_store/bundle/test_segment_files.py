"""Segments whose files are damaged, or contradict each other: named when the bundle is opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Bundle, Searcher, open_bundle
from feature_store.bundle.format import SearchParameters, read_manifest
from feature_store.errors import BundleError
from tests.feature_store.bundle.made_bundle import (
    Made,
    build_graph,
    make_bundle,
    raw_vectors,
    rewritten,
)

MADE = Made(items=300, segments=("ladies", "men", ""), copies=30)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("segments"), "one", MADE)[0]


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def changed(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    np.save(path, change(np.load(path)))


def put(row: int, value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[row] = value
        return array

    return change


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("001/rows.npy", put(0, 0), "region 0 is in segment 'ladies', too"),
        ("000/rows.npy", put(0, -1), "000/rows.npy does not number regions"),
        ("000/rows.npy", put(3, 0), "000/rows.npy does not number regions"),
        ("002/rows.npy", put(-1, 99999), "002/rows.npy does not number regions"),
        ("000/rows.npy", lambda rows: rows[:-1], "000/rows.npy does not have the manifest's"),
        ("000/rows.npy", lambda rows: rows.astype(np.int64), "000/rows.npy does not have the"),
        ("001/objects.npy", put(5, -1), "001/objects.npy does not number 1.. vectors"),
        ("001/objects.npy", put(5, 5000), "001/objects.npy does not number 1.. vectors"),
        ("001/objects.npy", lambda rows: rows * 0, "001/objects.npy does not number"),
        ("001/objects.npy", lambda rows: rows[1:], "001/objects.npy does not have"),
        ("002/pca.npy", lambda columns: columns[:, 1:], "002/pca.npy does not have"),
        ("002/pca.npy", lambda columns: columns.astype(np.float64), "002/pca.npy does not have"),
    ],
)
def test_files_that_contradict_each_other_are_named(
    copy: Path, file: str, change: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    changed(copy / "segments" / file, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(copy, proven=False)


def test_a_region_that_no_segment_holds_is_named(copy: Path) -> None:
    manifest = read_manifest(copy)
    last = manifest.segments[2]
    for name in ("rows", "objects"):
        changed(copy / "segments" / "002" / f"{name}.npy", lambda rows: rows[:-1])
    objects = np.load(copy / "segments" / "002" / "objects.npy")
    fewer = replace(last, regions=last.regions - 1, vectors=len(np.unique(objects)))
    more = replace(manifest.segments[0], regions=manifest.segments[0].regions + 1)
    rewritten(copy, segments=(more, manifest.segments[1], fewer))
    with pytest.raises(BundleError, match=r"000/rows.npy does not have the manifest's shape"):
        open_bundle(copy, proven=False)
    exactly = replace(manifest, segments=(*manifest.segments[:2], fewer))
    with pytest.raises(BundleError, match="no segment holds region"):
        Bundle(copy, exactly)


def test_an_item_in_two_segments_is_refused(copy: Path) -> None:
    a, b = (copy / "segments" / number / "rows.npy" for number in ("001", "002"))
    first, second = np.load(a), np.load(b)
    # Item 1 has two regions, 1 and 2; item 2 the three after them.
    assert (first[:2].tolist(), second[:3].tolist()) == ([1, 2], [3, 4, 5])
    first[1], second[0] = 3, 2
    np.save(a, first)
    np.save(b, second)
    with pytest.raises(BundleError, match="item 1 is in two segments"):
        open_bundle(copy, proven=False)


def test_a_missing_graph_is_not_replaced_by_a_slow_search(copy: Path) -> None:
    shutil.rmtree(copy / "segments" / "001" / "graph")
    with pytest.raises(BundleError, match="001/graph is missing"):
        open_bundle(copy, proven=False)


def test_a_graph_of_other_vectors_is_refused(copy: Path) -> None:
    graph = copy / "segments" / "001" / "graph"
    vectors = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    shutil.rmtree(graph)
    build_graph(graph, vectors)
    with pytest.raises(BundleError, match="001/graph holds 50 vectors instead of 1"):
        open_bundle(copy, proven=False)
    vectors = np.random.default_rng(0).normal(size=(read_manifest(copy).segments[1].vectors, 12))
    shutil.rmtree(graph)
    build_graph(graph, vectors.astype(np.float32))
    with pytest.raises(BundleError, match=r"the graph in .*001 cannot be searched"):
        open_bundle(copy, proven=False)


@pytest.mark.parametrize("file", ["graph/obj", "rows.npy", "objects.npy", "pca.npy"])
def test_one_changed_byte_in_a_segment_is_noticed_and_its_file_named(copy: Path, file: str) -> None:
    path = copy / "segments" / "001" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=f"001/{file} is damaged"):
        open_bundle(copy)


def test_a_graph_that_cannot_be_read_is_named(copy: Path) -> None:
    (copy / "segments" / "001" / "graph" / "prf").unlink()
    with pytest.raises(BundleError, match="001/graph cannot be opened"):
        open_bundle(copy, proven=False)


def test_a_search_follows_as_many_edges_as_the_manifest_says(copy: Path) -> None:
    def asked(edges: int) -> list[list[int]]:
        segments = [
            replace(segment, search=SearchParameters("anng", -0.5, 20, edges))
            for segment in read_manifest(copy).segments
        ]
        rewritten(copy, segments=tuple(segments))
        assert read_manifest(copy).segments[0].search.edges == edges
        bundle = open_bundle(copy, proven=False)
        found: list[list[int]] = Searcher(bundle).nearest(raw, 10).regions.tolist()
        return found

    raw = raw_vectors(MADE, 50, 11)
    assert asked(0) == asked(10_000)  # none has so many
    assert asked(0) != asked(2)


def test_a_graph_is_opened_for_reading_only(copy: Path) -> None:
    graph = open_bundle(copy).segments[0].nearest._graph
    with pytest.raises(RuntimeError):
        graph.remove(3)  # NGT has not even loaded what removing needs
