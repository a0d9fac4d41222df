"""A day's small files become one; nothing is lost or doubled, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_store.errors import StorageError
from feature_store.events.days import EventDays
from feature_store.storage import Files, open_files
from tests.feature_store.events.shoppers import DAY, drop, event, query_id

FIRST, SECOND = query_id(DAY, 1), query_id(DAY, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drop(tmp_path, DAY, "a", [event("view", FIRST, 1), event("click", FIRST, 1)])
    drop(tmp_path, DAY, "b", [event("view", FIRST, 1), event("view", SECOND, 2)])
    return tmp_path


def days_of(folder: Path) -> EventDays:
    return EventDays(open_files(str(folder)))


def told(days: EventDays, day: str = DAY) -> list[tuple[str, str, int]]:
    rows = days.read(day).to_pylist()
    return sorted((row["query_id"], row["type"], row["position"]) for row in rows)


ALL = [(FIRST, "click", 1), (FIRST, "view", 1), (SECOND, "view", 2)]


def test_what_was_sent_twice_is_there_once(folder: Path) -> None:
    assert told(days_of(folder)) == ALL


def test_the_first_telling_counts_whatever_the_files_are_called(tmp_path: Path) -> None:
    late = event("view", FIRST, 1, bundle="forged")
    early = {**event("view", FIRST, 1), "received_at": late["received_at"].replace(hour=1)}
    drop(tmp_path, DAY, "a", [late])
    drop(tmp_path, DAY, "b", [early])
    [row] = days_of(tmp_path).read(DAY).to_pylist()
    assert row["bundle"] == "b1"


def test_a_day_is_put_together_once(folder: Path) -> None:
    days = days_of(folder)
    assert days.loose_days() == [DAY]
    done = days.compact(DAY)
    assert (done.files, done.unreadable) == (2, 0)
    assert [path.name for path in (folder / f"ds={DAY}").iterdir()] == ["day.parquet"]
    assert told(days) == ALL
    assert days.loose_days() == []
    assert days.compact(DAY).files == 0
    assert days.days() == [DAY]


def test_what_comes_later_is_put_to_it(folder: Path) -> None:
    days = days_of(folder)
    days.compact(DAY)
    drop(folder, DAY, "c", [event("view", FIRST, 1), event("conversion", FIRST, 1)])
    assert days.loose_days() == [DAY]
    days.compact(DAY)
    assert told(days) == sorted([*ALL, (FIRST, "conversion", 1)])


def test_putting_together_that_was_cut_off_doubles_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files(str(folder))
    monkeypatch.setattr(files, "delete", lambda _: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        EventDays(files).compact(DAY)
    assert len(list((folder / f"ds={DAY}").iterdir())) == 3
    assert told(days_of(folder)) == ALL
    days_of(folder).compact(DAY)
    assert told(days_of(folder)) == ALL


def test_a_file_that_holds_no_events_is_put_aside(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / f"ds={DAY}" / "torn.parquet").write_bytes(b"PAR1 torn")
    days = days_of(folder)
    assert told(days) == ALL
    assert "torn.parquet" in caplog.text
    assert days.compact(DAY).unreadable == 1
    assert days.loose_days() == []
    assert (folder / "unreadable" / f"ds={DAY}" / "torn.parquet").read_bytes() == b"PAR1 torn"
    assert told(days) == ALL
    assert days.days() == [DAY]


def test_a_reader_beside_it_reads_again(folder: Path) -> None:
    days = days_of(folder)

    class Racing:
        """Files that are put together between the listing and the reading."""

        def __init__(self, files: Files) -> None:
            self._files = files
            self.reads = 0

        def read(self, name: str) -> bytes:
            if not self.reads:
                days.compact(DAY)
            self.reads += 1
            return self._files.read(name)

        def __getattr__(self, name: str) -> object:
            return getattr(self._files, name)

    racing = Racing(open_files(str(folder)))
    assert told(EventDays(racing)) == ALL  # type: ignore[arg-type]
    assert racing.reads > 1


def test_files_that_always_vanish_are_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files(str(folder))
    monkeypatch.setattr(files, "names", lambda _="": [f"ds={DAY}/gone.parquet"])
    with pytest.raises(StorageError, match="replaced all the time"):
        EventDays(files).read(DAY)


def test_only_events_are_read(folder: Path) -> None:
    (folder / f"ds={DAY}" / ".x.parquet.7.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    drop(folder, "2026-02-30", "no-such-day", [event("view", FIRST, 9)])
    assert days_of(folder).days() == [DAY]
    assert told(days_of(folder)) == ALL


def test_some_answers_can_be_asked_for(folder: Path) -> None:
    import pyarrow as pa

    rows = days_of(folder).read(DAY, pa.array([SECOND])).to_pylist()
    assert [row["query_id"] for row in rows] == [SECOND]


def test_old_days_are_forgotten_with_what_killed_writers_left(folder: Path) -> None:
    drop(folder, "2026-02-27", "old", [event("view", FIRST, 1)])
    drop(folder, "2026-02-28", "kept", [event("view", FIRST, 1)])
    (folder / "ds=2026-02-27" / ".x.parquet.7.part").write_bytes(b"half")
    days = days_of(folder)
    assert days.forget("2026-02-28") == ["2026-02-27"]
    assert not (folder / "ds=2026-02-27").exists()
    assert days.days() == ["2026-02-28", DAY]


def test_a_day_without_events_is_empty(tmp_path: Path) -> None:
    days = days_of(tmp_path / "none")
    assert days.days() == []
    assert days.read(DAY).num_rows == 0
    assert days.compact(DAY).files == 0
