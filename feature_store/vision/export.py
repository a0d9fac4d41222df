"""Write EfficientNet-Lite0 as an ONNX model, for machines without torch."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch

from feature_store.vision.efficientnet import EfficientNetFeatures, default_weights


def export_efficientnet(path: Path, crop_px: int = 224) -> Path:
    """Write the model to `path` and its preprocessing to `<path>.json`; answer `path`.

    Input `pixels` float32 (n, 3, crop_px, crop_px) of pixels 0..255, RGB;
    output `vector` float32 (n, 1280), not yet normalised.
    """
    model = EfficientNetFeatures(default_weights(), crop_px).eval()
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
