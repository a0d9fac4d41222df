"""Events on their way to the disk: whole files, a full disk, a limit, the end of a worker."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from feature_store.errors import StorageError
from feature_store.schemas import EVENTS
from feature_store.storage import open_files
from serving import event_log
from serving.event_log import Event, EventLog
from tests.serving.service_process import until

VIEW = Event("view", "0" * 32, "asked", 1, "hit", "b1", None)
CLICK = VIEW._replace(type="click", session="a-random-visit")
NEVER = 3600.0


class Disk:
    """A folder of files that can be full, or slow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.attempts = 0

    def write(self, name: str, data: bytes) -> None:
        self.attempts += 1
        assert self.open.wait(30)
        if self.error is not None:
            raise self.error
        open_files(str(self.folder)).write(name, data)

    def rows(self) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for path in sorted(self.folder.glob("ds=*/*.parquet")):
            table = pq.read_table(path, partitioning=None)
            assert table.schema.equals(EVENTS)
            found += [tuple(row.values()) for row in table.to_pylist()]
        return found


class Opened:
    """A log on a disk, and what it has counted."""

    def __init__(self, disk: Disk, flush_seconds: float) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.log = EventLog(disk, self.count, flush_seconds)  # type: ignore[arg-type]

    def count(self, kind: str, outcome: str, times: int = 1) -> None:
        self.counts[kind, outcome] += times


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.fixture
def begin(disk: Disk) -> Iterator[Callable[[float], Opened]]:
    logs: list[EventLog] = []

    def open_one(flush_seconds: float) -> Opened:
        opened = Opened(disk, flush_seconds)
        logs.append(opened.log)
        return opened

    yield open_one
    disk.open.set()
    for log in logs:
        log.close()


Begin = Callable[[float], Opened]


def test_what_came_is_written_within_the_time(disk: Disk, begin: Begin) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    opened = begin(0.05)
    assert opened.log.add([VIEW, CLICK], 200)
    until(lambda: len(disk.rows()) == 2)
    [view, click] = disk.rows()
    assert (view[1:], click[1:]) == (tuple(VIEW), tuple(CLICK))
    assert isinstance(view[0], dt.datetime)
    assert before <= view[0] <= dt.datetime.now(dt.UTC)
    assert opened.counts == {("view", "accepted"): 1, ("click", "accepted"): 1}
    [path] = disk.folder.glob("ds=*/*")
    assert path.parent.name in {f"ds={before.date()}", f"ds={dt.datetime.now(dt.UTC).date()}"}


def test_enough_events_do_not_wait_for_the_time(disk: Disk, begin: Begin) -> None:
    log = begin(NEVER).log
    for _ in range(event_log.ENOUGH // 100):
        log.add([VIEW] * 100, 1000)
    until(lambda: len(disk.rows()) == event_log.ENOUGH)


def test_the_end_writes_what_waits(disk: Disk, begin: Begin) -> None:
    log = begin(NEVER).log
    log.add([VIEW], 100)
    assert disk.rows() == []
    log.close()
    assert len(disk.rows()) == 1


def test_an_end_that_was_announced_writes_at_once(disk: Disk, begin: Begin) -> None:
    log = begin(NEVER).log
    log.add([VIEW], 100)
    log.hasten()
    until(lambda: len(disk.rows()) == 1)
    log.add([CLICK], 100)
    log.close()
    assert len(disk.rows()) == 2


def test_nothing_writes_nothing(disk: Disk, begin: Begin) -> None:
    begin(0.01).log.close()
    assert disk.attempts == 0


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), StorageError("timed_out", "no answer")]
)
def test_what_cannot_be_written_waits_and_is_written_later(
    disk: Disk, begin: Begin, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    disk.error = error
    opened = begin(0.02)
    opened.log.add([VIEW], 100)
    until(lambda: disk.attempts >= 3)
    opened.log.add([CLICK], 100)
    assert disk.rows() == []
    disk.error = None
    until(lambda: len(disk.rows()) == 2)
    assert sum(opened.counts.values()) == 2
    assert caplog.text.count("cannot be written, and wait") == 1  # not once for each attempt
    until(lambda: "written again" in caplog.text)


def test_a_full_disk_is_not_tried_all_the_time(
    disk: Disk, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "ENOUGH", 1)
    disk.error = OSError(28, "No space left on device")
    log = begin(NEVER).log
    log.add([VIEW], 10)
    until(lambda: disk.attempts)
    for _ in range(200):
        log.add([VIEW], 10)
        log.hasten()
    log.close()
    assert disk.attempts == 2  # the first, and the one at the end


def test_beyond_the_limit_events_are_refused_and_counted(
    disk: Disk, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "MAX_WAITING_BYTES", 250)
    disk.error = OSError(28, "No space left on device")
    opened = begin(0.02)
    assert [opened.log.add([VIEW], 100) for _ in range(3)] == [True, True, False]
    assert opened.counts == {("view", "accepted"): 2, ("view", "lost"): 1}
    disk.error = None
    until(lambda: len(disk.rows()) == 2)
    until(lambda: opened.log.add([VIEW], 100))  # there is room again


def test_what_comes_while_a_file_is_written_is_in_the_next(disk: Disk, begin: Begin) -> None:
    log = begin(0.02).log
    disk.open.clear()
    log.add([VIEW], 100)
    until(lambda: disk.attempts)
    log.add([CLICK], 100)
    disk.open.set()
    until(lambda: len(disk.rows()) == 2)
    assert len(list(disk.folder.glob("ds=*/*"))) == 2


def test_an_end_without_room_says_what_is_lost(
    disk: Disk, begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    disk.error = OSError(28, "No space left on device")
    opened = begin(NEVER)
    opened.log.add([VIEW, CLICK], 100)
    opened.log.close()
    assert "are lost" in caplog.text
    assert opened.counts["view", "lost"] == opened.counts["click", "lost"] == 1


def test_an_end_does_not_wait_for_a_disk_for_ever(disk: Disk, begin: Begin) -> None:
    opened = begin(NEVER)
    disk.open.clear()
    opened.log.add([VIEW], 100)
    opened.log.close(patience_seconds=0.05)
    assert opened.counts["view", "lost"] == 1


def test_a_bad_batch_does_not_stand_before_the_others(disk: Disk, begin: Begin) -> None:
    opened = begin(0.02)
    opened.log.add([VIEW._replace(position="no number")], 100)  # type: ignore[arg-type]
    until(lambda: opened.counts["view", "lost"])
    opened.log.add([CLICK], 100)
    until(lambda: len(disk.rows()) == 1)


def test_events_around_midnight_are_of_their_own_day(
    disk: Disk, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    midnight = dt.datetime(2026, 3, 2, tzinfo=dt.UTC).timestamp()
    log = begin(NEVER).log
    for seconds in (-0.001, 0.0):
        monkeypatch.setattr("time.time_ns", lambda at=midnight + seconds: int(at * 1e9))
        log.add([VIEW], 100)
    log.close()
    assert sorted(path.name for path in disk.folder.iterdir()) == [
        "ds=2026-03-01",
        "ds=2026-03-02",
    ]
