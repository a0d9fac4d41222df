"""Write the pipeline's models as ONNX, for machines without torch: as a program of its own.

A process of its own, because tracing a network takes a gigabyte that the caller must not keep.
What was exported once stays in the home's folder `onnx`, by its identity.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from feature_store.errors import VisionError
from feature_store.vision.identity import detector_identity, extractor_identity
from feature_store.vision.settings import VisionSettings

log = logging.getLogger(__name__)

EXPORT = "1"
"""Raise this with any change to what is exported: it is part of the folder's name."""

MODEL, NETWORK = "model.onnx", "network.json"
"""What a folder of the cache holds; beside an extractor lies what it reads pixels by."""

SECONDS = 900
"""How long an export may take; it takes a quarter of a minute on two cores."""


def exported_detector(settings: VisionSettings, cache: Path) -> Path:
    """Return the folder with the ONNX of the detector that the settings name; VisionError."""
    return _exported("detector", detector_identity(settings), settings, cache)


def exported_extractor(settings: VisionSettings, cache: Path) -> Path:
    """Return the folder with the ONNX of the packaged extractor that the settings name."""
    return _exported("extractor", extractor_identity(settings), settings, cache)


def _exported(kind: str, identity: str, settings: VisionSettings, cache: Path) -> Path:
    place = cache / f"{kind}-{identity}-{EXPORT}"
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    log.info("exporting the %s %s to ONNX", kind, identity)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=cache))
    try:
        _run(kind, making, settings)
        # Somebody else may have put the same there meanwhile: theirs is as good.
        if not place.is_dir():
            making.rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return place


def _run(kind: str, folder: Path, settings: VisionSettings) -> None:
    command = [sys.executable, "-m", __name__, kind, str(folder)]
    asked = json.dumps(asdict(replace(settings, device="cpu", precision="float32")))
    try:
        done = subprocess.run(
            command, input=asked, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise VisionError(f"the {kind} was not exported within {SECONDS} seconds") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise VisionError(f"the {kind} cannot be exported to ONNX: {said[:500]}")


def export_efficientnet(path: Path, settings: VisionSettings) -> Path:
    """Write the network that the settings name, and its preprocessing to `<path>.json`.

    Input `pixels` float32 (n, 3, crop_px, crop_px) of pixels 0..255, RGB; output `vector`
    float32 (n, dim), not yet normalised. Answers `path`. VisionError if it answers otherwise.
    """
    import torch

    from feature_store.vision.efficientnet import EfficientNetFeatures
    from feature_store.vision.packaged import packaged_weights

    side = settings.crop_px
    model = EfficientNetFeatures(settings.extractor, packaged_weights(settings.extractor), side)
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 255
    batch = {"pixels": {0: torch.export.Dim("n")}}
    _write(model.eval(), pixels, path, "vector", batch)
    sidecar = {"scale": 1.0, "mean": [0.0] * 3, "std": [1.0] * 3, "size_px": side}
    path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar) + "\n", encoding="utf-8")
    return path


def export_detector(path: Path, settings: VisionSettings) -> Path:
    """Write the detector that the settings name, and what the file does not say of itself.

    Input `pixels` float32 (1, 3, side, side), RGB in 0..1; output `boxes`, as `sift` reads them.
    Answers `path`; beside it lies `network.json`. VisionError if it cannot be, or answers
    otherwise.
    """
    import torch

    from feature_store.photo.detect import Network
    from feature_store.vision.detector_weights import find_weights
    from feature_store.vision.ultralytics_detector import UltralyticsDetector

    weights = find_weights(settings.detector, Path(settings.weights_folder))
    detector = UltralyticsDetector(settings, weights)
    side = detector.side_px
    labels = tuple(str(detector.names[number]) for number in range(len(detector.names)))
    network = Network(detector.identity, side, labels, settings.sieve)
    path.with_name(NETWORK).write_text(json.dumps(asdict(network)), encoding="utf-8")
    if weights.suffix == ".onnx":
        shutil.copyfile(weights, path)
        return path
    pixels = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    _write(_first_output(detector.module), pixels, path, "boxes", None)
    return path


def _first_output(module: Any) -> Any:
    """Wrap a detection network so that it answers boxes alone, as it does when exported."""
    import torch

    class Boxes(torch.nn.Module):
        """Answers the first of what a network answers."""

        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            """(1, 3, side, side) → the network's boxes."""
            answer = self.network(pixels)
            boxes: torch.Tensor = answer[0] if isinstance(answer, list | tuple) else answer
            return boxes

    for part in module.modules():
        if hasattr(part, "export"):
            part.export = True
    return Boxes().eval()


def _write(model: Any, pixels: Any, path: Path, answers: str, batch: Any) -> None:
    import torch

    with torch.inference_mode():
        expected = model(pixels).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own insides
        torch.onnx.export(
            model,
            (pixels,),
            path,
            input_names=["pixels"],
            output_names=[answers],
            dynamic_shapes=batch,
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    _prove(path, pixels.numpy(), expected)


def _prove(path: Path, pixels: Any, expected: Any) -> None:
    """Raise VisionError unless the file answers what the network did."""
    import numpy as np

    from feature_store.photo.onnx_session import OnnxSettings, open_session

    (found,) = open_session(OnnxSettings(path)).run(None, {"pixels": pixels})
    if expected.shape[-1] == 6:  # of an end-to-end network: scores of noise come in any order
        found, expected = found[..., 4], expected[..., 4]
    allowed = 1e-3 * float(np.abs(expected).max())
    off = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
    if not off <= allowed:
        raise VisionError(f"{path.name} answers otherwise than the network: by {off:.3g}")


EXPORTS: dict[str, Callable[[Path, VisionSettings], Path]] = {
    "detector": export_detector,
    "extractor": export_efficientnet,
}


def main() -> int:
    """Export a `kind` into a folder, as the arguments say; the settings come on stdin as JSON."""
    kind, folder = sys.argv[1:]
    os.nice(5)
    try:
        EXPORTS[kind](Path(folder) / MODEL, VisionSettings(**json.load(sys.stdin)))
    except VisionError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
