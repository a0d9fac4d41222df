"""Finds free artwork that packages ship, and prepares it as cut-outs and backgrounds."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

log = logging.getLogger(__name__)

_Member = tuple[str, Callable[[], bytes]]

CUTOUT_SIDE_PX = 320
BACKGROUND_SIDE_PX = 720
HELD_OUT_SHARE = 0.12
"""Share of the artwork that training never sees; chosen by the digest of the file's name."""


@dataclass(frozen=True)
class Source:
    """One package's artwork on this machine."""

    package: str
    """What a user installs to get it."""
    licence: str
    """The licence its package states."""
    kind: Literal["cutout", "prop", "background"]
    """Cut-outs become products; props (people, faces) have an alpha but are no products."""
    patterns: tuple[str, ...]
    """Absolute glob patterns; a `.sh3f` file is a zip whose PNG icons are taken."""
    weight: float = 1.0
    """How often a scene takes its cut-out from here, relative to the other sources."""
    limit: int = 1000
    """At most so many files, spread evenly over the sorted names."""
    skip: tuple[str, ...] = field(default=())
    """Files whose path contains one of these are left out."""


# Code points of faces, people and hands: a shop does not sell them, it dresses them.
_PEOPLE = (
    *(f"/1f{n:x}" for n in (*range(0x600, 0x650), *range(0x440, 0x451), *range(0x464, 0x479))),
    *(f"/1f{n:x}" for n in (*range(0x481, 0x488), *range(0x910, 0x940), *range(0x970, 0x97B))),
    *(f"/1f{n:x}" for n in (*range(0x9B5, 0x9BC), *range(0x9CD, 0x9E0), *range(0x590, 0x597))),
)
_CLIPART = ("food", "office", "recreation", "tools", "transportation", "containers", "electronics")
_STAMPS = ("clothes", "food", "hobbies", "household", "medical", "sports", "vehicles", "seasonal")

