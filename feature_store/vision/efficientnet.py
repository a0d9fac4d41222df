"""EfficientNet-Lite with ImageNet weights: the extractor that works out of the box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import normalize
from torch.nn.utils.fusion import fuse_conv_bn_eval

from feature_store.errors import VisionError
from feature_store.photo.crops import squash
from feature_store.photo.extract import normalise_rows
from feature_store.vision.device import choose_compute
from feature_store.vision.packaged import packaged_identity, packaged_weights
from feature_store.vision.settings import VisionSettings

EARLY_BLOCKS = 3
"""The stem and these first blocks stay in float32 where the rest is bfloat16. On shop photos the
cosine to all-float32 is then at least 0.9995; without, it falls to 0.994: the flat white around a
product is rounded the same way at every pixel, so that the errors add up instead of cancelling."""

BEFORE_HEAD_WEIGHT = 0.5
"""How much the average before the head counts beside the one after it. On two sets of 54 and 70
shop photos, with true and with automatic boxes, half finds more of the same category in the first
five (lite2: 1 to 2 points); the whole costs lite0 its best hit on one of the sets."""

MEAN, DEVIATION = 127.0, 128.0
"""The models were trained on (pixel - 127) / 128, RGB
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite)."""


class EfficientNetFeatures(nn.Module):
    """What a crop looks like: two averages, over the last map and over the one before the head.

    The head's channels speak of ImageNet's classes; those before it, also of what no class needs.
    """

    def __init__(self, name: str, weights: Path, crop_px: int) -> None:
        """Build the network for square crops and load its weights (a state dict, no pickle)."""
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        # The padding is worked out for one size while the network is built.
        network = EfficientNet.from_name(name, image_size=crop_px)
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            network.load_state_dict(state)
        except Exception as error:  # a damaged file can fail in any way
            raise VisionError(f"extractor weights {str(weights)!r}: {error}") from error
        network.eval()
        _fuse(network)
        network._blocks = nn.Sequential(*network._blocks)
        self.network: Any = network
        self.dim: int = network._conv_head.in_channels + network._conv_head.out_channels

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Describe (n, 3, side, side) float32 pixels of 0..255: float32 (n, dim)."""
        return self.late(self.early(pixels))

    def early(self, pixels: torch.Tensor) -> torch.Tensor:
        """Run the stem and the first blocks, where bfloat16 loses too much."""
        network = self.network
        maps = network._swish(network._conv_stem((pixels - MEAN) / DEVIATION))
        maps = network._blocks[:EARLY_BLOCKS](maps)
        assert isinstance(maps, torch.Tensor)
        return maps

    def late(self, maps: torch.Tensor) -> torch.Tensor:
        """Run the other blocks and the head; the averages are float32, of norms 1 and a half."""
        network = self.network
        before_head = network._blocks[EARLY_BLOCKS:](maps)
        after_head = network._swish(network._conv_head(before_head))
        after, before = (maps.float().mean(dim=(2, 3)) for maps in (after_head, before_head))
        weighted = BEFORE_HEAD_WEIGHT * normalize(before, dim=1)
        return torch.cat([normalize(after, dim=1), weighted], dim=1)


def _fuse(network: nn.Module) -> None:
    """Fold normalisation and padding into the convolutions: the same answer, a third sooner."""
    pairs = {
        "_conv_stem": "_bn0",
        "_conv_head": "_bn1",
        "_expand_conv": "_bn0",
        "_depthwise_conv": "_bn1",
        "_project_conv": "_bn2",
    }
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
        for convolution, normalisation in pairs.items():
            if hasattr(module, convolution):
                fused: Any = fuse_conv_bn_eval(
                    getattr(module, convolution), getattr(module, normalisation)
                )
                _fold_padding(fused)
                setattr(module, convolution, fused)
                setattr(module, normalisation, nn.Identity())


def _fold_padding(convolution: Any) -> None:
    """Let the convolution pad by itself where all four sides are alike: one copy less."""
    sides = set(getattr(convolution.static_padding, "padding", ()))
    if len(sides) == 1:
        side = sides.pop()
        convolution.padding = (side, side)
        convolution.static_padding = nn.Identity()


class EfficientNetExtractor:
    """An Extractor on CUDA or CPU: 1600 numbers with lite0, 1632 with lite2."""

    def __init__(self, settings: VisionSettings) -> None:
        """Load the network that the settings name; VisionError if it cannot be had."""
        self._settings = settings
        self._compute = choose_compute(settings)
        name, weights = settings.extractor, packaged_weights(settings.extractor)
        self._model = EfficientNetFeatures(name, weights, settings.crop_px)
        self._model.to(self._compute.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dim = self._model.dim
        self.identity = packaged_identity(name, settings)

    def extract(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Describe uint8 (H, W, 3) RGB crops of any size: float32 (n, dim), rows of norm 1.

        A row that cannot be is all NaN. Memory is bounded by one batch.
        """
        vectors = np.empty((len(crops), self.dim), np.float32)
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
