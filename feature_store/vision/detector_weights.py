"""Find the file of a detector's weights, and what it tells before it is loaded."""

from __future__ import annotations

import logging
from pathlib import Path

from safetensors import SafetensorError, safe_open

from feature_store.errors import VisionError

log = logging.getLogger(__name__)

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "product.safetensors"
SUFFIXES = (".safetensors", ".pt", ".onnx")


def find_weights(weights: str, folder: Path) -> Path:
    """Turn 'default', a path or an official name into an existing file; else VisionError.

    An official name is downloaded into `folder`, unless it is there already.
    """
    path = DEFAULT_WEIGHTS if weights == "default" else Path(weights)
    if path.suffix not in SUFFIXES:
        raise VisionError(
            f"detector weights {weights!r}: a file ending in {', '.join(SUFFIXES)} is needed"
        )
    if path.is_file():
        return path
    if weights == "default" or path.name != weights:
        raise VisionError(f"detector weights {str(path)!r}: no such file")
    return _download(weights, folder)


def told_image_px(weights: Path) -> int | None:
    """Read the size that our own weights were trained at; None for others, or damaged ones."""
    if weights.suffix != ".safetensors":
        return None
    try:
        with safe_open(str(weights), framework="np") as file:
            return rounded_up(int((file.metadata() or {})["image_size"]))
    except (OSError, SafetensorError, KeyError, ValueError):
        return None  # whoever loads it says better what is wrong with it


def rounded_up(size_px: int) -> int:
    """The next multiple of 32, as every YOLO needs."""
    return -(-size_px // 32) * 32


def _download(name: str, folder: Path) -> Path:
    path = folder / name
    if path.is_file():
        return path
    from feature_store.vision.ultralytics_weights import import_ultralytics

    import_ultralytics()
    from ultralytics.utils import is_online
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset

    if name not in GITHUB_ASSETS_NAMES:
        raise VisionError(f"detector weights {name!r}: no such file, nor an official YOLO's name")
    if not is_online():
        raise _not_downloaded(name, folder)
    log.info("downloading the detector weights %s into %s", name, folder)
    try:
        attempt_download_asset(path)
    except Exception as error:  # whatever the network or the disk says
        raise _not_downloaded(name, folder) from error
    if not path.is_file():
        raise _not_downloaded(name, folder)
    return path


def _not_downloaded(name: str, folder: Path) -> VisionError:
    return VisionError(
        f"detector weights {name!r} could not be downloaded: without internet, put the file into "
        f"{str(folder)!r} by hand, or set the detector to 'default'"
    )
