"""The counts of one day: by bundle and position, and by bundle and asked item, in one file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_store.schemas import EVENT_TYPES, DataInterval
from feature_store.storage import Files

COUNTS = pa.schema(
    [
        pa.field("bundle", pa.string(), nullable=False),
        pa.field("position", pa.int32()),
        pa.field("item_id", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in EVENT_TYPES),
    ]
)
"""With a `position`: how many hits there were seen, clicked and bought. Without: of how many
answers about `item_id` (null: about photos) at least one hit was. The columns `view`, `click` and
`conversion` hold the counts. Key: (bundle, position, item_id)."""

_ASIDE = b"nitamono.aside"


@dataclass(frozen=True)
class Summary:
    """What shoppers did on one day."""

    ds: str
    counts: pa.Table
    aside: Mapping[str, int]
    """How many events do not count, by reason."""


def summarise(ds: str, events: pa.Table, aside: Mapping[str, int]) -> Summary:
    """Count the events of a day, each of which counts and is there once."""
    hits = _counted(events, ["bundle", "position"])
    answers = events.group_by(["bundle", "item_id", "type", "query_id"]).aggregate([])
    asked = _counted(answers, ["bundle", "item_id"])
    both = [table.select(COUNTS.names).cast(COUNTS) for table in (hits, asked)]
    order = [(name, "ascending") for name in ("bundle", "position", "item_id")]
    return Summary(ds, pa.concat_tables(both).sort_by(order).combine_chunks(), dict(aside))


def _counted(events: pa.Table, by: list[str]) -> pa.Table:
    """Count the rows of each type, in a column of its own."""
    table = events.select(by)
    for name in EVENT_TYPES:
        table = table.append_column(name, pc.equal(events["type"], name).cast(pa.int64()))
    table = table.group_by(by).aggregate([(name, "sum") for name in EVENT_TYPES])
    table = table.rename_columns([name.removesuffix("_sum") for name in table.column_names])
    for name in ("position", "item_id"):
        if name not in by:
            table = table.append_column(name, pa.nulls(len(table), COUNTS.field(name).type))
    return table


class Summaries:
    """The counted days, `ds=YYYY-MM-DD.parquet` each."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def write(self, summary: Summary) -> None:
        """Keep a day's counts, in the place of those that there were."""
        said = {_ASIDE: json.dumps(dict(summary.aside)).encode()}
        sink = io.BytesIO()
        pq.write_table(summary.counts.replace_schema_metadata(said), sink, compression="zstd")
        self._files.write(f"ds={summary.ds}.parquet", sink.getvalue())

    def days(self) -> list[str]:
        """Return the days that were counted, in their order."""
        return sorted(day for name in self._files.names() if (day := _day_of(name)))

    def read(self, ds: str) -> Summary:
        """Return a day's counts; StorageError (`missing`) if it was not counted."""
        table = pq.read_table(io.BytesIO(self._files.read(f"ds={ds}.parquet")))
        aside = json.loads((table.schema.metadata or {}).get(_ASIDE, b"{}"))
        return Summary(ds, table.replace_schema_metadata(None), aside)


def _day_of(name: str) -> str | None:
    if not (name.startswith("ds=") and name.endswith(".parquet")):
        return None
    try:
        return DataInterval.day(name.removeprefix("ds=").removesuffix(".parquet")).ds
    except ValueError:
        return None
