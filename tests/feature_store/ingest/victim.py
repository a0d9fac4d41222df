"""An ingest in a process of its own that dies at its n-th step: `python -m … <shop> <home> <n>`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_store.ingest import ingest_partition
from feature_store.schemas import DataInterval
from feature_store.tables.delta_table import PartitionedTable, Pin
from tests.feature_store.ingest.shop import Shop, quick_models

STEPS: list[str] = []
"""What was made to last so far: files put in their place, tables written."""


def step(name: str, last: int) -> None:
    """Count a step, and die if it is the last one."""
    STEPS.append(name)
    if len(STEPS) == last:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def watch(last: int) -> None:
    """Count each file that is put in its place and each table that is written."""
    rename, write = Path.replace, PartitionedTable.replace

    def counted_rename(path: Path, target: Any) -> Path:
        step(f"before {Path(target).name}", last)
        return rename(path, target)

    def counted_write(table: PartitionedTable, ds: str, rows: pa.Table) -> Pin:
        step(f"before {table.name}", last)
        pin = write(table, ds, rows)
        step(f"after {table.name}", last)
        return pin

    Path.replace = counted_rename  # type: ignore[assignment,method-assign]
    PartitionedTable.replace = counted_write  # type: ignore[assignment,method-assign]


def main(folder: str, home: str, last: str) -> None:
    shop = Shop(Path(folder))
    shop.stock(6)
    settings = shop.settings(Path(home))
    watch(int(last))
    ingest_partition(DataInterval.day("2026-03-01"), settings, models=quick_models())


if __name__ == "__main__":
    main(*sys.argv[1:])
