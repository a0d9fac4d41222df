"""What changed in a catalogue on one day, compared with the items that were live before it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import ITEMS, TIMESTAMP, DataInterval


def find_changes(
    current: pa.Table,
    previous: pa.Table | None,
    interval: DataInterval,
    *,
    rejected: pa.Table | None = None,
) -> pa.Table:
    """The rows (schema ITEMS, by `item_id`) that belong to the partition of `interval`.

    `current` is the catalogue (schema CATALOGUE, ids unique), `previous` the items live before the
    partition (schema ITEMS; None: nothing is known yet), `rejected` the catalogue's rejected rows.
    A row belongs to the partition if
      - its `updated_at` lies in [start, end), or
      - its `updated_at` is null or before `end`, and its item is unknown to `previous` or its
        `row_digest` is not the one there, so that a change delivered late is not lost.
    A row updated at `end` or later waits for its own day. An item that the catalogue no longer has
    becomes a deletion: its previous row with `deleted`. One whose row is only rejected today keeps
    its previous state and is not in the partition.
    """
    if previous is None:
        previous = ITEMS.empty_table()
    previous = previous.select(ITEMS.names).cast(ITEMS)  # a store may read back other string types
    previous = previous.filter(pc.invert(previous["deleted"])).combine_chunks()
    changed = current.filter(_changed(current, previous, interval))
    gone = previous.filter(_gone(current, previous, rejected))
    parts = [_as_items(changed, interval.ds, False), _as_items(gone, interval.ds, True)]
    return pa.concat_tables(parts).sort_by("item_id").combine_chunks()


def _changed(current: pa.Table, previous: pa.Table, interval: DataInterval) -> pa.ChunkedArray:
    updated = current["updated_at"]
    start, end = (pa.scalar(time, TIMESTAMP) for time in (interval.start, interval.end))
    before_end = pc.fill_null(pc.less(updated, end), False)
    in_interval = pc.and_(before_end, pc.fill_null(pc.greater_equal(updated, start), False))
    undated = pc.is_null(updated)
    place = pc.index_in(current["item_id"], value_set=previous["item_id"].combine_chunks())
    known_digest = previous["row_digest"].take(place)
    unknown = pc.is_null(place)
    differs = pc.fill_null(pc.not_equal(current["row_digest"], known_digest), False)
    due = pc.or_(undated, before_end)
    return pc.or_(in_interval, pc.and_(due, pc.or_(unknown, differs)))


def _gone(current: pa.Table, previous: pa.Table, rejected: pa.Table | None) -> pa.ChunkedArray:
    seen = current["item_id"].combine_chunks()
    if rejected is not None:
        seen = pa.concat_arrays([seen, rejected["item_id"].combine_chunks()])
    return pc.invert(pc.is_in(previous["item_id"], value_set=seen))


def _as_items(rows: pa.Table, ds: str, deleted: bool) -> pa.Table:
    """`rows` as ITEMS of day `ds`; columns that `rows` has of the two are replaced."""
    count = rows.num_rows
    own = {
        "ds": pa.repeat(pa.scalar(ds), count),
        "deleted": pa.repeat(pa.scalar(deleted), count),
    }
    columns = [own[name] if name in own else rows[name] for name in ITEMS.names]
    return pa.Table.from_arrays(columns, schema=ITEMS)
