"""CSV and TSV files: the delimiter found, each record numbered by the line on which it starts.

The reading is strict, because a forgotten quote otherwise swallows thousands of good rows into one
cell: a record that cannot be read costs its first line, and reading resumes on the next one.
"""

from __future__ import annotations

import csv
import logging
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from feature_store.catalogue.columns import KNOWN, check_columns
from feature_store.catalogue.lines import numbered_lines
from feature_store.catalogue.rows import SourceRow
from feature_store.catalogue.settings import CatalogueSettings
from feature_store.errors import CatalogueError

_log = logging.getLogger(__name__)

DELIMITERS = (",", ";", "\t")
"""The delimiters looked for; among equals the first wins."""


class _RecordTooLongError(Exception):
    pass


class _Lines:
    """Feeds the CSV reader line by line and remembers the lines of the record being read."""

    def __init__(self, path: Path, max_characters: int) -> None:
        self._source = numbered_lines(path, newline="", max_characters=max_characters)
        self._again: deque[tuple[int, str | None]] = deque()
        self._max_characters = max_characters
        self._length = 0
        self.record: list[tuple[int, str | None]] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        entry = self._again.popleft() if self._again else next(self._source)
        self.record.append(entry)
        line = entry[1]
        self._length += self._max_characters + 1 if line is None else len(line)
        if line is None or self._length > self._max_characters:
            raise _RecordTooLongError
        return line

    def start_record(self) -> None:
        """Forget the lines of the record before."""
        self.record.clear()
        self._length = 0

    def resume_after_first(self) -> None:
        """Give back all lines of the failed record but its first."""
        self._again.extendleft(reversed(self.record[1:]))


def read_delimited(path: Path, settings: CatalogueSettings) -> Iterator[SourceRow]:
    """Yield the rows of `path`, numbered as an editor numbers lines.

    Raises CatalogueError if the file is empty, not UTF-8, or lacks a required column.
    """
    first = next(
        (
            (number, line)
            for number, line in numbered_lines(
                path, newline="", max_characters=settings.max_row_characters
            )
            if line is None or line.strip()
        ),
        None,
    )
    if first is None:
        raise CatalogueError(f"{path} is empty; a catalogue needs a header and rows")
    skip, delimiter = _find_delimiter(first)
    records = _read_records(_Lines(path, settings.max_row_characters), delimiter)
    header: list[str] | None = None
    for number, record, problem in records:
        if number <= skip:
            continue
        if header is None:
            if record is None:
                raise CatalogueError(f"{path}: the header in line {number} {problem}")
            header = _check_header(path, record)
        elif record is None:
            yield SourceRow(number, {}, problem)
        else:
            yield _to_row(number, header, record)


def _find_delimiter(first: tuple[int, str | None]) -> tuple[int, str]:
    """The last line to skip before the header, and the delimiter that knows the most columns."""
    number, line = first
    line = line or ""
    hint = re.fullmatch(r'"?sep=([,;\t])"?\s*', line)
    if hint:  # spreadsheets write and obey this line
        return number, hint[1]

    def known_columns(delimiter: str) -> tuple[int, int]:
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        return len(KNOWN.intersection(names)), len(names)

    return 0, max(DELIMITERS, key=known_columns)


def _read_records(
    lines: _Lines, delimiter: str
) -> Iterator[tuple[int, list[str] | None, str | None]]:
    """Yield (first line's number, values, None), or (number, None, what is wrong)."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.start_record()
        try:
            record = next(reader)
        except StopIteration:
            return
        except (csv.Error, _RecordTooLongError) as error:
            number = lines.record[0][0]
            lines.resume_after_first()
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield number, None, _explain(error)
            continue
        if record and any(record):
            yield lines.record[0][0], record, None


def _explain(error: Exception) -> str:
    text = str(error)
    if isinstance(error, _RecordTooLongError) or "field larger" in text:
        return "is too long to be a row; is a quotation mark missing at its end?"
    if "unexpected end" in text:
        return "opens a quotation mark that is never closed"
    if "expected after" in text:
        return "has text after a closing quotation mark; quotes inside a value are doubled"
    return f"cannot be read: {text}"


def _check_header(path: Path, record: list[str]) -> list[str]:
    header = [name.strip() for name in record]
    check_columns(str(path), header)
    if "" in header:
        _log.warning("%s: column %d has no name and is left out", path, header.index("") + 1)
    return header


def _to_row(number: int, header: list[str], record: list[str]) -> SourceRow:
    cells = dict(zip(header, record, strict=False))
    surplus = record[len(header) :]
    if len(record) < len(header) or any(surplus):
        problem = (
            f"has {len(record)} values where the header has {len(header)} columns; "
            "is a delimiter inside a value not quoted?"
        )
        return SourceRow(number, cells, problem)
    return SourceRow(number, cells)
