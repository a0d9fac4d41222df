"""Bundles written by earlier releases keep opening, answering, publishing and rolling back.

Each folder of `golden` is a release; it holds bundles as that release wrote them, and what that
release answered (`answers.json`). They are never written again: a shop's are not either.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_store.bundle import BundleRegistry, Hit, Rules, Searcher, open_bundle, parse_filter
from feature_store.bundle.format import read_manifest
from tests.feature_store.bundle.by_hand import background, score

GOLDEN = Path(__file__).parent / "golden"
ANSWERS = {
    path.parent / name: answers
    for path in sorted(GOLDEN.glob("*/answers.json"))
    for name, answers in json.loads(path.read_text()).items()
}


def named(searcher: Searcher, hits: list[Hit]) -> list[list[Any]]:
    ids = searcher.bundle.items["item_id"]
    return [[ids[hit.item].as_py(), hit.score] for hit in hits]


def assert_same(found: list[list[Any]], cosines: list[list[Any]], zero: float) -> None:
    """Scores agree to the last decimal but one; so do the items, unless two are as near.

    What the release called a score was 100 · cosine: now `zero` scores 0.
    """
    expected = [[item, score(cosine / 100, zero)] for item, cosine in cosines]
    assert [score for _, score in found] == pytest.approx([s for _, s in expected], abs=0.04)
    scores = dict(map(tuple, expected))
    last = expected[-1][1]
    for item, found_score in found:
        assert scores.get(item, last) == pytest.approx(found_score, abs=0.04)


@pytest.mark.parametrize("folder", ANSWERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_it_opens_and_answers_as_it_did(folder: Path) -> None:
    expected, searcher = ANSWERS[folder], Searcher(open_bundle(folder))
    bundle = searcher.bundle

    def primary(item_id: str) -> np.ndarray:
        return np.asarray(bundle.vectors[int(bundle.primary_region[bundle.item_number(item_id)])])

    for item_id, hits in expected["similar"].items():
        zero = background(bundle, primary(item_id))
        assert_same(named(searcher, searcher.similar(item_id).hits), hits, zero)
    shoes = (parse_filter("category:shoes"),)
    filtered = searcher.similar("item-00007", Rules(filters=shoes))
    assert_same(
        named(searcher, filtered.hits), expected["shoes"], background(bundle, primary("item-00007"))
    )
    liked = searcher.by_items(["item-00001", "item-00002"], ["item-00005"])
    query = (primary("item-00001") + primary("item-00002")) / 2 - 0.5 * primary("item-00005")
    zero = background(bundle, query / np.linalg.norm(query))
    assert_same(named(searcher, liked.hits), expected["by_items"], zero)
    vector = np.array(expected["vector"], np.float32)
    zero = background(bundle, bundle.projection.centre(vector[None])[0])
    hits = searcher.by_vector(vector, Rules(limit=5)).hits
    assert_same(named(searcher, hits), expected["by_vector"], zero)


@pytest.mark.parametrize("release", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_it_is_published_and_rolled_back_to(release: Path, tmp_path: Path) -> None:
    names = [folder.name for folder in ANSWERS if folder.parent == release]
    for name in names:
        shutil.copytree(release / name, tmp_path / name)
    registry = BundleRegistry(tmp_path)
    assert {row.bundle_id for row in registry.list()} == set(names)
    for name in names:
        registry.publish(name)
        assert registry.open().bundle_id == name
    assert registry.rollback() == names[-2]
    assert registry.open().manifest == read_manifest(release / names[-2])


def test_short_vectors_are_made_as_the_graph_of_their_release_was() -> None:
    for folder in ANSWERS:
        manifest, (segment,) = read_manifest(folder), open_bundle(folder).segments
        assert segment.projection.unit == (manifest.format_version > 1)


def test_a_golden_bundle_has_a_graph_and_another_has_none() -> None:
    assert {answers["method"] for answers in ANSWERS.values()} >= {"exact", "onng"}
