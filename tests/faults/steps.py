"""Death at a chosen step: counts what a process changes on disk, and kills it at the n-th change.

Python announces each such change before it happens (an audit event), whichever code makes it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.utime"}


class Countdown:
    """Counts the changes under `folder` from each `begin` on; dies at the `last` one.

    There is no way to take the hook away again: use it in a process that is a victim.
    """

    def __init__(self, folder: Path) -> None:
        """Start to listen."""
        self.count = 0
        self._folder = str(folder)
        self._last = 0
        sys.addaudithook(self._hear)

    def begin(self, last: int = 0) -> None:
        """Count from none, and die at the `last` change from here (0: never)."""
        self.count, self._last = 0, last

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        if not self._changes(event, given):
            return
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def _changes(self, event: str, given: tuple[Any, ...]) -> bool:
        if event == "open":
            path, _, flags = given
            writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
            return writes and self._is_ours(path)
        if event not in CHANGES:
            return False
        # rmtree names its files within an open folder.
        within = event in {"os.remove", "os.rmdir"} and given[-1] not in (-1, None)
        return within or self._is_ours(given[0])

    def _is_ours(self, path: Any) -> bool:
        if isinstance(path, int):
            return False
        return os.fsdecode(path).startswith(self._folder)
