"""Import ultralytics quietly, and open detector weights without running what they carry."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from feature_store.errors import VisionError
from feature_store.vision.device import Compute

log = logging.getLogger(__name__)

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "product.safetensors"
SUFFIXES = (".safetensors", ".pt", ".onnx")


@functools.cache
def import_ultralytics() -> None:
    """Import ultralytics so that it neither writes home, nor reports, nor installs anything.

    Its settings file goes to a folder that ends with the process, unless YOLO_CONFIG_DIR names
    another. It decides on analytics while it is imported: hence offline for that moment.
    """
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="nitamono-ultralytics-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["YOLO_CONFIG_DIR"] = folder
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    offline = os.environ.get("YOLO_OFFLINE")
    os.environ["YOLO_OFFLINE"] = "true"
    try:
        import ultralytics.nn.autobackend
        import ultralytics.utils.nms  # noqa: F401
    finally:
        if offline is None:
            del os.environ["YOLO_OFFLINE"]
        else:
            os.environ["YOLO_OFFLINE"] = offline


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


def _download(name: str, folder: Path) -> Path:
    import_ultralytics()
    from ultralytics.utils import is_online
    from ultralytics.utils.downloads import GITHUB_ASSETS_NAMES, attempt_download_asset

    path = folder / name
    if path.is_file():
        return path
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


def open_weights(weights: Path | nn.Module, compute: Compute) -> Any:
    """Put weights into ultralytics' AutoBackend on the chosen device; VisionError if that fails."""
    import_ultralytics()
    from ultralytics.nn.autobackend import AutoBackend

    model: Path | nn.Module = weights
    try:
        if isinstance(weights, Path) and weights.suffix == ".pt":
            _forbid_code()
        if isinstance(weights, Path) and weights.suffix == ".safetensors":
            from feature_store.vision.product_detector import load_product_detector

            model = load_product_detector(weights)
        half = compute.dtype == torch.float16
        backend = AutoBackend(model, device=compute.device, fp16=half, verbose=False)
    except VisionError:
        raise
    except Exception as error:  # a foreign file can fail in any way
        raise VisionError(f"detector weights {str(weights)!r} cannot be loaded: {error}") from error
    return backend.eval()


def _forbid_code() -> None:
    """Let ultralytics rebuild only known classes out of a `.pt` file, which is a pickle.

    It reads its own switch (ULTRALYTICS_SAFE_LOAD) while it is imported, maybe before us.
    """
    from ultralytics.nn import tasks

    assert hasattr(tasks, "SAFE_LOAD"), "this ultralytics cannot load a .pt file without its code"
    tasks.SAFE_LOAD = True
    _warn_of_pickles()


@functools.cache
def _warn_of_pickles() -> None:
    log.warning(
        "a .pt file is a pickle: only known model classes are rebuilt out of it, but load only "
        "weights you trust, or export them to .onnx"
    )
