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
