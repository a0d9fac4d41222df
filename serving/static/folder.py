"""The folder for a CDN: `index.json`, and beside it a folder of shards that never change.

`index.json` names the folder of shards that counts, and is replaced last. Older folders stay for
those who read the index a moment ago. The file `.nitamono-static` says that everything here is the
export's to remove, and keeps a second export waiting outside.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from feature_store.bundle.format import write_synced
from feature_store.errors import SettingsError

FORMAT = 1
"""Of index.json and of the shards; a reader refuses one that it does not know."""
INDEX = "index.json"
UNKNOWN = "unknown.json"
"""Beside the shards: the answer about an item that is in none of them."""
MARK = ".nitamono-static"
_FOLDER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,220}-[0-9a-f]{12}")
_HALF = ".writing-"


@dataclass(frozen=True)
class Index:
    """What `index.json` says."""

    bundle: str
    tier: str | None
    """The fresh tier beside the bundle; None where there is none."""
    folder: str
    """Where the shards are."""
    k: int
    """How many look-alikes of each region there are at most."""
    shards: int
    """How many files the items are spread over."""
    items: int
    image_base: str | None
    """The address that photos named /images/… are relative to; None: this folder's."""
    kept: tuple[str, ...] = ()
    """The folders that are here, the one that counts first."""

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1) + "\n"


class StaticFolder:
    """A folder that is this export's alone; use it within `claimed`."""

    def __init__(self, path: Path) -> None:
        """Take a folder that was claimed."""
        self.path = path

    @property
    def images(self) -> Path:
        """Where photos are."""
        return self.path / "images"

    def has(self, folder: str) -> bool:
        """Whether a folder of shards is here, whole."""
        return (self.path / folder).is_dir()

    @contextmanager
    def writing(self, folder: str) -> Iterator[Path]:
        """Give an empty folder to fill; it is here under its name once that is done, not before."""
        half = self.path / f"{_HALF}{folder}"
        half.mkdir()
        try:
            yield half
            os.sync()  # once, not for each of ten thousand files
            half.rename(self.path / folder)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise

    def point_at(self, index: Index, keep: int) -> bool:
        """Have an index read from now on; return whether it was another before.

        `keep` folders stay, with this one. What is beyond them, nobody can have read lately.
        """
        kept = (index.folder, *(name for name in self._kept() if name != index.folder))[:keep]
        text = Index(**{**asdict(index), "kept": kept}).to_json()
        with suppress(FileNotFoundError):
            if (self.path / INDEX).read_text(encoding="utf-8") == text:
                return False
        write_synced(self.path / INDEX, text)
        self._remove_all_but(kept)
        return True

    def _kept(self) -> list[str]:
        try:
            told = json.loads((self.path / INDEX).read_text(encoding="utf-8"))["kept"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []
        return [name for name in told if isinstance(name, str) and self.has(name)]

    def _remove_all_but(self, kept: tuple[str, ...]) -> None:
        for path in self.path.iterdir():
            if path.is_dir() and _FOLDER.fullmatch(path.name) and path.name not in kept:
                shutil.rmtree(path)

    def folders(self) -> list[Path]:
        """Return the folders of shards that are here."""
        return [path for path in self.path.iterdir() if _FOLDER.fullmatch(path.name)]


@contextmanager
def claimed(path: Path) -> Iterator[StaticFolder]:
    """Make a folder ready for an export, and keep others out; SettingsError if it is not one's own.

    What an export that was killed has left half is removed.
    """
    _check_own(path)
    path.mkdir(parents=True, exist_ok=True)
    with (path / MARK).open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(f"another export is writing to {path}") from error
        for half in path.glob(f"{_HALF}*"):
            shutil.rmtree(half)
        yield StaticFolder(path)


def _check_own(path: Path) -> None:
    if (path / MARK).is_file() or not path.exists():
        return
    if not path.is_dir():
        raise SettingsError(f"{path} is not a folder")
    if any(path.iterdir()):
        raise SettingsError(
            f"{path} holds files that no export wrote, which would be in danger here: "
            "name a new or an empty folder"
        )
