"""Half-made partitions that nobody finishes: days whose staging no run has touched for long."""

from __future__ import annotations

from pathlib import Path

from feature_store.ingest.staging import clearing
from feature_store.upkeep.removal import Removal, Remover


def remove_stale_staging(staging: Path, remover: Remover) -> tuple[int, Removal]:
    """Remove the folders under `staging` that are stale; return how many, and what they held.

    A run that still goes on has planned or described something since, and so renewed its folder.
    While a run takes an old plan up again, nothing is removed.
    """
    count, total = 0, Removal()
    for folder in sorted(staging.iterdir()) if staging.is_dir() else ():
        if not folder.is_dir() or folder.name.startswith(".") or not remover.stale(folder):
            continue
        with clearing(staging):
            gone = remover.remove(folder)
        count, total = count + bool(gone.files), total + gone
    return count, total
