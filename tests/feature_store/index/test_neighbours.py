from __future__ import annotations

import numpy as np
import pytest

from feature_store.index import finders, neighbours
from feature_store.index.finders import ExactFinder
from feature_store.index.neighbours import Neighbours, all_neighbours, find_neighbours
from tests.feature_store.nightly.fake_shop import clustered


def owners_of(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts).astype(np.int32)


def listed(vectors: np.ndarray, owners: np.ndarray, subject: np.ndarray, count: int) -> Neighbours:
    """The neighbours of all regions, by exact comparison."""
    among = np.flatnonzero(subject).astype(np.int32)
    rows = np.arange(len(vectors), dtype=np.int32)
    return all_neighbours(ExactFinder(vectors, owners, among), rows, owners, count)


def every(owners: np.ndarray) -> np.ndarray:
    return np.ones(len(owners), np.bool_)


def by_hand(vectors: np.ndarray, owners: np.ndarray, region: int) -> dict[int, float]:
    """The best cosine of each other item."""
    cosines = vectors @ vectors[region]
    others = set(owners.tolist()) - {int(owners[region])}
    return {item: float(cosines[owners == item].max()) for item in others}


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 5), (1024, 16384)])
def test_the_best_region_of_each_of_the_nearest_items(
    rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finders, "TILE_ROWS", rows)
    monkeypatch.setattr(finders, "TILE_COLUMNS", columns)
    monkeypatch.setattr(finders, "FIRST_COLUMNS", columns)
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", 3 * rows)
    random = np.random.default_rng(1)
    owners = owners_of(random.integers(1, 6, 40).tolist())
    vectors = clustered(len(owners), 24)
    found = listed(vectors, owners, every(owners), 10)
    for region in range(len(vectors)):
        expected = by_hand(vectors, owners, region)
        best = sorted(expected, key=lambda item: -expected[item])[:10]
        assert owners[found.regions[region]].tolist() == best
        assert np.allclose(found.scores[region], [expected[item] for item in best], atol=1e-6)
        cosines = vectors[found.regions[region]] @ vectors[region]
        assert np.allclose(found.scores[region], cosines, atol=1e-6)


def test_too_few_items_leave_the_rest_empty() -> None:
    found = listed(clustered(5, 8), owners_of([2, 1, 2]), every(np.zeros(5)), 4)
    assert (found.regions[:, :2] >= 0).all()
    assert (found.regions[:, 2:] == -1).all()


def test_a_lone_item_has_no_neighbours() -> None:
    assert (listed(clustered(3, 8), owners_of([3]), every(np.zeros(3)), 4).regions == -1).all()


def test_copies_of_one_photo_are_listed_once_an_item() -> None:
    vectors = np.repeat(clustered(1, 8), 30, axis=0)
    found = listed(vectors, owners_of([3] * 10), every(vectors), 9)
    owners = owners_of([3] * 10)
    for region in range(30):
        items = owners[found.regions[region]].tolist()
        assert sorted([*items, int(owners[region])]) == list(range(10))


def test_only_regions_that_show_their_item_are_found() -> None:
    vectors = clustered(6, 8)
    owners = owners_of([2, 2, 2])
    subject = np.array([True, False, False, True, True, False])
    found = listed(vectors, owners, subject, 2)
    assert set(found.regions.ravel().tolist()) == {0, 3, 4}


def test_an_item_of_many_photos_does_not_fill_a_list() -> None:
    """The first item's hundred photos are nearer to the last region than anything else."""
    random = np.random.default_rng(0)
    near = np.array([1.0, 0, 0, 0]) + 0.01 * random.normal(size=(100, 4))
    others = np.array([0, 1.0, 0, 0]) + 0.3 * random.normal(size=(12, 4))
    rows = np.vstack([near, others, [[1.0, 0.02, 0, 0]]])
    vectors = np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
    owners = owners_of([100, *[1] * 13])
    found = listed(vectors, owners, every(owners), 5)
    expected = by_hand(vectors, owners, 112)
    best = sorted(expected, key=lambda item: -expected[item])[:5]
    assert owners[found.regions[112]].tolist() == best
    assert best[0] == 0


def test_lists_come_in_blocks_so_that_few_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", 4)
    vectors, owners = clustered(10, 8), owners_of([1] * 10)
    rows = np.arange(10, dtype=np.int32)
    blocks = list(find_neighbours(ExactFinder(vectors, owners, rows), rows, owners, 3))
    assert [block.regions.shape for block in blocks] == [(4, 3), (4, 3), (2, 3)]
