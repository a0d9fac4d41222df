from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import ngtpy
import numpy as np
import pytest

from feature_store.errors import IndexBuildError
from feature_store.index import build
from feature_store.index.build import (
    Graph,
    build_graphs,
    plain_folder,
    prove_graph,
)
from feature_store.index.settings import IndexSettings
from tests.benchmarks.index_data import draw_clusters
from tests.feature_store.nightly.fake_shop import clustered

SETTINGS = IndexSettings(sample_size=100)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return clustered(800, 16)


@pytest.fixture(scope="module")
def graphs(vectors: np.ndarray) -> Iterator[dict[str, Graph]]:
    with plain_folder() as scratch:
        yield {graph.kind: graph for graph in build_graphs(vectors, scratch, SETTINGS)}


def opened(graph: Graph) -> ngtpy.Index:
    return ngtpy.Index(str(graph.path), read_only=True, log_disabled=True)


@pytest.mark.parametrize("kind", ["onng", "anng"])
def test_a_graph_finds_what_exact_search_finds(
    graphs: dict[str, Graph], kind: str, vectors: np.ndarray
) -> None:
    index = opened(graphs[kind])
    assert graphs[kind].self_lookup == 1.0
    assert graphs[kind].seconds > 0
    for row in range(0, 800, 40):
        found = index.search(vectors[row], size=10, epsilon=0.2, with_distance=False)
        distances = np.linalg.norm(vectors - vectors[row], axis=1)
        assert set(found) == set(np.argsort(distances)[:10])


def test_groups_that_have_little_in_common_stay_together_in_the_anng() -> None:
    vectors, _ = draw_clusters(8000, 48, 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with plain_folder() as scratch:
        _, anng = build_graphs(vectors, scratch, IndexSettings(sample_size=400))
    assert anng.self_lookup == 1.0


def test_strided_vectors_are_stored_as_they_look(vectors: np.ndarray) -> None:
    wide = np.repeat(vectors[:300], 2, axis=1)
    with plain_folder() as scratch:
        graph = next(build_graphs(wide[:, ::2], scratch, SETTINGS))
        assert np.array_equal(np.float32(opened(graph).get_object(299)), vectors[299])


@pytest.mark.parametrize("name", ["with a space", "$(touch injected)", "semi;colon"])
def test_no_path_reaches_a_shell(
    name: str, vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / name
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    monkeypatch.chdir(tmp_path)
    with plain_folder() as scratch:
        assert odd not in scratch.parents
        next(build_graphs(vectors[:250], scratch, SETTINGS))
    assert not scratch.exists()
    with pytest.raises(IndexBuildError, match="a shell would read"):
        next(build_graphs(vectors[:250], odd, SETTINGS))
    assert list(odd.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_plain_folder_is_made_beside_the_bundle_where_that_is_one(tmp_path: Path) -> None:
    with plain_folder(tmp_path) as scratch:
        assert scratch.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    odd = tmp_path / "with a space"
    odd.mkdir()
    with plain_folder(odd) as scratch:
        assert odd not in scratch.parents


def test_a_graph_that_holds_fewer_vectors_is_refused(
    graphs: dict[str, Graph], vectors: np.ndarray
) -> None:
    with pytest.raises(IndexBuildError, match="holds 800 vectors instead of 801"):
        prove_graph(np.vstack([vectors, vectors[:1]]), graphs["onng"].path, SETTINGS)


def test_a_graph_whose_numbers_are_shifted_is_refused(
    graphs: dict[str, Graph], vectors: np.ndarray
) -> None:
    with pytest.raises(IndexBuildError, match="another vector under number"):
        prove_graph(np.roll(vectors, 1, axis=0), graphs["onng"].path, SETTINGS)


@pytest.mark.parametrize(("value", "length"), [(np.inf, "inf"), (np.nan, "nan"), (0.0, "0")])
def test_what_ngt_would_drop_or_never_find_is_refused(
    value: float, length: str, vectors: np.ndarray
) -> None:
    broken = vectors.copy()
    broken[5] = value
    with (
        plain_folder() as scratch,
        pytest.raises(IndexBuildError, match=f"vector 5 is {length} long instead of 1"),
    ):
        next(build_graphs(broken, scratch, SETTINGS))


def test_vectors_are_handed_over_in_blocks_and_read_from_a_map(
    vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "BLOCK_ROWS", 70)
    np.save(tmp_path / "v.npy", vectors[:300])
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    with plain_folder() as scratch:
        graph = next(build_graphs(mapped, scratch, SETTINGS))
        index = opened(graph)
        assert index.get_num_of_objects() == 300
        for row in (0, 69, 70, 299):
            assert index.search(vectors[row], size=1, epsilon=0.2, with_distance=False)[0] == row


def test_many_copies_of_one_vector_are_held_all(vectors: np.ndarray) -> None:
    copies = np.repeat(vectors[:3], 100, axis=0)
    with plain_folder() as scratch:
        graph = next(build_graphs(copies, scratch, SETTINGS))
        assert opened(graph).get_num_of_objects() == 300


def test_a_full_disk_is_said_with_what_to_do(
    vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("NGT::Index::save: Cannot write")

    monkeypatch.setattr(build, "_optimise", full)
    with plain_folder() as scratch, pytest.raises(IndexBuildError, match=r"bytes are free; make"):
        next(build_graphs(vectors[:250], scratch, SETTINGS))


def test_a_graph_is_built_by_as_many_threads_as_the_settings_say(
    vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NGT would take eight."""
    given: list[object] = []

    class Index(ngtpy.Index):
        def batch_insert(self, *rest: object, **named: object) -> None:
            given.append(named["num_threads"])
            super().batch_insert(*rest, **named)

        def build_index(self, *rest: object, **named: object) -> None:
            given.append(named["num_threads"])
            super().build_index(*rest, **named)

    monkeypatch.setattr(ngtpy, "Index", Index)
    with plain_folder() as scratch:
        next(build_graphs(vectors[:250], scratch, IndexSettings(sample_size=10, threads=1)))
    assert given == [1, 1]
