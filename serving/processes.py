"""Forking, waiting and signalling, without anything of what the service does."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_FILES = 65_536
"""More open files than this no worker needs."""
_AFTER_OTHERS = 10
"""A priority ("niceness") whose holder gets a tenth of what others get who want it, too."""
STOPPING = (signal.SIGTERM, signal.SIGINT)


def fork(run: Callable[[], int]) -> int:
    """Run a function in a child process and return the child's id; its result is the exit status.

    The child never returns into the parent's code, and starts with the signals' default actions.
    """
    _flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (*STOPPING, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        status = run()
    except BaseException:  # noqa: BLE001 - nothing may travel up into the parent's stack
        _LOG.exception("process %d failed", os.getpid())
    finally:
        logging.shutdown()
        _flush()
        os._exit(status)


def _flush() -> None:
    """Write what is buffered; where there is no room for it, it is no reason to stop serving."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


def gently(run: Callable[[], T]) -> T:
    """Run a function in a thread that leaves the processors to others, and return its result.

    On Linux, where each thread has a priority of its own: a process could not take its own back.
    """

    def run_after_others() -> T:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _AFTER_OTHERS)
        return run()

    with ThreadPoolExecutor(1) as thread:  # which has ended before anything is forked
        return thread.submit(run_after_others).result()


def raise_file_limit() -> None:
    """Let this process, and its children, open as many files as it may: connections are files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def tell(child: int, number: int) -> None:
    """Send a signal to a child that may be gone."""
    try:
        os.kill(child, number)
    except ProcessLookupError:
        return


def ended(child: int) -> bool:
    """Reap a child if it has ended; return whether it has."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


class Bell:
    """Wakes a waiting process at a signal; `stopping` says whether it was told to stop."""

    def __init__(self) -> None:
        self.stopping = False
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    @contextmanager
    def listening(self) -> Iterator[Bell]:
        """Listen for the signals that stop, and for ended children."""
        before = {number: signal.signal(number, self._stop) for number in STOPPING}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(self._rung.fileno(), warn_on_full_buffer=False)
        try:
            yield self
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._heard.close()
            self._rung.close()

    def wait(self, seconds: float, *also: int) -> None:
        """Wait for a signal, for something to read on the descriptors `also`, or `seconds`."""
        select.select([self._heard.fileno(), *also], [], [], max(0.0, seconds))
        try:
            while self._heard.recv(4096):
                pass
        except BlockingIOError:
            return

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
