"""A writer in a process of its own: `python -m … <dataset> <staging> <ds> <seed> [options]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from feature_store.errors import CommitConflictError
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.bigquery.staging import StagingArea
from feature_store.tables.settings import TablesSettings
from tests.emulators.bigquery import PROJECT
from tests.feature_store.batches import make_batch

CONFLICT = 3
"""The exit status of a writer that lost its partition to another one."""


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(moment: str) -> None:
    """Make this process kill itself when its rows lie in the bucket, or have been loaded, or when
    their transaction has just ended."""
    if moment == "staged":
        StagingArea._load = die  # type: ignore[assignment,method-assign]
        return
    script = Warehouse.script

    def run_or_die(warehouse: Warehouse, sql: str) -> None:
        if "BEGIN TRANSACTION" not in sql:
            script(warehouse, sql)
            return
        if moment == "committed":
            script(warehouse, sql)
        die()

    Warehouse.script = run_or_die  # type: ignore[assignment,method-assign]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset")
    parser.add_argument("staging")
    parser.add_argument("ds")
    parser.add_argument("seed", type=int)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--die-when", choices=["staged", "loaded", "committed"])
    parser.add_argument("--ready", type=Path)
    parser.add_argument("--go", type=Path)
    parser.add_argument("--times", type=int, default=1)
    given = parser.parse_args()
    if given.die_when:
        die_at(given.die_when)
    settings = TablesSettings("bigquery", "", PROJECT, given.dataset, "", given.staging)
    store = BigQueryFeatureStore(settings, given.scratch)
    if given.ready:
        store.commits()  # what is needed is imported now
        given.ready.touch()
        while not given.go.exists():
            time.sleep(0.001)
    for turn in range(given.times):
        batch = make_batch(given.ds, ["a", "b", "c"], seed=given.seed + turn)
        try:
            commit = store.replace_partition(given.ds, batch)
        except CommitConflictError:
            return CONFLICT
        sys.stdout.write(f"{commit.version} {commit.content_hash}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
