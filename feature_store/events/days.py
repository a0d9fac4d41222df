"""The events of each day: many small files of the service's workers, and one put together."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_store.errors import StorageError
from feature_store.schemas import EVENTS, DataInterval
from feature_store.storage import Files

log = logging.getLogger(__name__)

KEY = ["query_id", "type", "position", "hit_item_id"]
"""Two events that agree in these are one that was sent twice."""

WHOLE = "day.parquet"
"""The file into which a day's small ones are put."""
UNREADABLE = "unreadable"
"""The folder, beside the days, for what is no file of events."""

_ATTEMPTS = 5


@dataclass(frozen=True)
class Compacted:
    """What putting a day together did."""

    files: int
    """Small files that were put together."""
    unreadable: int
    """Files that held no events, and were put aside."""


class EventDays:
    """The days below one folder or bucket; safe beside services that go on writing."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def days(self) -> list[str]:
        """Return the days (YYYY-MM-DD) that have events, in their order."""
        return sorted({day for name in self._files.names() if (day := _day_of(name))})

    def loose_days(self) -> list[str]:
        """Return the days that have files which are not put together yet."""
        return sorted(
            {day for name in self._files.names() if (day := _day_of(name)) and _loose(name)}
        )

    def read(self, day: str, only: pa.Array | None = None) -> pa.Table:
        """Return a day's events (`EVENTS`), each once, in the order in which they came.

        `only` names the answers (query_id) that are wanted.
        """
        for _ in range(_ATTEMPTS):
            try:
                tables = [table for _, table in self._tables(self._names(day), only)]
            except StorageError as error:
                if error.reason != "missing":
                    raise
                continue  # put together meanwhile
            return once(_concatenated(tables))
        raise StorageError("changed", f"the files of {day} are replaced all the time; try again")

    def compact(self, day: str) -> Compacted:
        """Put a day's files into one; done again, it finds nothing to do.

        A reader, or whoever kills this half-way, finds some events twice, never one too few.
        """
        names = self._names(day)
        loose = [name for name in names if _loose(name)]
        if not loose:
            return Compacted(0, 0)
        read = dict(self._tables(names))
        if read:
            sink = io.BytesIO()
            pq.write_table(once(_concatenated(read.values())), sink, compression="zstd")
            self._files.write(f"ds={day}/{WHOLE}", sink.getvalue())
        for name in names:
            if name not in read:
                self._files.write(f"{UNREADABLE}/{name}", self._files.read(name))
        for name in names:
            if name not in read or _loose(name):
                self._files.delete(name)
        return Compacted(len(loose), len(names) - len(read))

    def forget(self, before: str) -> list[str]:
        """Remove the days before a day; return which they were."""
        gone = [name for name in self._files.names() if (day := _day_of(name)) and day < before]
        for name in gone:
            self._files.delete(name)
        return sorted({_day_of(name) or "" for name in gone})

    def _names(self, day: str) -> list[str]:
        return [name for name in self._files.names(f"ds={day}") if _day_of(name) == day]

    def _tables(
        self, names: Iterable[str], only: pa.Array | None = None
    ) -> Iterable[tuple[str, pa.Table]]:
        for name in names:
            try:
                table = pq.read_table(io.BytesIO(self._files.read(name)))
                table = table.select(EVENTS.names).cast(EVENTS)
            except (pa.ArrowException, KeyError, ValueError) as error:
                log.warning("%s holds no events and is passed over: %s", name, error)
                continue
            yield name, table if only is None else table.filter(pc.is_in(table["query_id"], only))


def once(events: pa.Table) -> pa.Table:
    """Return each event once, as it first came, in the order in which they came."""
    order = [("received_at", "ascending"), *((name, "ascending") for name in EVENTS.names[1:])]
    events = events.sort_by(order)
    numbered = events.select(KEY).append_column("row", pa.array(range(len(events)), pa.int64()))
    first = numbered.group_by(KEY).aggregate([("row", "min")])["row_min"]
    return events.take(first.take(pc.sort_indices(first)))


def _concatenated(tables: Iterable[pa.Table]) -> pa.Table:
    return pa.concat_tables([EVENTS.empty_table(), *tables]).combine_chunks()


def _day_of(name: str) -> str | None:
    """The day of a file that may hold events; None for any other file."""
    folder, _, file = name.partition("/")
    if not folder.startswith("ds=") or "/" in file or not file.endswith(".parquet"):
        return None
    try:
        return DataInterval.day(folder.removeprefix("ds=")).ds
    except ValueError:
        return None


def _loose(name: str) -> bool:
    return not name.endswith(f"/{WHOLE}")
