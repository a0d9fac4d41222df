from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Bundle, Searcher, open_bundle
from feature_store.bundle.scores import Background, draw_sample, lowest_cosine, scores_of
from feature_store.bundle.stored import StoredVectors
from feature_store.errors import BundleError
from tests.feature_store.bundle.by_hand import background, score
from tests.feature_store.bundle.made_bundle import Made, make_bundle, rewritten


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    made = Made(items=400, graph=False, copies=80)
    return open_bundle(make_bundle(tmp_path_factory.mktemp("one"), "one", made)[0])


def test_a_background_is_what_one_in_a_hundred_reaches_by_chance(made: Bundle) -> None:
    for region in (0, 5, 100, 333):
        query = made.vectors[region]
        assert made.background_of(region) == pytest.approx(background(made, query), abs=1e-5)
    many = made.background.of(made.vectors[:50])
    assert many.tolist() == pytest.approx([made.background_of(n) for n in range(50)], abs=1e-5)
    spread = np.random.default_rng(0).normal(size=(2000, 64)).astype(np.float32)
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    zeros = Background(spread[:512]).of(spread[1000:])
    above = (spread[1000:] @ spread[512:1000].T) > zeros[:, None]
    assert 0.006 < above.mean() < 0.014


def test_the_sample_is_distinct_and_always_the_same(made: Bundle) -> None:
    sample = made.background.sample
    assert len(np.unique(sample, axis=0)) == len(sample)
    assert np.array_equal(sample, draw_sample(made.vectors, made.subject))
    subjects = {row.tobytes() for row in made.vectors[np.flatnonzero(made.subject)]}
    assert {row.tobytes() for row in sample} <= subjects
    large = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    assert len(draw_sample(StoredVectors(large), np.ones(3000, np.bool_))) == 512


def test_a_copy_of_the_photo_is_not_there_by_chance() -> None:
    spread = np.random.default_rng(0).normal(size=(300, 64)).astype(np.float32)
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    own = Background(spread).of(spread[:5])
    assert own == pytest.approx(Background(spread[5:]).of(spread[:5]), abs=0.005)


def test_of_a_few_photos_there_is_no_chance(made: Bundle) -> None:
    few = Background(made.background.sample[:99])
    assert few.of(made.vectors[:3]).tolist() == [0, 0, 0]
    assert Background(made.background.sample[:0]).of(made.vectors[:2]).tolist() == [0, 0]


def test_scores_are_those_of_the_definition() -> None:
    cosines = np.array([1.00001, 0.999, 0.5, 0.3, 0.1, -1], np.float32)
    for zero in (0.0, 0.2, 0.7):
        expected = [score(float(cosine), zero) for cosine in cosines]
        assert scores_of(cosines, zero).tolist() == pytest.approx(expected, abs=1e-9)


def test_no_score_that_counts_is_below_the_lowest_cosine() -> None:
    for zero in (0.0, 0.31, 0.7):
        for threshold in (0.01, 12.34, 99.99, 100.0):
            cosines = np.linspace(lowest_cosine(threshold, zero) - 1e-3, 1, 5000).astype(np.float32)
            counted = cosines[scores_of(cosines, zero) >= threshold]
            assert counted.min() >= lowest_cosine(threshold, zero)
    assert lowest_cosine(0, 0.5) == -np.inf


def test_what_the_build_wrote_is_read(searcher: Searcher) -> None:
    bundle = searcher.bundle
    assert bundle.backgrounds is not None
    again = bundle.background.of(bundle.vectors[:])
    assert bundle.backgrounds.tolist() == pytest.approx(again.tolist(), abs=1e-5)
    assert bundle.backgrounds.max() > 0.05
    names = bundle.regions["region_id"].to_pylist()
    order = np.load(bundle.folder / "region_order.npy")
    assert [names[row] for row in order] == sorted(names)


@pytest.mark.parametrize("name", ["background.npy", "region_order.npy"])
def test_what_is_of_another_shape_is_refused(name: str, tmp_path: Path) -> None:
    folder, _ = make_bundle(tmp_path, "one", Made(items=20, graph=False))
    kind = np.float32 if name == "background.npy" else np.int32
    np.save(folder / name, np.zeros(7, kind))
    rewritten(folder)
    with pytest.raises(BundleError, match=name):
        Searcher(open_bundle(folder, proven=False)).by_region("region-1")
