"""What killed programs left behind: files that were never put in their place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from feature_store.upkeep.removal import Removal, Remover


def remove_leftovers(home: Path, remover: Remover) -> Removal:
    """Remove the stale unfinished files of `home`, and graphs that no build finishes.

    A program that is alive writes such a file within minutes.
    """
    return sum((remover.remove(path) for path in [*_leftovers(home)]), Removal())


def _leftovers(home: Path) -> Iterator[Path]:
    yield from home.glob(".*.part")
    for room in ("staging", "thumbnails"):
        yield from (home / room).rglob(".*.part")
    yield from (home / "store").glob("spool-*")
    yield from (home / "bundles").glob(".CURRENT.*")
    yield from (home / "bundles" / "_fresh").glob("*/.CURRENT.*")
    for folder in {os.path.realpath(base) for base in (tempfile.gettempdir(), "/var/tmp", "/tmp")}:  # noqa: S108 - where builds make them
        for path in Path(folder).glob("nitamono-graph-*"):
            if path.lstat().st_uid == os.getuid():
                yield path
