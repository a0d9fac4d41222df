"""How files and folders go: counted first, and only if nobody has touched them since."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Removal:
    """What was removed, or would be: files, and their bytes."""

    files: int = 0
    freed_bytes: int = 0

    def __add__(self, other: Removal) -> Removal:
        """Put two together."""
        return Removal(self.files + other.files, self.freed_bytes + other.freed_bytes)


@dataclass(frozen=True)
class Remover:
    """Removes what was last touched before `before` (seconds since 1970); counts if `dry_run`."""

    before: float
    dry_run: bool = False

    def stale(self, path: Path) -> bool:
        """Tell whether nobody has touched a file, or anything in a folder, since `before`.

        What is not there any more is nobody's: it is not stale.
        """
        newest = max((status.st_mtime for status in _tree(path)), default=None)
        return newest is not None and newest < self.before

    def remove(self, path: Path) -> Removal:
        """Remove a file, or a folder with all that is in it, if it is stale.

        It is put out of sight first and looked at again: whoever touches it meanwhile keeps it,
        and whoever comes later finds nothing, never a part.
        """
        if not self.stale(path):
            return Removal()
        if self.dry_run:
            return measure(path)
        hidden = path.with_name(f".removed-{path.name}.{os.getpid()}.part")
        try:
            path.rename(hidden)
        except FileNotFoundError:  # another upkeep was faster
            return Removal()
        if not self.stale(hidden) and not path.exists():
            hidden.rename(path)
            return Removal()
        gone = measure(hidden)
        if hidden.is_dir() and not hidden.is_symlink():
            shutil.rmtree(hidden, ignore_errors=True)
        else:
            hidden.unlink(missing_ok=True)
        return gone


def measure(path: Path) -> Removal:
    """Count the files at or under `path`, and their bytes."""
    files = [status for status in _tree(path) if not _is_folder(status)]
    return Removal(len(files), sum(status.st_size for status in files))


def _tree(path: Path) -> Iterator[os.stat_result]:
    """Yield the status of a path and of everything in it; links are not followed."""
    try:
        status = path.lstat()
        yield status
        if _is_folder(status):
            for inner in path.iterdir():
                yield from _tree(inner)
    except FileNotFoundError:
        return


def _is_folder(status: os.stat_result) -> bool:
    return (status.st_mode & 0o170000) == 0o040000
