"""Children forked from one warm process: they run a task, say where they are, and can be killed.

The warm process has imported everything and called nothing, and each child is forked from it alone,
so that no thread, no lock and no open file of the harness is in a child. A child that calls nothing
but this module can have children of its own: they share its view of the disks.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from feature_store.errors import NitamonoError

Mark = Callable[[str], None]
"""Says where a child is."""

DEADLINE_SECONDS = 120.0

QUIET_THREADS = {"jemalloc_bg_thd"}
"""Threads of libraries' allocators, which look after themselves when their process forks."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What keeps numeric libraries from starting threads as soon as they are imported."""

_forks: Any = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Ending:
    """How a child ended: with a `value`, with an error, or by a signal (then both are empty).

    `on_purpose` is true for an error that says what is wrong: one of the tree, or the system's.
    """

    value: Any = None
    error: str = ""
    said: str = ""
    on_purpose: bool = True
    signal: int = 0

    @property
    def well(self) -> bool:
        """Whether the task came to its end."""
        return not self.error and not self.signal

    def __str__(self) -> str:
        """Say it in a line."""
        if self.signal:
            return signal.Signals(self.signal).name
        first = self.said.strip().splitlines()[:1]
        return f"{self.error}: {first[0] if first else ''}" if self.error else "done"


class Child:
    """A forked process that runs `task(mark, *given)`; its prints go to the file `log`."""

    def __init__(self, log: Path, task: Callable[..., Any], *given: Any) -> None:
        """Start it."""
        _warm_up()
        self._pipe, theirs = _forks.Pipe(duplex=False)
        self._process = _forks.Process(target=_run, args=(theirs, str(log), task, given))
        self._process.start()
        theirs.close()
        self.marks: list[str] = []
        self._ending: Ending | None = None

    def wait_for(self, mark: str) -> bool:
        """Wait until the child gives a mark; False if it ends before."""
        while mark not in self.marks:
            if not self._hear(DEADLINE_SECONDS):
                return False
        return True

    def hear_for(self, seconds: float) -> bool:
        """Listen for so long; False if the child ends meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._pipe.poll(left) and not self._hear(0):
                return False
        return True

    def kill(self) -> Ending:
        """Kill it with SIGKILL and hear out what it said before."""
        pid = self._process.pid
        if self._process.is_alive() and pid is not None:
            os.kill(pid, signal.SIGKILL)
        return self.finish()

    def finish(self, tell: Mark | None = None) -> Ending:
        """Wait for its end; `tell` hears each further mark."""
        if self._pipe.closed and self._ending is not None:
            return self._ending
        while self._hear(DEADLINE_SECONDS):
            if tell is not None:
                tell(self.marks[-1])
        self._process.join(DEADLINE_SECONDS)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"a child is still running after its marks {self.marks[-3:]}")
        self._pipe.close()
        if code < 0:
            self._ending = Ending(signal=-code)
        elif self._ending is None:
            self._ending = Ending(error="Vanished", said=f"status {code}", on_purpose=False)
        return self._ending

    def _hear(self, seconds: float) -> bool:
        """Take in one message; False at the end of them."""
        if self._ending is not None:
            return False
        if not self._pipe.poll(seconds):
            raise TimeoutError(f"a child says nothing after its marks {self.marks[-3:]}")
        try:
            said = self._pipe.recv()
        except (EOFError, ConnectionError):
            return False
        if isinstance(said, Ending):
            self._ending = said
            return False
        self.marks.append(said)
        return True


def call(log: Path, task: Callable[..., Any], *given: Any) -> Any:
    """Run `task(mark, *given)` in a child and return its value; RuntimeError if it fails."""
    ending = Child(log, task, *given).finish()
    if not ending.well:
        raise RuntimeError(f"{task.__name__}: {ending} (its output is in {log})")
    return ending.value


def _warm_up() -> None:
    """Start the warm process, unless it runs already, or this is a child of it."""
    if _forks.get_start_method() == "fork":
        return
    _forks.set_forkserver_preload(["tests.faults.warm"])
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run(pipe: Connection, log: str, task: Callable[..., Any], given: tuple[Any, ...]) -> None:
    with Path(log).open("a", encoding="utf-8") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    global _forks  # noqa: PLW0603 - from here on this process is a child
    _forks = multiprocessing.get_context("fork")
    # So that a library's lock has no name, which a killed child would leave behind.
    multiprocessing.set_start_method("fork", force=True)
    threads = _threads()
    if len(threads) > 1:
        raise RuntimeError(f"the warm process has threads of its own: {threads}")
    try:
        ending = Ending(value=task(pipe.send, *given))
    except Exception as error:  # noqa: BLE001 - whatever it is, the harness judges it
        purpose = isinstance(error, NitamonoError | OSError)
        ending = Ending(error=type(error).__name__, said=str(error), on_purpose=purpose)
    pipe.send(ending)


def _threads() -> list[str]:
    """Name this process's threads but the allocators'."""
    names = [(path / "comm").read_text().strip() for path in Path("/proc/self/task").iterdir()]
    return [name for name in names if name not in QUIET_THREADS]
