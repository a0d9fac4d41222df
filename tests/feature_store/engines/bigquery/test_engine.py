"""BigQuery's answers against the library's own arithmetic, in the emulator.

The emulator has no VECTOR_SEARCH: everything else is run as it is written, and the call itself is
written out in plain SQL. That Google understands the call is what no test here can show.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from feature_store.bundle.format import Part
from feature_store.engines import NEIGHBOURS, Only
from feature_store.engines.bigquery import BigQueryEngine, How, engine
from feature_store.errors import BundleError, StoreError
from tests.feature_store.engines.bigquery.two_days import DIMS, ONE, OTHER, Shop
from tests.feature_store.engines.conftest import HOSTILE

PARTS = {
    "one": (Part(ONE, DIMS[ONE], 1.0),),
    "both": (Part(OTHER, DIMS[OTHER], 0.3), Part(ONE, DIMS[ONE], 0.7)),
}


def engine_of(shop: Shop, **how: object) -> BigQueryEngine:
    return BigQueryEngine(shop.settings, shop.manifest, shop.projection, How(**how))


def questions(shop: Shop, count: int) -> np.ndarray:
    raw = np.random.default_rng(9).normal(size=(count, shop.manifest.dim))
    return shop.projection.centre(raw.astype(np.float32))


def expected(shop: Shop, asked: np.ndarray, k: int) -> list[list[tuple[str, str, float]]]:
    names, vectors = shop.truth()
    cosines = asked @ vectors.T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return [[(*names[i], cosines[row, i]) for i in best[row]] for row in range(len(asked))]


def assert_same(found: pa.Table, truth: list[list[tuple[str, str, float]]]) -> None:
    assert found.schema == NEIGHBOURS
    for query, rows in enumerate(truth):
        mine = [row for row in found.to_pylist() if row["query"] == query]
        assert [(row["item_id"], row["region_id"]) for row in mine] == [row[:2] for row in rows]
        np.testing.assert_allclose([row["cosine"] for row in mine], [r[2] for r in rows], atol=1e-6)


@pytest.mark.usefixtures("written_out")
@pytest.mark.parametrize("parts", list(PARTS))
@pytest.mark.parametrize("distance", ["COSINE", "DOT_PRODUCT"])
def test_it_compares_what_the_bundle_compares(shop: Shop, parts: str, distance: str) -> None:
    shop = shop.of(*PARTS[parts])
    asked = questions(shop, 3)
    oracle = engine_of(shop, distance=distance)
    names, _ = shop.truth()
    assert oracle.count() == 0
    assert oracle.prepare(shop.snapshot) == oracle.count() == len(names)
    assert_same(oracle.nearest(asked, 5), expected(shop, asked, 5))
    assert oracle.nearest(asked[:0], 5).num_rows == 0


@pytest.mark.usefixtures("written_out")
def test_the_table_holds_what_lives_once_and_filters_before_it_searches(shop: Shop) -> None:
    oracle = engine_of(shop)
    oracle.prepare(shop.snapshot)
    asked = questions(shop, 1)
    names, _ = shop.truth()
    assert len(names) < pa.Table.from_batches(shop.snapshot.features(ONE)).num_rows  # one is twice
    found = oracle.nearest(asked, 10_000).to_pylist()
    assert sorted((row["item_id"], row["region_id"]) for row in found) == names
    items = shop.snapshot.items().to_pylist()
    assert {row["item_id"] for row in items} & set(HOSTILE) == set(HOSTILE[1:])
    for only in (Only(in_stock=True), Only(segment="men"), Only(False, "ladies"), Only(None, "x")):
        wanted = {
            row["item_id"]
            for row in items
            if only.in_stock in (None, row["in_stock"]) and only.segment in (None, row["segment"])
        }
        answered = oracle.nearest(asked, 10_000, only)["item_id"].to_pylist()
        assert set(answered) == wanted
        assert bool(wanted) == (only.segment != "x")


@pytest.mark.usefixtures("written_out")
def test_many_questions_go_in_several_queries(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = engine_of(shop)
    oracle.prepare(shop.snapshot)
    asked = questions(shop, 7)
    asked[5] = asked[2]  # the same question twice has two answers
    monkeypatch.setattr(engine, "PARAMETER_BYTES", 3 * engine.NUMBER_BYTES * shop.manifest.dim)
    assert [start for start, _ in engine._batches(asked)] == [0, 3, 6]
    assert_same(oracle.nearest(asked, 4), expected(shop, asked, 4))


def test_a_question_as_text_is_the_very_same_numbers() -> None:
    asked = np.random.default_rng(1).normal(size=(50, 40)).astype(np.float32)
    asked[0, :4] = [1e-38, -3.4e38, 0.1, -0.0]
    texts = [text for _, lot in engine._batches(asked) for text in lot]
    back = np.array([[np.float32(number) for number in text.split(",")] for text in texts])
    assert np.array_equal(back, asked)
    assert max(len(number) for text in texts for number in text.split(",")) < engine.NUMBER_BYTES


def test_a_table_that_is_there_is_not_made_again(shop: Shop) -> None:
    held = engine_of(shop).prepare(shop.snapshot)
    other = replace(shop, projection=replace(shop.projection, mean=shop.projection.mean + 9))
    assert engine_of(other).prepare(shop.snapshot) == held


def test_a_table_that_is_there_gets_the_index_that_is_asked_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = engine_of(shop).prepare(shop.snapshot)
    oracle = engine_of(shop, index="IVF")
    scripts: list[str] = []  # the emulator has no such index
    monkeypatch.setattr(oracle._warehouse, "script", scripts.append)
    assert oracle.prepare(shop.snapshot) == held
    assert [text.split("\n")[0] for text in scripts] == ["CREATE OR REPLACE VECTOR INDEX nearest"]


def test_a_bundle_of_another_store_is_refused(shop: Shop) -> None:
    other = replace(shop, manifest=replace(shop.manifest, snapshot_content_hash="0" * 64))
    with pytest.raises(StoreError, match="was built from another store"):
        engine_of(other).prepare(shop.snapshot)


def test_a_name_that_no_bundle_has_never_reaches_sql(shop: Shop) -> None:
    for name in ("a`b", "a b", "a.b", "", "x'); DROP TABLE items; --"):
        manifest = replace(shop.manifest, bundle_id=name)
        with pytest.raises(BundleError, match="is not the name of a bundle"):
            BigQueryEngine(shop.settings, manifest, shop.projection)
