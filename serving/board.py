"""A little memory that all processes of the service share: counters and the latest notice.

It is an anonymous mapping made before the first fork. Every process writes only its own row of
counters, so no lock is needed to count and nothing is left behind in a file when the service ends.
"""

from __future__ import annotations

import fcntl
import json
import logging
import mmap
import os
import struct
import tempfile
import time
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_LOG = logging.getLogger(__name__)

_NOTICE_BYTES = 16384
_HEAD = struct.Struct("=II")


class Board:
    """Rows of numbers, one for each process, zeros at first; and one notice, a JSON object.

    A row outlives the process that counted in it, and the next one goes on from there: what all
    have counted together never falls. Only the first `momentary` numbers of a row are about the
    process itself, and nothing once it is gone.
    """

    def __init__(self, rows: int, columns: int, momentary: int = 0) -> None:
        """Make room for `rows` processes that live at the same time."""
        self._memory = mmap.mmap(-1, _NOTICE_BYTES + rows * (1 + columns) * 8)
        flat: npt.NDArray[np.float64] = np.frombuffer(
            self._memory, np.float64, offset=_NOTICE_BYTES
        )
        self._claimed = flat[:rows]
        """1 where a process has, or had, the row."""
        self.cells = flat[rows:].reshape(rows, columns)
        """float64 (rows, columns)."""
        self._momentary = momentary
        self._locks = _nameless_file()
        self._own: set[tuple[int, int]] = set()
        self.tell({})

    def claim(self) -> npt.NDArray[np.float64]:
        """Return a row that no other living process has: it is this one's until it ends.

        The kernel lets go of it then, however the process ends. When all are taken, it is a row
        that nobody sees: better to serve uncounted than not at all.
        """
        for row in range(len(self.cells)):
            if (os.getpid(), row) not in self._own and self._lock(row):
                self._own.add((os.getpid(), row))
                self.cells[row, : self._momentary] = 0
                self._claimed[row] = 1
                cells: npt.NDArray[np.float64] = self.cells[row]
                return cells
        _LOG.warning("all %d rows of the board are taken: not all is counted", len(self.cells))
        return np.zeros(self.cells.shape[1])

    def totals(self) -> npt.NDArray[np.float64]:
        """Return the sum over all processes, float64 (columns,), without what died with one."""
        for row in np.flatnonzero(self._claimed).tolist():
            if (os.getpid(), row) not in self._own and self._lock(row):
                self.cells[row, : self._momentary] = 0
                self._claimed[row] = 0
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, row)
        totals: npt.NDArray[np.float64] = self.cells.sum(axis=0)
        return totals

    def _lock(self, row: int) -> bool:
        """Lock a row's byte as the kernel keeps it: for this process, not for its children."""
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
        except OSError:
            return False
        return True

    def tell(self, notice: dict[str, Any]) -> None:
        """Replace the notice; only one process may ever do this."""
        encoded = json.dumps(notice).encode()
        if len(encoded) > _NOTICE_BYTES - _HEAD.size:
            raise ValueError(f"a notice of {len(encoded)} bytes does not fit")
        # A reader that meets half of this finds that size, checksum and text do not agree.
        self._memory[: _HEAD.size] = _HEAD.pack(len(encoded), _checksum(encoded))
        self._memory[_HEAD.size : _HEAD.size + len(encoded)] = encoded

    def notice(self) -> dict[str, Any]:
        """Return the latest notice, never half of one."""
        while True:
            size, checksum = _HEAD.unpack_from(self._memory, 0)
            encoded = self._memory[_HEAD.size : _HEAD.size + size]
            if _checksum(encoded) == checksum:
                notice: dict[str, Any] = json.loads(encoded)
                return notice
            time.sleep(0.0001)


def _nameless_file() -> int:
    """Return a descriptor whose bytes can be locked: in memory where the system has that."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("nitamono-board")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _checksum(encoded: bytes) -> int:
    """A CRC that starts at 1: the checksum of nothing must not be the 0 of blank memory."""
    return zlib.crc32(encoded, 1)
