"""Removing bundles from a folder, so that no reader ever sees half of one."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from feature_store.bundle.lease import forget, unheld

log = logging.getLogger(__name__)

HIDDEN = (".building-", ".scratch-", ".removed-")
ABANDONED_SECONDS = 24 * 3600


def remove_unheld(path: Path, *, dry_run: bool = False) -> bool:
    """Remove the bundle in the folder `path` unless somebody has it open; return whether it can be.

    With `dry_run`, it is only said.
    """
    with unheld(path) as free:
        if not free:
            log.info("bundle %s is open somewhere; it stays for now", path.name)
        elif not dry_run:
            take_away(path)
            forget(path)
    return free


def take_away(path: Path) -> None:
    """Remove a bundle's folder; out of sight first, since a reader never sees half a bundle."""
    hidden = path.with_name(f".removed-{path.name}")
    shutil.rmtree(hidden, ignore_errors=True)  # of a removal that was killed
    path.rename(hidden)
    shutil.rmtree(hidden)


def sweep(folder: Path) -> None:
    """Remove what killed builds and removals left behind in a folder more than a day ago."""
    for path in folder.glob(".*-*"):
        abandoned = path.stat().st_mtime < time.time() - ABANDONED_SECONDS
        if path.is_dir() and path.name.startswith(HIDDEN) and abandoned:
            shutil.rmtree(path, ignore_errors=True)
