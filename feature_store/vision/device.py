"""Choose the processor and the number format that the models run in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch

from feature_store.errors import VisionError
from feature_store.vision.settings import VisionSettings


@dataclass(frozen=True)
class Compute:
    """A processor, and the number format of the heavy arithmetic on it."""

    device: torch.device
    dtype: torch.dtype

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Run convolutions and products in `dtype`; float32 runs as it is."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)


def choose_compute(settings: VisionSettings) -> Compute:
    """Resolve 'auto' on this machine; VisionError if CUDA is asked for and there is none.

    Sets the number of torch's threads in this process when the settings name one.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise VisionError(
            "device is 'cuda' but torch sees no CUDA device: install a CUDA build of torch, "
            "or set the device to 'auto' or 'cpu'"
        )
    on_cuda = available and settings.device != "cpu"
    device = torch.device("cuda", torch.cuda.current_device()) if on_cuda else torch.device("cpu")
    if settings.precision == "auto":
        return Compute(device, _fastest_dtype(on_cuda=on_cuda))
    dtype: torch.dtype = getattr(torch, settings.precision)
    if dtype == torch.float16 and not on_cuda:
        raise VisionError("precision 'float16' needs CUDA: on a CPU choose 'bfloat16' or 'auto'")
    return Compute(device, dtype)


def _fastest_dtype(*, on_cuda: bool) -> torch.dtype:
    if on_cuda:
        return torch.float16
    # Without these instructions bfloat16 is emulated, and slower than float32.
    capabilities = torch.cpu.get_capabilities()
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if native else torch.float32
