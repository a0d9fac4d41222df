"""Small pictures of regions, made from the stored thumbnails, each once however often shown."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

from feature_store.index.sheet import read_thumbnail

SIDE_PX = 112
"""Of a picture on the contact sheet."""
QUALITY = 74
OUTLINE = "#0a84ff"
"""Not red nor green: those say what was lost and gained."""
WHOLE = (0.0, 0.0, 1.0, 1.0)


def thumbnail(row: dict[str, Any], thumbnails: Path) -> Path:
    """Return where the thumbnail of a region's photo is, if there is one."""
    image_id = str(row["image_id"])
    return thumbnails / image_id[:2] / f"{image_id}.jpg"


def draw_region(row: dict[str, Any], thumbnails: Path, side_px: int = SIDE_PX) -> bytes | None:
    """Return a JPEG of the photo of a region (a row of `regions.arrow`), its box outlined.

    It is at most `side_px` wide and high. None where the photo has no thumbnail, or none that can
    be read.
    """
    from PIL import ImageDraw

    picture = read_thumbnail(thumbnail(row, thumbnails))
    if picture is None:
        return None
    picture.thumbnail((side_px, side_px))
    if (box := _box(row)) != WHOLE:
        size = (picture.width - 1, picture.height - 1)
        corners = [corner * size[axis % 2] for axis, corner in enumerate(box)]
        ImageDraw.Draw(picture).rectangle(corners, outline=OUTLINE, width=2)
    written = BytesIO()
    picture.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()


class PictureRules:
    """The pictures of a page as rules of its style sheet, one class for each."""

    def __init__(self, thumbnails: Path) -> None:
        """Take the folder of the thumbnails."""
        self._thumbnails = thumbnails
        self._names: dict[tuple[Any, ...], str] = {}
        self._rules: list[str] = []

    def name(self, row: dict[str, Any]) -> str:
        """Return the class that shows a region (a row of `regions.arrow`); "" without picture."""
        key = (row["image_id"], *_box(row))
        if key not in self._names:
            data = draw_region(row, self._thumbnails)
            self._names[key] = f"p{len(self._rules)}" if data else ""
            if data:
                address = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
                self._rules.append(f".p{len(self._rules)}{{background-image:url({address})}}")
        return self._names[key]

    def text(self) -> str:
        """Return the rules of all pictures so far."""
        return "\n".join(self._rules)


def _box(row: dict[str, Any]) -> tuple[float, ...]:
    return tuple(row[name] for name in ("x0", "y0", "x1", "y1"))
