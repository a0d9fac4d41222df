from __future__ import annotations

import numpy as np
import pytest

from feature_store.index import neighbours
from feature_store.index.neighbours import find_neighbours
from tests.feature_store.nightly.fake_shop import clustered


def owners_of(counts: list[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts).astype(np.int32)


def every(owners: np.ndarray) -> np.ndarray:
    return np.ones(len(owners), np.bool_)


def by_hand(vectors: np.ndarray, owners: np.ndarray, region: int) -> dict[int, float]:
    """The best cosine of each other item."""
    cosines = vectors @ vectors[region]
    others = set(owners.tolist()) - {int(owners[region])}
    return {item: float(cosines[owners == item].max()) for item in others}


@pytest.mark.parametrize("cells", [1, 500, 16_000_000])
def test_the_best_region_of_each_of_the_nearest_items(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", cells)
    random = np.random.default_rng(1)
    owners = owners_of(random.integers(1, 6, 40).tolist())
    vectors = clustered(len(owners), 24)
    found = find_neighbours(vectors, owners, every(owners), 10)
    for region in range(len(vectors)):
        expected = by_hand(vectors, owners, region)
        best = sorted(expected, key=lambda item: -expected[item])[:10]
        assert owners[found.regions[region]].tolist() == best
        assert np.allclose(found.scores[region], [expected[item] for item in best], atol=1e-6)
        cosines = vectors[found.regions[region]] @ vectors[region]
        assert np.allclose(found.scores[region], cosines, atol=1e-6)


def test_too_few_items_leave_the_rest_empty() -> None:
    found = find_neighbours(clustered(5, 8), owners_of([2, 1, 2]), every(np.zeros(5)), 4)
    assert (found.regions[:, :2] >= 0).all()
    assert (found.regions[:, 2:] == -1).all()


def test_a_lone_item_has_no_neighbours() -> None:
    assert (
        find_neighbours(clustered(3, 8), owners_of([3]), every(np.zeros(3)), 4).regions == -1
    ).all()


def test_copies_of_one_photo_are_listed_once_an_item() -> None:
    vectors = np.repeat(clustered(1, 8), 30, axis=0)
    found = find_neighbours(vectors, owners_of([3] * 10), every(vectors), 9)
    owners = owners_of([3] * 10)
    for region in range(30):
        items = owners[found.regions[region]].tolist()
        assert sorted([*items, int(owners[region])]) == list(range(10))


def test_only_regions_that_show_their_item_are_found() -> None:
    vectors = clustered(6, 8)
    owners = owners_of([2, 2, 2])
    subject = np.array([True, False, False, True, True, False])
    found = find_neighbours(vectors, owners, subject, 2)
    assert set(found.regions.ravel().tolist()) == {0, 3, 4}
