"""Write the built-in extractor as an ONNX model, for machines without torch."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch

from feature_store.vision.efficientnet import EfficientNetFeatures
from feature_store.vision.packaged import packaged_weights
from feature_store.vision.settings import VisionSettings


def export_efficientnet(path: Path, settings: VisionSettings) -> Path:
    """Write the network that the settings name, and its preprocessing to `<path>.json`.

    Input `pixels` float32 (n, 3, crop_px, crop_px) of pixels 0..255, RGB; output `vector`
    float32 (n, dim), not yet normalised. Answers `path`.
    """
    weights = packaged_weights(settings.extractor)
    crop_px = settings.crop_px
    model = EfficientNetFeatures(settings.extractor, weights, crop_px).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, 3, crop_px, crop_px)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own insides
        torch.onnx.export(
            model,
            (example,),
            path,
            input_names=["pixels"],
            output_names=["vector"],
            dynamic_shapes={"pixels": {0: torch.export.Dim("n")}},
            external_data=False,
            dynamo=True,
            verbose=False,
        )
    sidecar = {"scale": 1.0, "mean": [0.0] * 3, "std": [1.0] * 3, "size_px": crop_px}
    path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar) + "\n", encoding="utf-8")
    return path
