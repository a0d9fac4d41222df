"""The contact sheet: random items, each beside its look-alikes, in one picture."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

CELL_PX, GAP_PX, CAPTION_PX = 132, 6, 16
QUALITY = 82
MAX_THUMBNAIL_PX = 4_000_000
"""A header that says more is damaged."""


class Cell(NamedTuple):
    """One picture of the sheet."""

    picture: Path
    """A thumbnail; a grey square stands for one that does not exist or cannot be read."""
    box: tuple[float, float, float, float]
    """The region inside it (x0, y0, x1, y1 in 0..1), outlined unless it is the whole image."""
    caption: str


def draw_sheet(rows: Sequence[Sequence[Cell]], path: Path) -> None:
    """Write a JPEG of `rows`: the asked region first, set apart, then its hits.

    Where there is no thumbnail at all, only the captions are drawn.
    """
    from PIL import Image, ImageDraw

    pictures = any(cell.picture.is_file() for row in rows for cell in row)
    row_px = (CELL_PX if pictures else 0) + CAPTION_PX + GAP_PX
    columns = max((len(row) for row in rows), default=1)
    width = GAP_PX * 3 + columns * (CELL_PX + GAP_PX)
    height = GAP_PX + max(1, len(rows)) * row_px
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for line, row in enumerate(rows):
        top = GAP_PX + line * row_px
        for column, cell in enumerate(row):
            apart = GAP_PX * 2 if column else 0
            left = GAP_PX + column * (CELL_PX + GAP_PX) + apart
            if pictures:
                _draw_picture(sheet, draw, cell, (left, top))
            # The built-in font has no glyph for most scripts, and draws a box for each.
            draw.text((left, top + row_px - CAPTION_PX - 4), cell.caption[:22], fill="#333")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, "JPEG", quality=QUALITY)


def read_thumbnail(path: Path) -> Image.Image | None:
    """Return a thumbnail as RGB; None where there is none, or none that can be read."""
    from PIL.JpegImagePlugin import JpegImageFile

    # Not by `Image.open`: ultralytics, once imported, puts one there that raises ImportError.
    try:
        with JpegImageFile(path) as opened:
            small = opened.width * opened.height <= MAX_THUMBNAIL_PX
            return opened.convert("RGB") if small else None
    except (OSError, SyntaxError, IndexError, TypeError, struct.error):
        return None  # it is what Pillow's readers raise for what is none of theirs, or damaged


def _draw_picture(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, cell: Cell, corner: tuple[int, int]
) -> None:
    from PIL import Image

    left, top = corner
    picture = read_thumbnail(cell.picture) or Image.new("RGB", (CELL_PX, CELL_PX), "#ddd")
    picture.thumbnail((CELL_PX, CELL_PX))
    x = left + (CELL_PX - picture.width) // 2
    y = top + (CELL_PX - picture.height) // 2
    sheet.paste(picture, (x, y))
    if tuple(cell.box) != (0.0, 0.0, 1.0, 1.0):
        x0, y0, x1, y1 = cell.box
        size = (picture.width - 1, picture.height - 1)
        outline = (x + x0 * size[0], y + y0 * size[1], x + x1 * size[0], y + y1 * size[1])
        draw.rectangle(outline, outline="#e4002b", width=2)
