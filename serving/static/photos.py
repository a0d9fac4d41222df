"""The photos beside the answers, so that the CDN has everything that a page shows."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from serving.pages import photo_path
from serving.static.folder import StaticFolder

_NAMES = "photos.json"
"""In each folder of shards: the ids of the photos that these name, a JSON list."""
_NAMED = re.compile(rb'"/images/([0-9a-f]{64})\.jpg"')


def photos_named(shard: bytes) -> set[str]:
    """Return the ids of the images that a shard names as /images/…: those that a service keeps."""
    return {found.decode() for found in _NAMED.findall(shard)}


def write_names(image_ids: Iterable[str], shards: Path) -> None:
    """Write down which photos a folder of shards names."""
    (shards / _NAMES).write_text(json.dumps(sorted(image_ids)) + "\n")


def names_of(shards: Path) -> list[str]:
    """Return the ids of the photos that a folder of shards names, ascending."""
    names: list[str] = json.loads((shards / _NAMES).read_text())
    return names


def copy_photos(
    image_ids: Collection[str], thumbnails: Path, images: Path, report: Callable[[], None]
) -> list[str]:
    """Copy thumbnails to `images` that are not there; return the ids of those that are missing."""
    images.mkdir(exist_ok=True)
    there = {path.name for path in images.iterdir()}
    missing = []
    for image_id in sorted(image_ids):
        name = f"{image_id}.jpg"
        if name not in there:
            beside = images / f".{name}"
            try:
                shutil.copyfile(photo_path(thumbnails, image_id), beside)
                beside.replace(images / name)
            except FileNotFoundError:
                missing.append(image_id)
        report()
    return missing


def prune_photos(folder: StaticFolder) -> int:
    """Remove photos that no folder of shards names any more; return how many."""
    if not folder.images.is_dir():
        return 0
    named = {f"{name}.jpg" for shards in folder.folders() for name in names_of(shards)}
    gone = [path for path in folder.images.iterdir() if path.name not in named]
    for path in gone:
        path.unlink()
    return len(gone)
