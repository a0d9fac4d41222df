"""Forking, waiting and signalling, without anything of what the service does."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_LOG = logging.getLogger(__name__)
STOPPING = (signal.SIGTERM, signal.SIGINT)


def fork(run: Callable[[], int]) -> int:
    """Run a function in a child process and return the child's id; its result is the exit status.

    The child never returns into the parent's code, and starts with the signals' default actions.
    """
    sys.stdout.flush()
    sys.stderr.flush()
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
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


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
