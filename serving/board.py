"""A little memory that all processes of the service share: counters and the latest notice.

It is an anonymous mapping made before the first fork. Every process writes only its own row of
counters, so no lock is needed and nothing is left behind in a file when the service ends.
"""

from __future__ import annotations

import json
import mmap
import struct
import time
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_NOTICE_BYTES = 16384
_HEAD = struct.Struct("=II")


class Board:
    """`cells`: float64 (rows, columns), zeros at first; one notice, a JSON object."""

    def __init__(self, rows: int, columns: int) -> None:
        self._memory = mmap.mmap(-1, _NOTICE_BYTES + rows * columns * 8)
        flat: npt.NDArray[np.float64] = np.frombuffer(
            self._memory, np.float64, offset=_NOTICE_BYTES
        )
        self.cells = flat.reshape(rows, columns)
        self.tell({})

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


def _checksum(encoded: bytes) -> int:
    """A CRC that starts at 1: the checksum of nothing must not be the 0 of blank memory."""
    return zlib.crc32(encoded, 1)
