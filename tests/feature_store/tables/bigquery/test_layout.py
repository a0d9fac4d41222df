"""The tables' statements and types: what a data engineer finds in the dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables.bigquery.commits import commit_script
from feature_store.tables.bigquery.layout import (
    ddl,
    from_bigquery,
    logical_bytes,
    to_bigquery,
)
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.settings import TablesSettings
from tests.feature_store.batches import make_batch

GOLDEN = Path(__file__).with_name("golden") / "tables.sql"


def test_the_statements_that_make_the_tables() -> None:
    """A store in use has the tables of the version that made it: changes must be additive."""
    assert ddl("shop-project.features") + "\n" == GOLDEN.read_text()


def test_the_transaction_that_replaces_a_partition() -> None:
    """It counts `head` before it looks at the log: that is what ends all but one that meet."""
    settings = TablesSettings("bigquery", "", "shop-project", "features", "", "gs://shop/staging")
    script = commit_script(Warehouse(settings), "staging_20260301T060000_" + "0" * 32)
    assert script == GOLDEN.with_name("transaction.sql").read_text()
    assert script.index("UPDATE `shop-project.features.head`") < script.index(".commits`")


def test_every_float32_survives_float64() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    floats = np.append(bits[np.isfinite(bits)], [0.0, -0.0, np.inf, 1e-45, 0.1]).astype(np.float32)
    schema = pa.schema([("vector", pa.list_(pa.float32()))])
    doubles = pa.table({"vector": pa.array([floats.astype(np.float64)])})
    again = from_bigquery(doubles, schema)["vector"].combine_chunks().flatten().to_numpy()
    assert again.tobytes() == floats.tobytes()


@pytest.mark.parametrize(("name", "schema"), [
    ("items", ITEMS), ("ledger", LEDGER), ("features", FEATURES),
])  # fmt: skip
def test_rows_are_staged_as_they_are_but_for_the_day(name: str, schema: pa.Schema) -> None:
    rows = getattr(make_batch("2026-03-01", ["a", "b"]), name)
    staged = to_bigquery(rows)
    assert staged.schema.field("ds").type == pa.date32()
    assert staged.schema.names == schema.names
    assert from_bigquery(staged, schema).equals(rows)


def test_bytes_are_counted_as_the_price_list_does() -> None:
    table = pa.table(
        {
            "text": ["", "é", None],  # 2, 4, 0
            "number": pa.array([1, None, 3], pa.int32()),  # 16
            "flag": [True, False, None],  # 2
            "vector": pa.array([[1.0, 2.0], [], [3.0]], pa.list_(pa.float32())),  # 24
            "images": pa.array([["ab"], [], ["c", "d"]]),  # 4, 3, 3
        }
    )
    assert logical_bytes(table) == 6 + 16 + 2 + 24 + 10
    assert logical_bytes(table.slice(0, 0)) == 0
