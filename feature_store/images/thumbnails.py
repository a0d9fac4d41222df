"""The small pictures that the shop shows for images that have no address of their own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from PIL import Image

from feature_store.photo.decode import LoadedImage

_QUALITY = 85


def thumbnail_path(folder: Path, image_id: str) -> Path:
    """Where the thumbnail of an image lies: <folder>/<first two digits>/<image_id>.jpg."""
    return folder / image_id[:2] / f"{image_id}.jpg"


def keep_thumbnail(folder: Path, image_id: str) -> bool:
    """Renew the time of an image's thumbnail, so that upkeep leaves it; False if there is none."""
    path = thumbnail_path(folder, image_id)
    try:
        os.utime(path)
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def write_thumbnail(image: LoadedImage, folder: Path, long_side_px: int) -> Path:
    """Write the image as a JPEG whose long side is at most `long_side_px`; return its path.

    One that is there already is kept, whatever its size. The file appears whole or not at all.
    """
    path = thumbnail_path(folder, image.image_id)
    if keep_thumbnail(folder, image.image_id):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(image.pixels)
    picture.thumbnail((long_side_px, long_side_px), Image.Resampling.LANCZOS)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            picture.save(file, format="JPEG", quality=_QUALITY)
            os.fchmod(file.fileno(), 0o644)  # mkstemp's files are for the owner alone
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
