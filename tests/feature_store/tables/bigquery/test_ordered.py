"""Features that come in any order and in any pieces leave in the order of their region."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_store.errors import StoreError
from feature_store.tables.bigquery.ordered import Read, ordered_features
from tests.feature_store.batches import EXTRACTOR, make_batch, replaced

ITEMS = [f"{n * 7919 % 1000:03d}" for n in range(300)]
FEATURES = make_batch("2026-03-01", ITEMS, images=2).features


def shuffled(features: pa.Table) -> Read:
    """Reads features as BigQuery may give them: another order each time, pieces of any size."""
    random = np.random.default_rng(0)

    def read(schema: pa.Schema) -> Iterator[pa.Table]:
        rows = features.take(random.permutation(features.num_rows)).select(schema.names)
        start = 0
        while start < rows.num_rows:
            count = int(random.integers(0, 200))
            yield rows.slice(start, count)
            start += count

    return read


def test_every_vector_finds_its_place(tmp_path: Path) -> None:
    batches = list(ordered_features(shuffled(FEATURES), EXTRACTOR, tmp_path / "scratch"))
    assert len(batches) == 2
    found = pa.Table.from_batches(batches)
    order = [("item_id", "ascending"), ("image_index", "ascending"), ("confidence", "ascending")]
    assert found.to_pylist() == FEATURES.sort_by(order).to_pylist()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_none_make_none(tmp_path: Path) -> None:
    assert list(ordered_features(shuffled(FEATURES.slice(0, 0)), EXTRACTOR, tmp_path)) == []


def test_a_vector_that_is_lost_on_the_way_is_missed(tmp_path: Path) -> None:
    whole = shuffled(FEATURES)

    def losing(schema: pa.Schema) -> Iterator[pa.Table]:
        pieces = list(whole(schema))
        yield from pieces[:-1] if "vector" in schema.names else pieces

    with pytest.raises(StoreError, match="1200 features were found, but"):
        list(ordered_features(losing, EXTRACTOR, tmp_path))


def test_vectors_of_another_length_are_refused(tmp_path: Path) -> None:
    odd = replaced(FEATURES, "vector", 7, [1.0])
    with pytest.raises(StoreError, match="length 4"):
        list(ordered_features(shuffled(odd), EXTRACTOR, tmp_path))
