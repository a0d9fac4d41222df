"""Which rows belong to a day: the three rules, deletions, and what holds for any two catalogues."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from feature_store.catalogue.changes import find_changes
from feature_store.catalogue.read import REJECTED
from feature_store.schemas import CATALOGUE, ITEMS, DataInterval

DAY = DataInterval.day("2026-01-02")
START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class Row(NamedTuple):
    item_id: str
    digest: str = "d"
    updated_at: dt.datetime | None = None


def current(*rows: Row) -> pa.Table:
    return pa.Table.from_pylist([_cells(row) for row in rows], schema=CATALOGUE)


def previous(*rows: Row, deleted: bool = False) -> pa.Table:
    known = [{**_cells(row), "ds": "2026-01-01", "deleted": deleted} for row in rows]
    return pa.Table.from_pylist(known, schema=ITEMS)


def _cells(row: Row) -> dict[str, object]:
    return {
        "item_id": row.item_id,
        "images": [f"/{row.item_id}.jpg"],
        "updated_at": row.updated_at,
        "attributes": "{}",
        "row_digest": row.digest,
    }


def found(table: pa.Table) -> list[tuple[str, bool]]:
    assert table.schema == ITEMS
    assert set(table["ds"].to_pylist()) <= {"2026-01-02"}
    pairs = zip(table["item_id"].to_pylist(), table["deleted"].to_pylist(), strict=True)
    return list(pairs)


def test_a_row_updated_in_the_interval_is_in_it_to_the_microsecond() -> None:
    tick = dt.timedelta(microseconds=1)
    rows = [
        Row("a", updated_at=START - tick),
        Row("b", updated_at=START),
        Row("c", updated_at=DAY.end - tick),
        Row("d", updated_at=DAY.end),
    ]
    known = previous(*rows)
    assert found(find_changes(current(*rows), known, DAY)) == [("b", False), ("c", False)]


def test_an_unknown_item_is_in_unless_it_comes_from_the_future() -> None:
    rows = current(
        Row("old", updated_at=START - HOUR),
        Row("undated"),
        Row("future", updated_at=DAY.end + HOUR),
    )
    assert found(find_changes(rows, None, DAY)) == [("old", False), ("undated", False)]


def test_an_undated_row_is_in_when_its_content_changed() -> None:
    rows = current(Row("same"), Row("changed", "new"))
    known = previous(Row("same"), Row("changed", "old"))
    assert found(find_changes(rows, known, DAY)) == [("changed", False)]


def test_an_item_that_is_gone_is_deleted_with_what_was_known_of_it() -> None:
    known = previous(Row("gone", "d9", START - HOUR), Row("stays"))
    changes = find_changes(current(Row("stays")), known, DAY)
    assert found(changes) == [("gone", True)]
    (row,) = changes.to_pylist()
    assert (row["row_digest"], row["images"]) == ("d9", ["/gone.jpg"])
    assert row["updated_at"] == START - HOUR


def test_a_known_item_whose_row_is_rejected_now_stays_as_it_was() -> None:
    bad = pa.Table.from_pylist(
        [
            {
                "item_id": "bad",
                "image_index": -1,
                "image_uri": "",
                "status": "failed",
                "regions": 0,
            }
        ],
        schema=REJECTED,
    )
    known = previous(Row("bad"), Row("gone"))
    assert found(find_changes(current(), known, DAY, rejected=bad)) == [("gone", True)]


def test_a_deleted_item_is_not_deleted_twice_and_may_return() -> None:
    buried = previous(Row("a"), deleted=True)
    assert found(find_changes(current(), buried, DAY)) == []
    assert found(find_changes(current(Row("a")), buried, DAY)) == [("a", False)]


def test_tables_in_a_stores_own_string_types_are_understood() -> None:
    wide = pa.schema(
        [
            field.with_type(pa.large_string()) if field.type == pa.string() else field
            for field in ITEMS
        ]
    )
    known = previous(Row("a"), Row("gone")).cast(wide)
    assert found(find_changes(current(Row("a")), known, DAY)) == [("gone", True)]


TIMES = st.none() | st.integers(-30, 54).map(lambda hours: START + hours * HOUR)
ROWS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.sampled_from("xy"), TIMES), max_size=8
).map(lambda rows: [Row(name, *rest) for name, rest in rows.items()])


@given(ROWS, ROWS, st.randoms())
def test_the_rule_row_by_row_in_any_order(
    now: list[Row], before: list[Row], random: object
) -> None:
    digests = {row.item_id: row.digest for row in before}
    expected = []
    for row in now:
        updated = row.updated_at
        unknown = row.item_id not in digests
        changed = (updated is not None and DAY.start <= updated < DAY.end) or (
            (updated is None or updated < DAY.end)
            and (unknown or digests[row.item_id] != row.digest)
        )
        if changed:
            expected.append((row.item_id, False))
    gone = digests.keys() - {row.item_id for row in now}
    expected += [(name, True) for name in gone]
    result = find_changes(current(*now), previous(*before), DAY)
    assert found(result) == sorted(expected)
    random.shuffle(now)  # type: ignore[attr-defined]
    assert find_changes(current(*now), previous(*before), DAY).equals(result)


@given(ROWS, ROWS)
def test_what_was_ingested_is_ingested_only_once(now: list[Row], before: list[Row]) -> None:
    """Applying a day's changes leaves only rows dated inside that day to be found again."""
    changes = find_changes(current(*now), previous(*before), DAY).to_pylist()
    live = {row.item_id: row for row in before}
    for change in changes:
        name = change["item_id"]
        live.pop(name, None)
        if not change["deleted"]:
            live[name] = Row(name, change["row_digest"], change["updated_at"])
    again = find_changes(current(*now), previous(*live.values()), DAY).to_pylist()
    assert not any(change["deleted"] for change in again)
    assert all(
        change["updated_at"] is not None and DAY.start <= change["updated_at"] < DAY.end
        for change in again
    )
    tomorrow = find_changes(
        current(*now), previous(*live.values()), DataInterval.day("2026-01-03")
    ).to_pylist()
    assert all(change["updated_at"] >= DAY.end for change in tomorrow)


@given(ROWS)
def test_day_after_day_loses_nothing(rows: list[Row]) -> None:
    """Every dated or undated row is ingested by the end of the days it is dated in."""
    live: dict[str, Row] = {}
    for ds in ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"):
        changes = find_changes(current(*rows), previous(*live.values()), DataInterval.day(ds))
        for change in changes.to_pylist():
            live[change["item_id"]] = Row(
                change["item_id"], change["row_digest"], change["updated_at"]
            )
    assert live == {row.item_id: row for row in rows}
