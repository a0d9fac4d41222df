"""A load generator, `wrk`, and what it says of the answers it got."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_suffix(".lua")


@dataclass(frozen=True)
class Answered:
    """What became of the questions of one run; times as the client sees them."""

    requests: int
    seconds: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    """Connections that were not accepted."""
    broken: int
    """Connections that ended before the answer had."""
    wrong: int
    """Answers whose status is 400 or more."""
    late: int
    """Answers that took more than two seconds."""

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        """Questions without a good answer."""
        return self.refused + self.broken + self.wrong + self.late


class Load:
    """Asks a server again and again for what stands in a file."""

    def __init__(self, address: str, questions: Path, connections: int) -> None:
        """Take http://host:port, the file (see `write_questions`), and how many ask at once."""
        self._address = address
        self._questions = questions
        self._connections = connections

    def run(self, seconds: float, *, pause_ms: float = 0.0) -> Answered:
        """Ask for so long; each connection waits `pause_ms` on average before it asks again."""
        with self.start(seconds, pause_ms=pause_ms) as running:
            return read(running)

    def start(self, seconds: float, *, pause_ms: float = 0.0) -> subprocess.Popen[str]:
        """Begin to ask; `read` waits for the end."""
        command = [
            require_wrk(),
            "--threads=1",
            f"--connections={self._connections}",
            f"--duration={max(1, round(seconds))}s",
            f"--script={SCRIPT}",
            self._address,
            "--",
            str(self._questions),
            f"{pause_ms:g}",
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def pause_for(self, per_second: float, answer_ms: float) -> float:
        """Return the pause, in milliseconds, that makes so many questions a second."""
        return max(0.0, 1000 * self._connections / per_second - answer_ms)


def read(running: subprocess.Popen[str]) -> Answered:
    """Wait for the end of a run; AssertionError where wrk gives up."""
    said, _ = running.communicate()
    lines = [line for line in said.splitlines() if line.startswith("{")]
    assert running.returncode == 0, f"wrk failed: {said}"
    assert lines, f"wrk did not say what it found: {said}"
    return Answered(**json.loads(lines[-1]))


def write_questions(path: Path, questions: Iterable[str]) -> Path:
    """Write one question a line, `GET address` or `POST address body`; return the file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{question}\n" for question in questions)
    return path


def require_wrk() -> str:
    """Return where wrk is; SystemExit saying how to get it."""
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("wrk, the load generator, is missing: apt-get install wrk")
    return found
