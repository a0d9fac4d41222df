"""Catalogue tables for tests, written the way a shop would and read the way the library does."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from feature_store.catalogue.read import CatalogueRead, read_catalogue
from feature_store.catalogue.settings import CatalogueSettings


def write_csv(
    path: Path, rows: Sequence[Mapping[str, str]], *, delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    """Write `rows` with the columns of the first one."""
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_text(
    folder: Path, text: str, *, name: str = "c.csv", settings: CatalogueSettings | None = None
) -> CatalogueRead:
    """Read `text` as the catalogue file `name`."""
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return read_catalogue(str(path), settings or CatalogueSettings())


def details(read: CatalogueRead) -> list[str]:
    """Why rows were rejected, in order."""
    found: list[str] = read.rejected["detail"].to_pylist()
    return found


def ids(read: CatalogueRead) -> list[str]:
    """The ids of the valid items, in order."""
    found: list[str] = read.items["item_id"].to_pylist()
    return found
