"""The log of runs survives torn lines, writers beside each other, and its own retention."""

from __future__ import annotations

import datetime as dt
import json
import logging
import multiprocessing
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.runs import Run, forget_runs, read_runs, record_run

RUN = Run(
    kind="ingest",
    ds="2026-03-01",
    started_at="2026-03-02T00:00:05+00:00",
    seconds=1.25,
    outcome="committed",
    images=10,
    reused=4,
    detected=5,
    embedded=12,
    failed=1,
    detail={"version": 3, "why": 'a "quoted"\nline of 絵 \ud800'},
)


def started(day: int) -> Run:
    return replace(RUN, started_at=f"2026-03-{day:02d}T00:00:00+00:00", ds=f"2026-03-{day:02d}")


def test_what_is_recorded_is_read_back_in_order(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert read_runs(home) == []
    runs = [started(day) for day in (1, 2, 3)]
    for run in runs:
        record_run(home, run)
    assert read_runs(home) == runs
    assert read_runs(home, last=2) == runs[1:]
    assert read_runs(home, last=0) == []
    assert read_runs(home, last=9) == runs
    assert len((home / "runs.jsonl").read_text().splitlines()) == 3


def test_a_torn_line_costs_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record_run(tmp_path, started(1))
    path = tmp_path / "runs.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind": "ingest", "ds": "2026-')
    with caplog.at_level(logging.WARNING):
        assert read_runs(tmp_path) == [started(1)]
    assert "line 2 is torn" in caplog.text
    record_run(tmp_path, started(2))
    assert read_runs(tmp_path) == [started(1), started(2)]


@pytest.mark.parametrize("line", ["null", "7", "[]", "{}", '{"kind": "x"}', "\x00\x00\xff"])
def test_a_line_of_anything_else_is_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / "runs.jsonl").write_text(line + "\n")
    assert read_runs(tmp_path) == []
    record_run(tmp_path, RUN)
    assert read_runs(tmp_path) == [RUN]


def test_fields_of_another_version_do_no_harm(tmp_path: Path) -> None:
    line = {"kind": "index", "ds": "", "started_at": RUN.started_at, "seconds": 1, "outcome": "ok"}
    (tmp_path / "runs.jsonl").write_text(json.dumps({**line, "of_tomorrow": 1}) + "\n")
    (read,) = read_runs(tmp_path)
    assert (read.kind, read.images, read.detail) == ("index", 0, {})


def test_old_runs_are_forgotten_and_a_second_time_nothing(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        record_run(tmp_path, started(day))
    path = tmp_path / "runs.jsonl"
    path.write_bytes(b'{"torn\n' + path.read_bytes())
    third = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
    assert forget_runs(tmp_path, third, dry_run=True) == 3
    assert len(read_runs(tmp_path)) == 3
    assert forget_runs(tmp_path, third) == 3
    assert read_runs(tmp_path) == [started(3)]
    before = path.stat().st_mtime_ns
    assert forget_runs(tmp_path, third) == 0
    assert path.stat().st_mtime_ns == before


def test_nothing_to_forget_makes_no_file(tmp_path: Path) -> None:
    assert forget_runs(tmp_path / "home", dt.datetime.now(dt.UTC)) == 0
    assert not (tmp_path / "home").exists()


def _write_many(home: Path, name: str) -> None:
    for number in range(200):
        record_run(home, replace(RUN, ds=f"{name}-{number}", detail={"filler": "x" * 5000}))


def test_writers_beside_each_other_and_beside_retention_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(tmp_path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        record_run(tmp_path, started(1))
        forget_runs(tmp_path, dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    forget_runs(tmp_path, dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
    found = [run.ds for run in read_runs(tmp_path)]
    assert sorted(found) == sorted(f"{name}-{number}" for name in "ab" for number in range(200))
    assert [ds for ds in found if ds[0] == "a"] == [f"a-{number}" for number in range(200)]


def _fill_up(home: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    room = (home / "runs.jsonl").stat().st_size + 50
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    record_run(home, RUN)  # must not raise


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    record_run(tmp_path, started(1))
    before = (tmp_path / "runs.jsonl").read_bytes()
    process = multiprocessing.get_context("spawn").Process(target=_fill_up, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert (tmp_path / "runs.jsonl").read_bytes() == before
