"""What bytes claim to be, seen from their first few, before anything is decoded."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

from feature_store.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
"""The formats that are decoded, in Pillow's names; found by content, never by a file's ending."""

_TEXT_KINDS = (b"<svg", b"<!doctype", b"<html", b"<?xml", b"<", b"{", b"%PDF")
_TIFF_MARKS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}
_STARTS = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG",),
    "GIF": (b"GIF8",),
    "BMP": (b"BM",),
    "TIFF": tuple(_TIFF_MARKS),
}
_TIFF_OFFSETS = (273, 279, 324, 325)
_MAX_TIFF_PIECES = 100_000


def claims_to_be_image(data: bytes, formats: Sequence[str] = FORMATS) -> bool:
    """Whether `data` starts as one of `formats` does."""
    claims = {name for name, starts in _STARTS.items() if data.startswith(starts)}
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        claims.add("WEBP")
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1"):
        claims.add("AVIF")
    return not claims.isdisjoint(formats)


def describe(data: bytes, formats: Sequence[str] = FORMATS) -> str:
    """A guess in a few words at what `data` is instead of an image."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return "an SVG drawing, which is not read"
    if data[4:8] == b"ftyp" and data[8:11] in (b"hei", b"hev"):
        return "a HEIC photo, which is not read; save it as JPEG"
    kind = next((kind for kind in _TEXT_KINDS if start.startswith(kind.lower())), None)
    if kind == b"%PDF":
        return "a PDF document"
    if kind is not None:
        return "a web page or other text; does the address lead to the image itself?"
    return f"of no known image format ({', '.join(formats)})"


def check_tiff(data: bytes) -> None:
    """Refuse a TIFF cut into so many pieces that their list alone would fill the memory.

    Pillow lists all pieces on opening the file, before anyone can look at its size. Raises
    ImageError(corrupt).
    """
    order = _TIFF_MARKS.get(data[:4])
    if order is None:
        return
    big = data[2:3] == b"+" or data[3:4] == b"+"
    start, count, entry = ("8xQ", "Q", "HHQ8x") if big else ("4xI", "H", "HHI4x")
    try:
        stream = io.BytesIO(data)
        stream.seek(struct.unpack_from(order + start, data)[0])
        (entries,) = struct.unpack(order + count, stream.read(struct.calcsize(order + count)))
        size = struct.calcsize(order + entry)
        for _ in range(min(entries, 1000)):
            tag, _kind, values = struct.unpack(order + entry, stream.read(size))
            if tag in _TIFF_OFFSETS and values > _MAX_TIFF_PIECES:
                raise ImageError("corrupt", f"a TIFF of {values:,} pieces")
    except (struct.error, OverflowError, ValueError):
        return  # Pillow says better what is wrong with it
