"""The log of runs: JSON Lines, each line appended at once, under a lock."""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

RUNS, LOCK = "runs.jsonl", ".runs.lock"


@dataclass(frozen=True)
class Run:
    """One run of one kind of work, and what it did.

    `kind` is ingest, upgrade, index or upkeep; `ds` the day that it is about ("" where there is
    none); `started_at` an ISO 8601 time in UTC; `outcome` a word such as committed, unchanged or
    failed. `images` counts the images it looked at, `reused` those whose features were known,
    `detected` those that went through the detector, `embedded` the regions that went through an
    extractor, `failed` the images that could not be used. `detail` holds what only this kind of
    run has to tell, as plain values.
    """

    kind: str
    ds: str
    started_at: str
    seconds: float
    outcome: str
    images: int = 0
    reused: int = 0
    detected: int = 0
    embedded: int = 0
    failed: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


def record_run(home: Path, run: Run) -> None:
    """Append one run to the log of `home`.

    What a run did is done whether or not it can be noted: a log that cannot be written (a full
    disk) is an error in the program's log, never in the run.
    """
    line = json.dumps(asdict(run), default=str).encode() + b"\n"
    try:
        with _lock(home):
            _append(home / RUNS, line)
    except OSError as error:
        log.error("the run cannot be noted in %s (%s): %s", home / RUNS, error, line.decode())


def read_runs(home: Path, *, last: int | None = None) -> list[Run]:
    """Return the runs of `home`, oldest first; with `last`, only so many of the newest.

    A line that a power failure tore is passed over with a warning.
    """
    runs = [run for _, run in _read(home / RUNS) if run is not None]
    return runs if last is None else runs[max(0, len(runs) - last) :]


def forget_runs(home: Path, before: dt.datetime, *, dry_run: bool = False) -> int:
    """Remove the runs that started before a time, and torn lines; return how many lines.

    With `dry_run`, only count them. Runs recorded meanwhile are kept.
    """
    path = home / RUNS
    if not path.is_file():
        return 0
    with _lock(home):
        lines = _read(path)
        kept = [line for line, run in lines if run is not None and _started(run) >= before]
        if len(kept) < len(lines) and not dry_run:
            beside = path.with_name(f".{RUNS}.part")
            with beside.open("wb") as file:
                file.write(b"".join(line + b"\n" for line in kept))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
    return len(lines) - len(kept)


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line  # the line before was torn: it must not take this one with it
        if os.write(descriptor, line) < len(line):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> list[tuple[bytes, Run | None]]:
    """Return each line with the run that it tells of; None for one that is torn."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found: list[tuple[bytes, Run | None]] = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        run = _parse(line)
        if run is None:
            log.warning("%s, line %d is torn and tells of no run; it is passed over", path, number)
        found.append((line, run))
    return found


def _parse(line: bytes) -> Run | None:
    known = {entry.name for entry in fields(Run)}
    try:
        values = json.loads(line)
        run = Run(**{name: value for name, value in values.items() if name in known})
        _started(run)
    except (ValueError, TypeError, AttributeError):
        return None
    return run


def _started(run: Run) -> dt.datetime:
    started = dt.datetime.fromisoformat(run.started_at)
    return started if started.tzinfo else started.replace(tzinfo=dt.UTC)


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Let one writer at a time in; the lock is a file of its own, for the log may be replaced."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
