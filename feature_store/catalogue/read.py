"""A whole catalogue, from its location to one Arrow table of items and one of rejected rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from feature_store.catalogue.columns import JSON_LINES
from feature_store.catalogue.delimited import read_delimited
from feature_store.catalogue.folder import read_folder
from feature_store.catalogue.jsonlines import read_json_lines
from feature_store.catalogue.parquet import read_parquet
from feature_store.catalogue.rows import ItemRow, Rejected, RowChecker, SourceRow
from feature_store.catalogue.settings import CatalogueSettings
from feature_store.errors import CatalogueError
from feature_store.schemas import BOOKKEEPING, CATALOGUE, LEDGER

REJECTED = pa.schema([field for field in LEDGER if field.name != "ds"])
"""`LEDGER` without the day: what is known of a rejected row before it belongs to a partition."""


@dataclass(frozen=True)
class CatalogueRead:
    """What one catalogue holds.

    `items` (schema CATALOGUE) and `rejected` (schema `REJECTED`, one row for each bad row, with
    `image_index` -1) both keep the order of the source; `source` is the location that was read.
    """

    items: pa.Table
    rejected: pa.Table
    source: str


def read_catalogue(location: str, settings: CatalogueSettings | None = None) -> CatalogueRead:
    """Read and check the catalogue at `location`, a file or a folder of images.

    A file is CSV or TSV (.csv, .tsv, .txt), JSON Lines (.jsonl, .ndjson) or Parquet (.parquet).
    Bad rows are rejected one by one, with reasons. Raises CatalogueError only if nothing can be
    read: no such file, an empty one, the wrong encoding, a required column missing.
    """
    settings = settings or CatalogueSettings()
    if "://" in location:
        raise CatalogueError(
            f"{location} is an address: a catalogue is a file or folder that this machine has"
        )
    path = Path(location).absolute()
    try:
        rows = _open(path, settings)
        folder = path if path.is_dir() else path.parent
        items, rejected = _check_all(rows, RowChecker(str(folder), settings), settings.batch_rows)
    except OSError as error:
        reason = error.strerror or error
        raise CatalogueError(f"the catalogue {location} cannot be read: {reason}") from error
    return CatalogueRead(items, rejected, location)


def _open(path: Path, settings: CatalogueSettings) -> Iterator[SourceRow]:
    if path.is_dir():
        return read_folder(path)
    if not path.exists():
        raise CatalogueError(f"there is no catalogue at {path}; check the path")
    if not path.is_file():
        raise CatalogueError(f"{path} is neither a file nor a folder")
    if path.stat().st_size == 0:
        raise CatalogueError(f"{path} is empty (0 bytes)")
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return read_delimited(path, settings)
        case ending if ending in JSON_LINES:
            return read_json_lines(path, settings)
        case ".parquet":
            return read_parquet(path, settings)
    raise CatalogueError(
        f"{path} is of no known kind: name it .csv, .tsv, .jsonl, .ndjson or .parquet, "
        "or give a folder of images"
    )


def _check_all(
    rows: Iterator[SourceRow], checker: RowChecker, batch_rows: int
) -> tuple[pa.Table, pa.Table]:
    batches: list[pa.RecordBatch] = []
    refused: list[pa.RecordBatch] = []
    first_rows: dict[str, int] = {}
    while chunk := list(itertools.islice(rows, batch_rows)):
        good: list[ItemRow] = []
        bad: list[Rejected] = []
        for row in chunk:
            result = checker.check(row)
            if isinstance(result, Rejected):
                bad.append(result)
                continue
            first = first_rows.setdefault(result.item_id, row.number)
            if first == row.number:
                good.append(result)
            else:
                bad.append(_duplicate(result, row.number, first))
        batches.append(_items_batch(good))
        refused.append(_rejected_batch(bad))
    return (
        pa.Table.from_batches(batches, schema=CATALOGUE),
        pa.Table.from_batches(refused, schema=REJECTED),
    )


def _duplicate(row: ItemRow, number: int, first: int) -> Rejected:
    detail = f"row {number}: item_id: {row.item_id[:200]!r} is already in row {first}, which counts"
    return Rejected(number, row.item_id, row.images[0], detail)


def _items_batch(rows: list[ItemRow]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ((),) * len(CATALOGUE)
    arrays = [
        pa.array(column, type=field.type) for column, field in zip(columns, CATALOGUE, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=CATALOGUE)


def _rejected_batch(rows: list[Rejected]) -> pa.RecordBatch:
    count = len(rows)
    columns = {
        "item_id": [row.item_id for row in rows],
        "image_index": [-1] * count,
        "image_uri": [row.image for row in rows],
        "image_id": [None] * count,
        "status": ["failed"] * count,
        "reason": ["row_invalid"] * count,
        "detail": [row.detail for row in rows],
        "regions": [0] * count,
        **dict.fromkeys(BOOKKEEPING, [None] * count),
    }
    return pa.RecordBatch.from_pydict(columns, schema=REJECTED)
