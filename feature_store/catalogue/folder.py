"""A folder of images as a catalogue: the file's name is the item, its sub-folder the category."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from feature_store.catalogue.rows import SourceRow
from feature_store.errors import CatalogueError

ENDINGS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
)
"""The endings by which a folder's files are taken for images (what they are is seen on loading)."""

_MAX_HASHED_BYTES = 64 * 2**20


def read_folder(folder: Path) -> Iterator[SourceRow]:
    """Yield one row for each file below `folder` in the order of the paths, numbered from 1.

    Hidden files are left out; files that are not named like an image are bad rows. A file's content
    counts as part of the row, so that a replaced photo is noticed. Raises CatalogueError if there
    is no image.
    """
    files = sorted(_files(folder))
    if not any(path.suffix.lower() in ENDINGS for path in files):
        raise CatalogueError(f"{folder} holds no image ({', '.join(sorted(ENDINGS))})")
    for number, path in enumerate(files, start=1):
        yield _to_row(number, path, folder)


def _files(folder: Path) -> Iterator[Path]:
    for name, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        yield from (Path(name, file) for file in files if not file.startswith("."))


def _to_row(number: int, path: Path, folder: Path) -> SourceRow:
    category = path.parent.relative_to(folder).as_posix()
    cells = {
        "item_id": path.stem,
        "image": [str(path)],
        "category": None if category == "." else category,
    }
    if path.suffix.lower() not in ENDINGS:
        return SourceRow(number, cells, f"{path.name!r} is not named like an image")
    try:
        return SourceRow(number, cells, fingerprint=_fingerprint(path))
    except OSError as error:
        return SourceRow(number, cells, f"{path.name!r} cannot be read: {error.strerror}")


def _fingerprint(path: Path) -> str:
    """SHA-256 of the size and the first 64 MiB, more than any image that is read later has."""
    if not path.is_file():
        raise OSError(0, "it is no regular file")
    digest = hashlib.sha256(str(path.stat().st_size).encode())
    with path.open("rb") as file:
        left = _MAX_HASHED_BYTES
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
