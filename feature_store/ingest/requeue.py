"""Items that a person wants looked at again, kept in files until a commit has taken them."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_store.errors import StoreError
from feature_store.ingest.staging import read_json, understanding, write_json

log = logging.getLogger(__name__)

FOLDER = "requeue"


@dataclass(frozen=True)
class Requests:
    """What was asked for: the items, and the names of the files that ask for them."""

    items: frozenset[str]
    files: tuple[str, ...]


def requeue_items(home: Path, item_ids: Iterable[str]) -> int:
    """Ask the next plan of the newest day to look at these items again; return how many they are.

    Their images are asked for whatever became of them before, and start anew with their attempts.
    """
    items = sorted(set(item_ids))
    if items:
        # A name of its own for each request: a commit removes those that it took, and no later one.
        write_json(home / FOLDER / f"{uuid.uuid4().hex}.json", {"items": items})
    return len(items)


def read_requests(home: Path) -> Requests:
    """Return all that is asked for and not taken yet; a damaged file is passed over."""
    items: set[str] = set()
    files = []
    for path in sorted((home / FOLDER).glob("*.json")):
        try:
            asked = read_json(path) or {"items": []}
            with understanding(path):
                items.update(item for item in asked["items"] if isinstance(item, str))
        except StoreError as error:
            log.warning("a request to look at items again is passed over: %s", error)
            continue
        files.append(path.name)
    return Requests(frozenset(items), tuple(files))


def forget_requests(home: Path, files: Sequence[str]) -> None:
    """Remove requests that a commit has taken."""
    for name in files:
        (home / FOLDER / Path(name).name).unlink(missing_ok=True)
