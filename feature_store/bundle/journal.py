"""The journal of a folder of bundles: a line of JSON for each thing that happened to the pointers.

It tells rollbacks where to go and people what was live when. CURRENT is what counts: a line that
was lost, or cut short by a power failure, takes nothing from it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

PUBLISHED = "PUBLISHED.jsonl"


class Journal:
    """The file PUBLISHED.jsonl of one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PUBLISHED

    def note(self, entry: Mapping[str, Any]) -> None:
        """Add a line, synced; where that cannot be, say so and go on: it has happened all the same.

        The line begins anew even if the one before it was cut short.
        """
        line = json.dumps(entry) + "\n"
        try:
            with self._path.open("ab+") as file:
                if file.tell() and not self._ends_a_line():
                    line = "\n" + line
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.warning("%s cannot be written (%s): it lacks %s", self._path, error, line.strip())

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield what was noted, oldest first."""
        try:
            lines = self._path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict):
                yield entry

    def _ends_a_line(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
