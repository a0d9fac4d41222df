"""JSON Lines files: one object a line; a line that is no object is a bad row, not a bad file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from feature_store.catalogue.columns import check_columns
from feature_store.catalogue.lines import numbered_lines
from feature_store.catalogue.rows import SourceRow
from feature_store.catalogue.settings import CatalogueSettings
from feature_store.errors import CatalogueError

_ROWS_TO_JUDGE_BY = 1000


def read_json_lines(path: Path, settings: CatalogueSettings) -> Iterator[SourceRow]:
    """Yield the rows of `path`, numbered by line; blank lines are skipped.

    Raises CatalogueError if the file is empty or not UTF-8, or if none of its first 1,000 rows has
    one of the required columns.
    """
    lines = numbered_lines(path, newline="\n", max_characters=settings.max_row_characters)
    rows = (_to_row(number, line) for number, line in lines if line is None or line.strip())
    first = list(itertools.islice(rows, _ROWS_TO_JUDGE_BY))
    if not first:
        raise CatalogueError(f"{path} is empty; a catalogue needs one JSON object a line")
    if all(row.problem for row in first):
        raise CatalogueError(
            f"{path} holds no JSON Lines: row {first[0].number} {first[0].problem}"
        )
    check_columns(str(path), list(dict.fromkeys(name for row in first for name in row.cells)))
    yield from first
    yield from rows


def _to_row(number: int, line: str | None) -> SourceRow:
    if line is None:
        return SourceRow(number, {}, "is too long to be a row")
    try:
        value = json.loads(line)
    except RecursionError:
        return SourceRow(number, {}, "is nested too deeply")
    except ValueError as error:
        return SourceRow(number, {}, f"is not valid JSON: {error}")
    if not isinstance(value, dict):
        return SourceRow(number, {}, f"is not a JSON object but a {type(value).__name__}")
    return SourceRow(number, value)
