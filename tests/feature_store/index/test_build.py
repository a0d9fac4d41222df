from __future__ import annotations

import tempfile
from pathlib import Path

import ngtpy
import numpy as np
import pytest

from feature_store.errors import IndexBuildError
from feature_store.index.build import _prove, build_graph
from feature_store.index.settings import IndexSettings
from tests.feature_store.nightly.fake_shop import clustered

SETTINGS = IndexSettings(sample_size=100)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return clustered(800, 16)


@pytest.fixture(scope="module")
def graph(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph") / "onng"
    built = build_graph(vectors, folder, SETTINGS)
    assert (built.vectors, built.self_lookup) == (800, 1.0)
    return folder


def test_the_graph_finds_what_exact_search_finds(graph: Path, vectors: np.ndarray) -> None:
    index = ngtpy.Index(str(graph), read_only=True, log_disabled=True)
    for row in range(0, 800, 40):
        found = index.search(vectors[row], size=10, epsilon=0.2, with_distance=False)
        distances = np.linalg.norm(vectors - vectors[row], axis=1)
        assert set(found) == set(np.argsort(distances)[:10])


def test_strided_vectors_are_stored_as_they_look(vectors: np.ndarray, tmp_path: Path) -> None:
    wide = np.repeat(vectors[:300], 2, axis=1)
    build_graph(wide[:, ::2], tmp_path / "onng", SETTINGS)
    index = ngtpy.Index(str(tmp_path / "onng"), read_only=True, log_disabled=True)
    assert np.array_equal(np.float32(index.get_object(299)), vectors[299])


@pytest.mark.parametrize("name", ["with a space", "$(touch injected)", "semi;colon"])
def test_no_path_reaches_a_shell(
    name: str, vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / name
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    monkeypatch.chdir(tmp_path)
    build_graph(vectors[:250], odd / "onng", SETTINGS)
    assert sorted(path.name for path in odd.iterdir()) == ["onng"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_graph_that_holds_fewer_vectors_is_refused(graph: Path, vectors: np.ndarray) -> None:
    with pytest.raises(IndexBuildError, match="holds 800 vectors instead of 801"):
        _prove(np.vstack([vectors, vectors[:1]]), graph, SETTINGS)


def test_a_graph_whose_numbers_are_shifted_is_refused(graph: Path, vectors: np.ndarray) -> None:
    with pytest.raises(IndexBuildError, match="another vector under number"):
        _prove(np.roll(vectors, 1, axis=0), graph, SETTINGS)


def test_vectors_that_are_not_finite_are_refused(vectors: np.ndarray, tmp_path: Path) -> None:
    broken = vectors.copy()
    broken[5, 3] = np.inf
    with pytest.raises(IndexBuildError, match="not finite"):
        build_graph(broken, tmp_path / "onng", SETTINGS)


def test_nothing_is_overwritten(graph: Path, vectors: np.ndarray) -> None:
    with pytest.raises(IndexBuildError, match="exists already"):
        build_graph(vectors, graph, SETTINGS)
