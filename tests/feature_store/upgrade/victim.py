"""An upgrade in a process of its own that dies at its n-th step: `python -m … <folder> <n>`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_store.tables.delta_table import PartitionedTable
from feature_store.upgrade import run_upgrade
from tests.feature_store.upgrade.gallery import Gallery

STEPS: list[str] = []


def step(name: str, last: int) -> None:
    """Count a step, and die if it is the last one."""
    STEPS.append(name)
    if len(STEPS) == last:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def watch(last: int) -> None:
    """Count each file of a chunk that is put in its place, and each table that is written."""
    rename, write = Path.replace, PartitionedTable.replace

    def counted_rename(path: Path, target: Any) -> Path:
        if Path(target).name.startswith("chunk"):
            step(f"before {Path(target).name}", last)
        return rename(path, target)

    def counted_write(table: PartitionedTable, ds: str, rows: pa.Table) -> Any:
        pin = write(table, ds, rows)
        step(f"after {table.name}", last)
        return pin

    Path.replace = counted_rename  # type: ignore[assignment,method-assign]
    PartitionedTable.replace = counted_write  # type: ignore[assignment,method-assign]


def main(folder: str, last: str) -> None:
    gallery = Gallery(Path(folder))
    watch(int(last))
    run_upgrade(gallery.settings, gallery.models["fine"])


if __name__ == "__main__":
    main(*sys.argv[1:])
