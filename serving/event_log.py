"""What shoppers did, on its way to the disk: kept for seconds, then written as one Parquet file.

Every worker writes files of its own, `ds=YYYY-MM-DD/<a name that no other file has>.parquet` with
the columns of `feature_store.schemas.EVENTS`, so that none waits for another. A thread writes them;
where it cannot (a full disk, a bucket that does not answer) the events wait up to a limit, and what
comes after that is dropped and counted. No question waits for any of this.
"""

from __future__ import annotations

import datetime as dt
import io
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.errors import StorageError
from feature_store.schemas import EVENTS
from feature_store.storage import Files
from serving.log import event

_LOG = logging.getLogger(__name__)

ENOUGH = 5000
"""So many events are written without waiting for the time to come."""

MAX_WAITING_BYTES = 8 * 2**20
"""How much may wait, by the length of the bodies in which it came; in memory it is up to six times
as much."""


class Event(NamedTuple):
    """One event as it was told; the fields are those of `EVENTS` without the time."""

    type: str
    query_id: str
    item_id: str | None
    position: int
    hit_item_id: str
    bundle: str
    session: str | None


class Count(Protocol):
    """Counts what becomes of events."""

    def __call__(self, kind: str, outcome: str, times: int = 1) -> None:
        """Count so many of a type as `accepted`, `rejected` or `lost`."""


@dataclass(frozen=True)
class _Batch:
    received_ms: int
    events: Sequence[Event]
    size_bytes: int


class EventLog:
    """The events of one worker; `add` is for its event loop, all else happens in a thread."""

    def __init__(self, files: Files, count: Count, flush_seconds: float) -> None:
        """Begin to write to `files`, every `flush_seconds` if there is something to write."""
        self._files = files
        self._count = count
        self._flush_seconds = flush_seconds
        self._lock = threading.Lock()
        self._waiting: list[_Batch] = []
        self._waiting_bytes = 0
        self._waiting_events = 0
        self._failing = False
        self._due, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="events", daemon=True)
        self._thread.start()

    def add(self, events: Sequence[Event], size_bytes: int) -> bool:
        """Take events that came in a body of so many bytes; return whether there was room."""
        batch = _Batch(time.time_ns() // 1_000_000, events, size_bytes)
        with self._lock:
            fits = self._waiting_bytes + size_bytes <= MAX_WAITING_BYTES
            if fits:
                self._waiting.append(batch)
                self._waiting_bytes += size_bytes
                self._waiting_events += len(events)
            enough = self._waiting_events >= ENOUGH
        if enough:
            self._due.set()
        self._tell([batch], "accepted" if fits else "lost")
        return fits

    def hasten(self) -> None:
        """Do not wait for the time to come."""
        self._due.set()

    def close(self, patience_seconds: float = 5.0) -> None:
        """Write what waits, and end; what cannot be written in time is lost, and counted."""
        self._ending.set()
        self._due.set()
        self._thread.join(patience_seconds)
        with self._lock:
            lost, self._waiting = self._waiting, []
        if lost:
            fields = event("events_lost", batches=len(lost))
            said = "%d batches of events could not be written, and are lost"
            _LOG.error(said, len(lost), extra=fields)
            self._tell(lost, "lost")

    def _keep_writing(self) -> None:
        while not self._ending.is_set():
            self._due.wait(self._flush_seconds)
            self._due.clear()
            if not self._write():
                self._ending.wait(self._flush_seconds)
        self._write()

    def _write(self) -> bool:
        """Write what waits, a file for each day; what could not be written goes on waiting."""
        with self._lock:
            batches = sorted(self._waiting, key=lambda batch: batch.received_ms)
        done: list[_Batch] = []
        try:
            for day, of_day in _by_day(batches):
                self._files.write(f"ds={day}/{_new_name()}.parquet", _encoded(of_day))
                done += of_day
        except (OSError, StorageError) as error:
            if not self._failing:
                fields = event("events_waiting", reason=error)
                _LOG.error("events cannot be written, and wait: %s", error, extra=fields)
            self._failing = True
            return False
        except Exception:  # noqa: BLE001 - one bad batch must not stand before all others for ever
            fields = event("events_lost", batches=len(batches) - len(done))
            said = "%d batches of events cannot be written, and are lost"
            _LOG.exception(said, len(batches) - len(done), extra=fields)
            self._tell(batches[len(done) :], "lost")
            done = batches
        finally:
            self._forget(done)
        if self._failing:
            _LOG.warning("events are written again")
        self._failing = False
        return True

    def _tell(self, batches: Iterable[_Batch], outcome: str) -> None:
        kinds = Counter(event.type for batch in batches for event in batch.events)
        for kind, times in kinds.items():
            self._count(kind, outcome, times)

    def _forget(self, done: Sequence[_Batch]) -> None:
        written = set(map(id, done))
        with self._lock:
            self._waiting = [batch for batch in self._waiting if id(batch) not in written]
            self._waiting_bytes = sum(batch.size_bytes for batch in self._waiting)
            self._waiting_events = sum(len(batch.events) for batch in self._waiting)


def _by_day(batches: Iterable[_Batch]) -> list[tuple[str, list[_Batch]]]:
    days: dict[str, list[_Batch]] = {}
    for batch in batches:
        received = dt.datetime.fromtimestamp(batch.received_ms / 1000, dt.UTC)
        days.setdefault(received.date().isoformat(), []).append(batch)
    return list(days.items())


def _encoded(batches: Sequence[_Batch]) -> bytes:
    rows = [(batch.received_ms, *event) for batch in batches for event in batch.events]
    columns = zip(*rows, strict=True)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, EVENTS, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays, schema=EVENTS), sink, compression="zstd")
    return sink.getvalue()


def _new_name() -> str:
    """A name that sorts by time, and says nothing about the machine."""
    return f"{time.time_ns() // 1_000_000:012x}-{os.urandom(8).hex()}"
