"""Where a half-made partition lies: `staging/<ds>/<plan>/`, each file whole or not there at all.

staging/<ds>/PLAN.json            the name of the plan that counts
…/<plan>/plan.json                what the plan found
…/<plan>/deleted.parquet          rows of items that vanished (ITEMS)
…/<plan>/rejected.parquet         ledger rows of unusable catalogue rows (LEDGER)
…/<plan>/requeued.json            items that a person wants looked at again
…/<plan>/before.parquet           what the ledger said of the unchanged items (LEDGER)
…/<plan>/settled.parquet          what it says of the day itself, where that is to stay (LEDGER)
…/<plan>/shard-00000.parquet      changed items (ITEMS)
…/<plan>/revisit-00007.parquet    unchanged items whose images are looked at again (ITEMS)
…/<plan>/shard-00000.json         what became of the shard, and which files hold it:
…/<plan>/shard-00000.<key>.ledger.parquet, shard-00000.<key>.features.parquet
…/<plan>/gate.json                the gate's report, and the content that it is about

A commit removes the day's folder: from then on the store has it all.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.errors import StoreError

CURRENT_PLAN, PLAN, LOCK = "PLAN.json", "plan.json", ".lock"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write `value` as JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    _write(path, lambda file: file.write(text.encode()))


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, None if there is no file; StoreError if it is damaged."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is damaged; delete it and run the day again") from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} is damaged; delete it and run the day again")
    return value


@contextmanager
def understanding(path: Path) -> Iterator[None]:
    """Turn the errors of values that are not those of this version into StoreError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"{path} is damaged, or of another version ({error!r}); delete it and run the day again"
        ) from error


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet, atomically."""
    _write(path, lambda file: pq.write_table(table, file, compression="zstd", row_group_size=2048))


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a Parquet file in the types of `schema`; StoreError if it is missing or damaged."""
    try:
        # Not the dataset reader: it would take folders named ds=… for columns.
        return pq.ParquetFile(path).read().cast(schema)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read ({error}); run the day again") from error


@contextmanager
def planning(staging: Path) -> Iterator[None]:
    """Keep upkeep from clearing a day away while its plan is written, or taken up again."""
    with _locked(staging, fcntl.LOCK_SH):
        yield


@contextmanager
def clearing(staging: Path) -> Iterator[None]:
    """Wait until nobody plans, and let nobody plan meanwhile."""
    with _locked(staging, fcntl.LOCK_EX):
        yield


def point_to(day: Path, plan: str) -> None:
    """Make `plan` the one that counts for the day whose folder is `day`."""
    write_json(day / CURRENT_PLAN, {"plan": plan})


def planned_folder(day: Path) -> Path:
    """Return the folder of the plan that counts; StoreError if the day has not been planned."""
    pointer = read_json(day / CURRENT_PLAN)
    if pointer is None:
        raise StoreError(f"{day.name} has not been planned; ingest it first")
    with understanding(day / CURRENT_PLAN):
        return day / str(pointer["plan"])


def is_planned(day: Path) -> bool:
    """Tell whether the day whose folder is `day` has a plan that was not committed yet."""
    return (day / CURRENT_PLAN).is_file()


def forget_day(folder: Path) -> None:
    """Remove all that was staged for the day of the plan in `folder`, if that plan counts."""
    day = folder.parent
    with clearing(day.parent):
        if not is_planned(day) or planned_folder(day) != folder:
            return
        # The first: should the rest stay behind, no plan takes it for its own.
        for path in (day / CURRENT_PLAN, *day.glob(f"*/{PLAN}")):
            path.unlink(missing_ok=True)
        shutil.rmtree(day, ignore_errors=True)


@contextmanager
def _locked(staging: Path, how: int) -> Iterator[None]:
    staging.mkdir(parents=True, exist_ok=True)
    with (staging / LOCK).open("w") as file:
        fcntl.flock(file, how)
        yield


def _write(path: Path, fill: Callable[[IO[bytes]], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
