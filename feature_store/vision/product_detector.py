"""The one-class ("product") detector: an ImageNet trunk, a light neck and ultralytics' head.

The trunk is EfficientNet-Lite0 up to its 192-channel stage (https://arxiv.org/abs/1905.11946, the
"lite" variant: ReLU6, no squeeze-and-excitation). It learned from photographs and stays frozen
while the rest learns from rendered scenes, which is what carries the detector over to real photos.
Boxes are predicted at strides 16 and 32 only: a product worth showing is never a few pixels wide.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn import functional as fn
from ultralytics.nn.modules import Conv, Detect
from ultralytics.utils.torch_utils import fuse_conv_and_bn

from feature_store.errors import VisionError

FORMAT = "nitamono-product-detector"
VERSION = "1"
TRUNK_CHANNELS = (40, 112, 192)
"""Channels of the trunk's maps at strides 8, 16 and 32."""

_STAGES = (
    # repeats, kernel, stride, expansion, channels: the first six rows of EfficientNet's table 1
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
)
_TAPS = (2, 4, 5)


class ConvNorm(nn.Module):
    """Convolution with TensorFlow's "same" padding, batch norm, and ReLU6 where `act` is true."""

    def __init__(
        self, cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True
    ) -> None:
        """Padding follows `kernel` and `stride`."""
        super().__init__()
        # For even inputs "same" pads stride-2 convolutions one pixel more at the right and bottom.
        total = kernel - stride
        self.uneven = (total // 2, total - total // 2) if stride == 2 else None
        padding = 0 if stride == 2 else kernel // 2
        self.conv = nn.Conv2d(cin, cout, kernel, stride, padding, groups=groups, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(cout, eps=1e-3, momentum=0.01)
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) → (B, cout, H/stride, W/stride)."""
        if self.uneven is not None:
            low, high = self.uneven
            x = fn.pad(x, (low, high, low, high))
        x = self.bn(self.conv(x))
        # In place: fresh memory for every activation costs more than the arithmetic on a CPU.
        return fn.relu6(x, inplace=True) if self.act else x

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, in place."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = fuse_conv_and_bn(self.conv, self.bn)
            self.bn = nn.Identity()


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; add the input where shapes allow it."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, expansion: int) -> None:
        """`kernel` and `stride` are those of the middle layer."""
        super().__init__()
        wide = cin * expansion
        expand = [ConvNorm(cin, wide, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            ConvNorm(wide, wide, kernel, stride, groups=wide),
            ConvNorm(wide, cout, 1, act=False),
        )
        self.residual = stride == 1 and cin == cout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, cin, H, W) → (B, cout, H/stride, W/stride)."""
        y: torch.Tensor = self.layers(x)
        return x + y if self.residual else y


def unrounded(values: torch.Tensor) -> contextlib.AbstractContextManager[object]:
    """Leave bfloat16 aside where a network runs in it, for what it rounds too much.

    Without, 4 of 100 boxes of shop photos overlap those of float32 by less than 0.9 (IoU), with it
    1; it takes a tenth longer. Flat white is rounded the same way at every pixel, so that errors
    add up.
    """
    kind = values.device.type
    if not torch.is_autocast_enabled(kind):
        return contextlib.nullcontext()
    return torch.autocast(kind, enabled=False)


class Trunk(nn.Module):
    """EfficientNet-Lite0 up to stride 32; takes RGB in 0..1 and normalises it by itself."""

    def __init__(self) -> None:
        """Random weights; `load_product_detector` or the training fills them."""
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        cin = 32
        for repeats, kernel, stride, expansion, cout in _STAGES:
            blocks = []
            for i in range(repeats):
                blocks.append(
                    InvertedResidual(cin, cout, kernel, stride if i == 0 else 1, expansion)
                )
                cin = cout
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """(B, 3, H, W) RGB in 0..1, H and W multiples of 32 → maps at strides 8, 16 and 32."""
        with unrounded(images):
            x = self.stem((images * 255.0 - 127.0) / 128.0)  # the trunk's training preprocessing
            x = self.stages[0](x)
        taps = []
        for i, stage in enumerate(self.stages):
            x = stage(x) if i else x
            if i in _TAPS:
                taps.append(x)
        return taps


class Mixer(nn.Module):
    """An inverted residual of ultralytics' `Conv`s."""

    def __init__(self, channels: int) -> None:
        """The inner width is twice `channels`."""
        super().__init__()
        wide = 2 * channels
        self.layers = nn.Sequential(
            Conv(channels, wide, 1),
            Conv(wide, wide, 3, g=wide),
            Conv(wide, channels, 1, act=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → the same shape."""
        y: torch.Tensor = self.layers(x)
        return x + y


class Neck(nn.Module):
    """Carries scene context down to stride 16 and edges up to stride 32."""

    def __init__(self, channels: int) -> None:
        """`channels` is the width of both outputs."""
        super().__init__()
        c3, c4, c5 = TRUNK_CHANNELS
        self.edges = Conv(c3, channels, 3, 2)
        self.middle = Conv(c4, channels, 1)
        self.coarse = Conv(c5, channels, 1)
        self.scene = nn.Conv2d(c5, channels, 1)
        self.mix5 = Mixer(channels)
        self.mix4 = nn.Sequential(Mixer(channels), Mixer(channels))
        self.mix5_out = Mixer(channels)

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Maps at strides 8, 16, 32 → maps at strides 16, 32 with `channels` channels each."""
        p3, p4, p5 = maps
        # "The product" is relative to the whole picture, so every cell sees the picture's mean.
        top = self.mix5(self.coarse(p5) + self.scene(p5.mean((2, 3), keepdim=True)))
        up = fn.interpolate(top, scale_factor=2.0, mode="nearest")
        middle = self.mix4(self.middle(p4) + self.edges(p3) + up)
        return [middle, self.mix5_out(top + fn.avg_pool2d(middle, 2))]


class Head(Detect):  # type: ignore[misc] # ultralytics has no types
    """ultralytics' head, whose boxes are worked out in float32: bfloat16 has two-pixel steps."""

    def _inference(self, x: dict[str, Any]) -> torch.Tensor:
        """Raw maps → (B, 5, N) boxes and scores, as ultralytics' own."""
        maps = {**x, **{name: _widened(x[name]) for name in ("boxes", "scores")}}
        with unrounded(x["boxes"]):
            boxes: torch.Tensor = super()._inference(maps)
        return boxes


def _widened(values: torch.Tensor) -> torch.Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values


class ProductDetector(nn.Module):
    """Finds products in a photo; a module that ultralytics' `AutoBackend` takes as it is.

    In evaluation mode the output is ultralytics' own: (B, 5, N) float32 with x, y, width and height
    of the box in pixels and the score in 0..1, ready for `non_max_suppression`.
    """

    def __init__(self, channels: int = 96, image_size: int = 320) -> None:
        """`channels` is the width of neck and head, `image_size` the side it was trained at."""
        super().__init__()
        self.channels = channels
        self.image_size = image_size
        self.names = {0: "product"}
        self.yaml = {"channels": 3, "nc": 1}
        self.task = "detect"
        self.stride = torch.tensor([16.0, 32.0])
        self.trunk = Trunk()
        self.neck = Neck(channels)
        self.head = Head(nc=1, ch=(channels, channels))
        self.head.stride = self.stride
        self.head.bias_init()

    def forward(self, images: torch.Tensor) -> Any:
        """(B, 3, H, W) RGB in 0..1, H and W multiples of 32 → ultralytics' `Detect` output.

        Training mode gives the dict of raw maps for the loss; evaluation mode (B, 5, N) boxes,
        alone when `head.export` is set and otherwise in a tuple with that dict.
        """
        return self.head(self.neck(self.trunk(images)))

    def fuse(self) -> ProductDetector:
        """Fold every batch norm into its convolution, in place; boxes stay the same."""
        for module in self.modules():
            if isinstance(module, ConvNorm):
                module.fuse()
            elif isinstance(module, Conv) and hasattr(module, "bn"):
                module.conv = fuse_conv_and_bn(module.conv, module.bn)
                delattr(module, "bn")
                module.forward = module.forward_fuse
        return self


def load_product_detector(path: Path) -> ProductDetector:
    """Read a weights file into an evaluation-mode float32 module on the CPU.

    Raises:
        VisionError: the file is missing, is no product detector's, or does not fit this version.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise VisionError(f"{path}: cannot read the detector's weights ({error})") from error
    if metadata.get("format") != FORMAT or metadata.get("version") != VERSION:
        raise VisionError(f"{path}: not a {FORMAT} file of version {VERSION}; train it again")
    model = ProductDetector(int(metadata["channels"]), int(metadata["image_size"]))
    missing, unexpected = model.load_state_dict(state, strict=False)
    # num_batches_tracked counts training steps only and is not stored.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise VisionError(f"{path}: {len(missing)} tensors missing, {len(unexpected)} unexpected")
    return model.eval()
