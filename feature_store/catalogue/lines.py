"""The numbered lines of a UTF-8 text file in bounded memory, or a plain word on its encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from feature_store.errors import CatalogueError

_FOREIGN_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def numbered_lines(
    path: Path, *, newline: str, max_characters: int
) -> Iterator[tuple[int, str | None]]:
    """Yield (line number from 1, line with its ending), or (number, None) for a line too long.

    `newline` is `open`'s: "" ends lines at CR, LF or CRLF as editors do, "\\n" at LF only. A byte
    order mark is dropped. Raises CatalogueError naming line and byte where the file is not UTF-8.
    """
    _refuse_foreign_encoding(path)
    with path.open(encoding="utf-8-sig", newline=newline) as file:
        number = 0
        try:
            while line := file.readline(max_characters + 1):
                number += 1
                if len(line) <= max_characters:
                    yield number, line
                    continue
                while line and not line.endswith(("\n", "\r")):
                    line = file.readline(max_characters + 1)
                yield number, None
        except UnicodeDecodeError:
            raise _not_utf8(path) from None


def _refuse_foreign_encoding(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in _FOREIGN_MARKS.items():
        if start.startswith(mark):
            raise CatalogueError(
                f"{path} is encoded as {encoding}, seen in its first bytes; save it as UTF-8"
            )


def _not_utf8(path: Path) -> CatalogueError:
    """Find the first byte that is not UTF-8, by reading the file again as bytes."""
    line, offset = 1, 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.readline(1 << 20):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                position = offset - pending + error.start
                value = error.object[error.start]
                return CatalogueError(
                    f"{path} is not UTF-8: line {line} has the byte 0x{value:02x} at byte "
                    f"{position:,} of the file; save the file as UTF-8 (it may be Latin-1, "
                    "Windows-1252 or Shift-JIS now)"
                )
            offset += len(chunk)
            line += chunk.endswith(b"\n")
    return CatalogueError(f"{path} is not UTF-8: it ends in the middle of a character")
