"""What browsers load beside answers: the widget, the demo shop's files and the photos."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import brotli

HERE = Path(__file__).resolve().parent
WIDGET_NAME = "similar-items.js"
YEAR = "public, max-age=31536000, immutable"
"""For what has its version or its digest in its address."""

SHOP_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""The demo shop's Content-Security-Policy: no inline script, no inline style."""

_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
}
_VERSION = re.compile(r'^export const VERSION = "([0-9A-Za-z.-]{1,40})";$', re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """A file kept in memory, as it is and compressed."""

    body: bytes
    coded: Mapping[str, bytes]
    """The body in each coding that browsers read: `br` and `gzip`."""
    media_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> Asset:
        """Read a file of a kind that the service knows; KeyError for any other kind."""
        body = path.read_bytes()
        return cls(
            body=body,
            coded=_coded(body),
            media_type=_MEDIA_TYPES[path.suffix],
            etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"',
        )

    @property
    def integrity(self) -> str:
        """The digest that a page may demand by its `integrity` attribute."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.body).digest()).decode()


@cache
def _coded(body: bytes) -> Mapping[str, bytes]:
    """Compress a file, once: processes that are forked find it done."""
    return {"br": brotli.compress(body), "gzip": gzip.compress(body, 9, mtime=0)}


class Widgets:
    """Every version of the widget that pages may still name, and which is the newest."""

    def __init__(self, folder: Path = HERE / "widget") -> None:
        newest = Asset.read(folder / WIDGET_NAME)
        self.current = widget_version(newest.body)
        self.versions = {self.current: newest, **dict(_older(folder))}

    def index(self) -> dict[str, Any]:
        """What `/widget/` says: each version's address, digest and size."""
        return {
            "current": self.current,
            "versions": [
                {
                    "version": version,
                    "url": f"/widget/{version}/{WIDGET_NAME}",
                    "integrity": asset.integrity,
                    "bytes": len(asset.body),
                    "gzip_bytes": len(asset.coded["gzip"]),
                }
                for version, asset in self.versions.items()
            ],
        }


def widget_version(body: bytes) -> str:
    """Return the version that a widget's source says it is; ValueError if it says none."""
    found = _VERSION.search(body.decode())
    if found is None:
        raise ValueError("the widget's source has no line `export const VERSION`")
    return found[1]


def _older(folder: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(folder.glob(f"*/{WIDGET_NAME}")):
        yield path.parent.name, Asset.read(path)


def shop_files(folder: Path = HERE / "shop") -> dict[str, Asset]:
    """Return the demo shop's files by the name that follows `/demo/`; "" is its first page."""
    files = {
        path.relative_to(folder).as_posix(): Asset.read(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in _MEDIA_TYPES
    }
    return {"": files["index.html"], **files}


def photo_path(thumbnails: Path, image_id: str) -> Path:
    """Return where the photo of an image is kept; ValueError when it is no image's id."""
    if not re.fullmatch("[0-9a-f]{64}", image_id):
        raise ValueError(f"{image_id[:80]!r} is not the SHA-256 of an image")
    return thumbnails / image_id[:2] / f"{image_id}.jpg"
