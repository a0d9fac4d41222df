"""What strangers upload: honest photos of every kind, and every kind of file that harms."""

from __future__ import annotations

import functools
import struct
import zlib

import numpy as np
from PIL import Image

from tests.feature_store.images.files import bomb_png, encode, png_chunk, quarters, rgb16_png

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@functools.cache
def honest() -> dict[str, bytes]:
    """Photos that must be read, each showing `quarters()` upright."""
    turned = Image.Exif()
    turned[0x0112] = 6
    on_its_side = quarters().transpose(Image.Transpose.ROTATE_90)
    deep = np.asarray(quarters()).astype(np.uint16) * 257
    colours = encode(quarters(), "JPEG", icc_profile=b"no profile at all" * 99)
    return {
        "jpeg": encode(quarters(), "JPEG"),
        "progressive": encode(quarters(), "JPEG", progressive=True),
        "png": encode(quarters(), "PNG"),
        "webp": encode(quarters(), "WEBP", lossless=True),
        "cmyk": encode(quarters().convert("CMYK"), "JPEG"),
        "grey": encode(quarters().convert("L"), "JPEG"),
        "16 bit": rgb16_png(deep),
        "palette": encode(quarters().convert("P"), "PNG"),
        "transparent": encode(quarters().convert("RGBA"), "PNG"),
        "exif rotated": encode(on_its_side, "JPEG", exif=turned),
        "icc junk": colours,
        "zip behind": encode(quarters(), "JPEG") + b"PK\3\4" + bytes(99),
    }


@functools.cache
def broken() -> dict[str, tuple[bytes, str]]:
    """Files that must be refused, each with the reason why."""
    jpeg, png, webp = (encode(quarters(400, 300), kind) for kind in ("JPEG", "PNG", "WEBP"))
    frames = [Image.new("RGB", (64, 40), colour) for colour in ((0, 0, 255), (9, 99, 9))]
    moving = {"save_all": True, "append_images": frames, "duration": 10}
    return {
        "nothing": (b"", "not_an_image"),
        "text": (b"hello" * 99, "not_an_image"),
        "html": (b"<!doctype html><p>hello", "not_an_image"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        "zeros": (bytes(10_000), "not_an_image"),
        "gif": (encode(quarters(), "GIF"), "not_an_image"),
        "tiff": (encode(quarters(), "TIFF"), "not_an_image"),
        "bmp": (encode(quarters(), "BMP"), "not_an_image"),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", "not_an_image"),
        "animated webp": (encode(quarters(), "WEBP", **moving), "not_an_image"),
        "animated png": (encode(quarters(), "PNG", **moving), "not_an_image"),
        "truncated jpeg": (jpeg[: len(jpeg) // 2], "corrupt"),
        "truncated png": (png[: len(png) // 2], "corrupt"),
        "truncated webp": (webp[: len(webp) // 2], "corrupt"),
        "head of a jpeg": (jpeg[:3], "corrupt"),
        "head of a png": (png[:8], "corrupt"),
        "head of a webp": (webp[:12], "corrupt"),
        "wrong magic": (png[:8] + jpeg[8:], "corrupt"),
        "no pixels": (_png(0, 0), "corrupt"),
        "one pixel": (encode(quarters(2, 2), "PNG"), "too_small"),
        "a line": (encode(quarters(2000, 2), "PNG"), "too_small"),
        "bomb": (bomb_png(30_000), "too_large"),
        "huge head": (_png(60_000, 60_000), "too_large"),
        "impossible head": (_png(2**31 - 1, 2**31 - 1), "too_large"),
        "huge jpeg head": (_with_size(jpeg, 65_000), "too_large"),
        "huge webp head": (_wide_webp(webp), "too_large"),
        "text bomb": (_text_bomb(png), "corrupt"),
        "wrong checksum": (png[:-20] + b"\0" + png[-19:], "corrupt"),
    }


def _png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return _SIGNATURE + b"".join(
        (png_chunk(b"IHDR", head), png_chunk(b"IDAT", body), png_chunk(b"IEND", b""))
    )


def _with_size(jpeg: bytes, side: int) -> bytes:
    """The same JPEG with another size in its frame header (ITU-T T.81, B.2.2)."""
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", side, side) + jpeg[place + 4 :]


def _wide_webp(webp: bytes) -> bytes:
    """A WebP that announces 16,383 x 16,383 pixels in the head of its only frame."""
    place = webp.index(b"\x9d\x01\x2a") + 3
    return webp[:place] + struct.pack("<HH", 16_383, 16_383) + webp[place + 4 :]


def _text_bomb(png: bytes) -> bytes:
    """A PNG with a compressed text of 300 MB in a chunk of 300 kB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(10**6)) for _ in range(300)) + packer.flush()
    return png[:33] + png_chunk(b"zTXt", b"bomb\0\0" + packed) + png[33:]