SOURCES = (
    Source(
        "tuxpaint-stamps-default", "GPL-2", "cutout",
        tuple(f"/usr/share/tuxpaint/stamps/{name}/**/*.png" for name in _STAMPS), weight=3.0,
    ),
    Source(
        "sweethome3d-furniture", "CC-BY-3.0, CC0 and others", "cutout",
        ("/usr/share/sweethome3d/furniture/*.sh3f",), weight=3.0, limit=900,
    ),
    Source(
        "openclipart-png", "public domain", "cutout",
        tuple(f"/usr/share/openclipart/png/{name}/**/*.png" for name in (*_CLIPART, "education")),
        weight=1.5, limit=700,
    ),
    Source(
        "tuxpaint-stamps-default", "GPL-2", "cutout",
        ("/usr/share/tuxpaint/stamps/animals/**/*.png",
         "/usr/share/tuxpaint/stamps/plants/**/*.png"),
        weight=0.7,
    ),
    Source(
        "@lobehub/fluent-emoji-3d", "MIT", "cutout",
        ("{node_modules}/@lobehub/fluent-emoji-3d/assets/*.webp",), weight=2.0, limit=900,
        skip=("-1f3f", "-200d-", "1f1e", "1f1f", *_PEOPLE),  # skin tones, combinations, flags
    ),
    Source(
        "oxygen-icon-theme", "LGPL-3+", "cutout",
        ("/usr/share/icons/oxygen/base/256x256/devices/*.png",
         "/usr/share/icons/oxygen/base/256x256/apps/*.png"), weight=0.4, limit=150,
    ),
    Source(
        "@lobehub/fluent-emoji-3d", "MIT", "prop",
        tuple(f"{{node_modules}}/@lobehub/fluent-emoji-3d/assets{name}*.webp" for name in _PEOPLE),
        limit=500, skip=("1f45",),
    ),
    Source(
        "openclipart-png, tuxpaint-stamps-default", "public domain, GPL-2", "prop",
        ("/usr/share/openclipart/png/people/**/*.png",
         "/usr/share/tuxpaint/stamps/people/**/*.png"),
    ),
    Source(
        "gnome-backgrounds, mate-backgrounds, lomiri-wallpapers",
        "CC-BY, CC-BY-SA, GPL-2+", "background",
        ("/usr/share/backgrounds/**/*.jpg", "/usr/share/backgrounds/**/*.png",
         "/usr/share/backgrounds/**/*.webp"), skip=("/mate/abstract",),
    ),
    Source(
        "plasma-workspace-wallpapers, propaganda-debian", "GPL-2+", "background",
        ("/usr/share/wallpapers/**/*.jpg", "/usr/share/wallpapers/**/*.png",
         "/usr/share/wallpapers/**/*.JPG"), limit=120,
    ),
    Source(
        "supertuxkart-data", "CC-BY, CC-BY-SA, CC0", "background",
        ("/usr/share/games/supertuxkart/data/textures/*.jpg",), limit=150,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Artwork:
    """Prepared files of one split: cut-outs by source, backgrounds and props."""

    cutouts: tuple[tuple[float, tuple[Path, ...]], ...]
    """For each source its weight and files."""
    backgrounds: tuple[Path, ...]
    props: tuple[Path, ...] = ()


def prepare_artwork(
    folder: Path,
    node_modules: Path = Path("node_modules"),
    sources: Sequence[Source] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[str]:
    """Copy every usable picture, reduced, to `folder`; returns the packages that are missing.

    Cut-outs are cropped to their alpha and at most 320 px long, backgrounds 720 px. A folder that
    is already prepared is left alone.
    """
    missing = []
    for number, source in enumerate(SOURCES if sources is None else sources):
        target = folder / f"{number:02d}-{source.kind}"
        if progress is not None:
            progress(source.package)
        if not (target / ".done").exists():
            for split in ("train", "held"):
                (target / split).mkdir(parents=True, exist_ok=True)
            for name, image in _pictures(source, node_modules):
                image.save(target / _split(name) / f"{_digest(name)[:16]}.png", compress_level=1)
            if any(target.rglob("*.png")):
                (target / ".done").touch()
        if not any(target.rglob("*.png")):
            missing.append(source.package)
    return missing


def open_artwork(
    folder: Path, split: Literal["train", "held"], sources: Sequence[Source] | None = None
) -> Artwork:
    """List what `prepare_artwork` left for one split; empty where nothing was installed."""
    cutouts: list[tuple[float, tuple[Path, ...]]] = []
    others: dict[str, list[Path]] = {"background": [], "prop": []}
    for number, source in enumerate(SOURCES if sources is None else sources):
        files = tuple(sorted((folder / f"{number:02d}-{source.kind}" / split).glob("*.png")))
        if source.kind != "cutout":
            others[source.kind].extend(files)
        elif files:
            cutouts.append((source.weight, files))
    return Artwork(tuple(cutouts), tuple(others["background"]), tuple(others["prop"]))


def artwork_digest(folder: Path) -> str:
    """A hexadecimal digest of which pictures `prepare_artwork` left in `folder`."""
    return _digest("\n".join(sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _split(name: str) -> str:
    return "held" if int(_digest(name)[16:24], 16) / 2**32 < HELD_OUT_SHARE else "train"


def _pictures(source: Source, node_modules: Path) -> Iterator[tuple[str, Image.Image]]:
    files = [
        path
        for pattern in source.patterns
        for path in sorted(_expand(pattern.format(node_modules=node_modules.absolute())))
        if not any(part in str(path) for part in source.skip)
    ]
    for name, data in _spread(list(_members(files)), source.limit):
        try:
            image = Image.open(io.BytesIO(data()))
            ready = _background(image) if source.kind == "background" else _cutout(image)
        # ultralytics, once imported, answers an unreadable picture by importing a HEIF reader.
        except (OSError, ImportError, Image.DecompressionBombError, ValueError) as error:
            log.info("left out %s: %s", name, error)
            continue
        if ready is not None:
            yield name, ready


def _expand(pattern: str) -> Iterator[Path]:
    root = Path(pattern.split("*", 1)[0]).parent if "*" in pattern else Path(pattern).parent
    if root.is_dir():
        yield from root.glob(str(Path(pattern).relative_to(root)))


def _members(files: Sequence[Path]) -> Iterator[_Member]:
    for path in files:
        if path.suffix != ".sh3f":
            yield str(path), path.read_bytes
            continue
        for member in zipfile.ZipFile(path).namelist():
            if member.endswith(".png"):
                yield f"{path}!{member}", partial(zipfile.ZipFile(path).read, member)


def _spread(rows: list[_Member], limit: int) -> list[_Member]:
    if len(rows) <= limit:
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]


def _cutout(image: Image.Image) -> Image.Image | None:
    if image.width * image.height > 30_000_000:
        return None
    rgba = image.convert("RGBA")
    alpha: NDArray[np.uint8] = np.asarray(rgba)[..., 3]
    solid = alpha > 40
    if not solid.any():
        return None
    ys, xs = np.where(solid)
    x0, x1, y0, y1 = int(xs.min()), int(xs.max()) + 1, int(ys.min()), int(ys.max()) + 1
    filled = float(solid[y0:y1, x0:x1].mean())
    # A picture without transparency is no cut-out, and a few strokes are no product.
    if max(x1 - x0, y1 - y0) < 72 or filled > 0.985 or filled < 0.08:
        return None
    part = rgba.crop((x0, y0, x1, y1))
    part.thumbnail((CUTOUT_SIDE_PX, CUTOUT_SIDE_PX), Image.Resampling.LANCZOS)
    return part


def _background(image: Image.Image) -> Image.Image | None:
    if min(image.size) < 128:
        return None
    image.draft("RGB", (BACKGROUND_SIDE_PX, BACKGROUND_SIDE_PX))
    rgb = image.convert("RGB")
    scale = BACKGROUND_SIDE_PX / min(rgb.size)
    if scale < 1:
        size = (round(rgb.width * scale), round(rgb.height * scale))
        rgb = rgb.resize(size, Image.Resampling.BILINEAR)
    return rgb
