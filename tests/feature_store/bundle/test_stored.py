from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Searcher, open_bundle
from feature_store.bundle.sound import STORED
from feature_store.bundle.stored import BLOCK_ROWS, StoredVectors, quantise
from feature_store.errors import BundleError
from tests.feature_store.bundle.made_bundle import Made, make_bundle, raw_vectors, rewritten
from tests.feature_store.nightly.fake_shop import clustered

ERRORS = {"float32": 0.0, "float16": 3e-4, "int8": 8e-3}
"""How far a cosine of 64 numbers may be from that of the full vectors."""


def stored_as(kind: str, count: int = 500) -> tuple[StoredVectors, np.ndarray]:
    full = clustered(count, 64, seed=3)
    return StoredVectors(*quantise(full, kind)), full


@pytest.mark.parametrize("kind", STORED)
def test_vectors_come_back_as_float32_however_they_are_asked_for(kind: str) -> None:
    stored, full = stored_as(kind)
    assert (len(stored), stored.shape, stored.values.dtype) == (500, (500, 64), np.dtype(kind))
    whole = stored[:]
    assert whole.dtype == np.float32
    assert np.abs(whole - full).max() <= {"float32": 0, "float16": 3e-4, "int8": 5e-3}[kind]
    assert np.array_equal(stored[7], whole[7])
    assert np.array_equal(stored[3:9], whole[3:9])
    rows = np.array([9, 3, 499], np.int32)
    assert np.array_equal(stored[rows], whole[rows])
    assert np.array_equal(stored.block(np.arange(5, 50)), whole[5:50])
    assert np.array_equal(stored.block(np.array([5, 7, 50])), whole[[5, 7, 50]])
    assert stored.block(np.arange(0)).shape == (0, 64)


@pytest.mark.parametrize("kind", STORED)
def test_cosines_are_those_of_the_stored_vectors(kind: str) -> None:
    count = BLOCK_ROWS + 100
    stored, full = stored_as(kind, count)
    query, rows = clustered(1, 64, seed=4)[0], np.flatnonzero(np.arange(count) % 7)
    cosines = stored.cosines(query, rows)
    assert cosines.dtype == np.float32
    assert np.allclose(cosines, stored[rows] @ query, atol=1e-6)
    assert np.allclose(stored.compare(query, rows), cosines, atol=1e-6)
    assert np.abs(cosines - full[rows] @ query).max() <= ERRORS[kind] + 1e-6
    assert np.allclose(stored.cosines(query, np.arange(count)), stored[:] @ query, atol=1e-6)
    assert len(stored.cosines(query, rows[:0])) == len(stored.compare(query, rows[:0])) == 0


def test_every_finite_half_is_widened_exactly() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 1)
    widened = StoredVectors(halves)[:]
    assert widened.tobytes() == halves.astype(np.float32).tobytes()  # the sign of zero, too


def test_nothing_is_nearer_to_a_vector_of_int8_than_itself() -> None:
    stored, full = stored_as("int8")
    whole = stored[:]
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    assert (np.abs(stored.values).max(axis=1) == 127).all()
    assert ((whole @ full.T).argmax(axis=0) == np.arange(500)).all()


def test_a_run_of_float32_is_not_copied() -> None:
    stored, _ = stored_as("float32")
    assert np.shares_memory(stored.block(np.arange(10, 400)), stored.values)


def test_no_other_kind_is_stored() -> None:
    with pytest.raises(ValueError, match="float32, float16, int8, not 'float64'"):
        quantise(clustered(3, 64), "float64")


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("graph", [False, True])
def test_a_bundle_of_each_kind_finds_what_the_full_vectors_say(
    kind: str, graph: bool, tmp_path: Path
) -> None:
    made = Made(stored=kind, graph=graph)
    folder, raw = make_bundle(tmp_path, "one", made)
    searcher = Searcher(open_bundle(folder))
    centre = searcher.bundle.projection.centre
    queries = raw_vectors(made, 100, 2)
    cosines = centre(queries) @ centre(raw).T
    floor = np.sort(cosines, axis=1)[:, -10]
    for found in (searcher.nearest(queries, 10), searcher.exact(queries, 10)):
        true = np.take_along_axis(cosines, found.regions, 1)
        assert np.abs(true - found.cosines).max() <= ERRORS[kind] + 1e-5
        assert (true >= floor[:, None] - ERRORS[kind] - 1e-5).mean() >= 0.99
    own = searcher.nearest(raw[:50], 1)
    assert own.regions[:, 0].tolist() == list(range(50))
    assert (own.cosines >= 1 - ERRORS[kind] - 1e-5).all()


@pytest.mark.parametrize(
    ("stored", "said", "file"),
    [("int8", "float32", "vectors.npy"), ("float32", "int8", "scales.npy")],
)
def test_vectors_of_another_kind_than_the_manifest_says_are_refused(
    stored: str, said: str, file: str, tmp_path: Path
) -> None:
    folder, _ = make_bundle(tmp_path, "one", Made(items=5, graph=False, stored=stored))
    rewritten(folder, stored=said)
    with pytest.raises(BundleError, match=file):
        open_bundle(folder, proven=False)
