"""Files of another time."""

from __future__ import annotations

import os
import time
from pathlib import Path


def age(path: Path, days: float) -> Path:
    """Let a file, or a folder and all that is in it, have been touched `days` ago for the last."""
    then = time.time() - days * 86400
    for inner in [*path.rglob("*"), path]:
        os.utime(inner, (then, then))
    return path


def tree(folder: Path) -> list[str]:
    """List the files under a folder, by relative path."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
