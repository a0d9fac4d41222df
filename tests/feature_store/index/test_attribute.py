"""The region that shows the item wins the vote of its look-alikes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from feature_store.index.attribute import Photos, attribute_regions
from feature_store.index.finders import ExactFinder

DIM = 16
PLANT, CHAIR = 0, 1


def shown_by(
    vectors: npt.NDArray[np.float32], photos: Photos, voters: int
) -> npt.NDArray[np.bool_]:
    """The mask of all regions, which vote by exact comparison."""
    rows = np.arange(len(vectors), dtype=np.int32)
    return attribute_regions(
        photos, rows, lambda among: ExactFinder(vectors, photos.owner, among), voters
    )


def near(kind: int, seed: int) -> npt.NDArray[np.float32]:
    vector = 0.3 * np.random.default_rng(seed).normal(size=DIM) / np.sqrt(DIM)
    vector[kind] += 1
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def shop(category_of_scene: int) -> tuple[npt.NDArray[np.float32], Photos]:
    """Six plain photos of plants, six of chairs, and a scene with a big chair and a small plant."""
    kinds = [PLANT] * 6 + [CHAIR] * 6
    vectors = [near(kind, seed) for seed, kind in enumerate(kinds)]
    vectors += [near(5, 90), near(CHAIR, 91), near(PLANT, 92)]
    photos = Photos(
        image=np.array([*range(12), 12, 12, 12], np.int32),
        owner=np.array([*range(12), 12, 12, 12], np.int32),
        prominence=np.array([0.5] * 12 + [0.0, 0.9, 0.3], np.float32),
        category=np.array([*kinds, category_of_scene], np.int32),
    )
    return np.stack(vectors), photos


def test_the_catalogue_s_category_decides_what_a_scene_sells() -> None:
    shown = shown_by(*shop(PLANT), 10)
    assert shown[12:].tolist() == [False, False, True]


def test_the_same_scene_sold_as_the_other_thing() -> None:
    shown = shown_by(*shop(CHAIR), 10)
    assert shown[12:].tolist() == [False, True, False]


def test_without_a_category_the_most_prominent_product_is_it() -> None:
    shown = shown_by(*shop(-1), 10)
    assert shown[12:].tolist() == [False, True, False]


def test_without_voters_the_most_prominent_product_is_it() -> None:
    shown = shown_by(*shop(PLANT), 0)
    assert shown[12:].tolist() == [False, True, False]


def test_each_photo_has_one_region_that_shows_its_item() -> None:
    vectors, photos = shop(PLANT)
    shown = shown_by(vectors, photos, 10)
    assert np.bincount(photos.image, weights=shown).tolist() == [1] * 13


def test_an_item_does_not_vote_for_itself() -> None:
    """Two photos of one plant and a wrong box on each: only other items are asked."""
    vectors = np.stack([near(7, 1), near(PLANT, 2), near(7, 3), near(PLANT, 4), near(PLANT, 5)])
    photos = Photos(
        image=np.array([0, 0, 1, 1, 2], np.int32),
        owner=np.array([0, 0, 0, 0, 1], np.int32),
        prominence=np.array([0.9, 0.1, 0.9, 0.1, 0.5], np.float32),
        category=np.array([PLANT, PLANT], np.int32),
    )
    # One voter agrees with every box alike, so that prominence is left to decide.
    assert shown_by(vectors, photos, 10).tolist() == [True, False, True, False, True]


def test_a_shop_of_one_photo() -> None:
    photos = Photos(
        image=np.zeros(2, np.int32),
        owner=np.zeros(2, np.int32),
        prominence=np.array([0.0, 0.4], np.float32),
        category=np.zeros(1, np.int32),
    )
    vectors = np.stack([near(0, 1), near(1, 2)])
    assert shown_by(vectors, photos, 10).tolist() == [False, True]


def test_a_part_of_the_photos_votes_by_itself() -> None:
    """Without the photos of plants nobody agrees that the scene sells one."""
    vectors, photos = shop(PLANT)
    rows = np.arange(6, 15, dtype=np.int32)
    shown = attribute_regions(
        photos, rows, lambda among: ExactFinder(vectors, photos.owner, among), 10
    )
    assert shown.tolist() == [True] * 6 + [False, True, False]
