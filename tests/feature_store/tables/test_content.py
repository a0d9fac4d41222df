"""The content hash: the same for the same rows however they are held, another for any change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.schemas import BOOKKEEPING, FEATURES, ITEMS, LEDGER
from feature_store.tables import PartitionBatch
from feature_store.tables.content import canonical, combined_hash, content_hash, rows_hash
from tests.feature_store.batches import make_batch, replaced

BATCH = make_batch("2026-03-01", ["a", "b", "c"], images=2)
HASH, ROWS_HASH = content_hash(canonical(BATCH)), rows_hash(canonical(BATCH))


def shuffled(table: pa.Table, order: list[int], cut: int) -> pa.Table:
    rows = table.take(order)
    return pa.concat_tables([rows.slice(0, cut), rows.slice(cut)])


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 12), st.permutations(range(6)))
def test_order_and_chunks_do_not_matter(rows: list[int], cut: int, entries: list[int]) -> None:
    batch = replace(
        BATCH,
        features=shuffled(BATCH.features, rows, cut),
        ledger=shuffled(BATCH.ledger, entries, cut // 2),
    )
    assert content_hash(canonical(batch)) == HASH


def other(value: Any) -> Any:
    """A value of the same type that is not `value`."""
    if value is None:
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}'"
    if isinstance(value, dt.datetime):
        return value + dt.timedelta(microseconds=1)
    if isinstance(value, list):
        return [other(value[0]), *value[1:]]
    return value + 1


CELLS = [
    (name, field.name)
    for name, schema in (("items", ITEMS), ("ledger", LEDGER), ("features", FEATURES))
    for field in schema
]


def changed_cell(name: str, column: str) -> PartitionBatch:
    table = getattr(BATCH, name)
    value = table[column][1].as_py()
    kind = table.schema.field(column).type
    change = other(value)
    if value is None:  # a null becomes what is most easily mistaken for one
        change = "" if pa.types.is_string(kind) else pa.scalar(0).cast(kind).as_py()
    return replace(BATCH, **{name: replaced(table, column, 1, change)})


@pytest.mark.parametrize(("name", "column"), CELLS)
def test_any_changed_cell_changes_the_hash_unless_it_is_bookkeeping(name: str, column: str) -> None:
    changed = canonical(changed_cell(name, column))
    assert (content_hash(changed) == HASH) == (name == "ledger" and column in BOOKKEEPING)
    assert rows_hash(changed) != ROWS_HASH


def test_the_two_hashes_differ() -> None:
    assert rows_hash(canonical(BATCH)) == ROWS_HASH != HASH


def test_a_null_list_and_an_empty_one_differ_and_so_do_shifted_values() -> None:
    def of(images: list[list[str]]) -> str:
        items = BATCH.items.set_column(2, ITEMS.field("images"), pa.array(images))
        return content_hash(canonical(PartitionBatch(items, BATCH.ledger, BATCH.features)))

    ways = [[["ab"], ["c"], ["d"]], [["a"], ["bc"], ["d"]], [["a", "b"], ["c"], ["d"]],
            [[], ["ab", "c"], ["d"]]]  # fmt: skip
    assert len({of(images) for images in ways}) == 4


def test_a_missing_row_changes_the_hash() -> None:
    for name in ("items", "ledger", "features"):
        fewer = replace(BATCH, **{name: getattr(BATCH, name).slice(1)})
        assert content_hash(canonical(fewer)) != HASH
        assert rows_hash(canonical(fewer)) != ROWS_HASH


def test_combined_hashes_do_not_depend_on_order() -> None:
    pairs = [("2026-03-01", "aa"), ("2026-03-02", "bb")]
    assert combined_hash(iter(pairs)) == combined_hash(iter(pairs[::-1]))
    assert combined_hash(iter(pairs)) != combined_hash(iter(pairs[:1]))
