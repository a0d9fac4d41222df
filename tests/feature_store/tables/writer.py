"""A writer in a process of its own: `python -m … <folder> <ds> <seed> [options]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import pyarrow as pa

from feature_store.errors import CommitConflictError
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.delta_table import PartitionedTable, Pin
from tests.feature_store.batches import make_batch

CONFLICT = 3
"""The exit status of a writer that lost its partition to another one."""


def die_after(tables: int) -> None:
    """Make this process kill itself as soon as it has written so many tables of a partition."""
    replace = PartitionedTable.replace
    written: list[PartitionedTable] = []

    def replace_and_die(table: PartitionedTable, ds: str, rows: pa.Table) -> Pin:
        if len(written) == tables:
            os.kill(os.getpid(), signal.SIGKILL)
        pin = replace(table, ds, rows)
        written.append(table)
        if len(written) == 3 == tables:
            os.kill(os.getpid(), signal.SIGKILL)
        return pin

    PartitionedTable.replace = replace_and_die  # type: ignore[assignment,method-assign]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("ds")
    parser.add_argument("seed", type=int)
    parser.add_argument("--die-after", type=int)
    parser.add_argument("--ready", type=Path)
    parser.add_argument("--go", type=Path)
    parser.add_argument("--times", type=int, default=1)
    given = parser.parse_args()
    if given.die_after is not None:
        die_after(given.die_after)
    if given.ready:
        given.ready.touch()
        while not given.go.exists():
            time.sleep(0.001)
    for turn in range(given.times):
        batch = make_batch(given.ds, ["a", "b", "c"], seed=given.seed + turn)
        try:
            commit = DeltaFeatureStore(given.folder).replace_partition(given.ds, batch)
        except CommitConflictError:
            return CONFLICT
        sys.stdout.write(f"{commit.version} {commit.content_hash}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
