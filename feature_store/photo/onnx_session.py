"""A model opened on ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_store.errors import VisionError


@dataclass(frozen=True)
class OnnxSettings:
    """Which model in ONNX, and how it is run; the pipeline makes it out of its vision settings."""

    model: Path
    """The file; what it keeps in other files lies beside it."""

    crop_px: int = 224
    """Side of the square crop, for an extractor that neither fixes nor tells its own."""

    batch: int = 1
    """Images that go through the model together, unless it fixes their number."""

    threads: int = 1
    """CPU threads; 0 leaves the choice to the runtime."""

    device: str = "cpu"
    """'cpu', 'cuda', or 'auto': CUDA where the runtime has it."""

    digest_text: str = ""
    """What of the photos themselves goes into an extractor's identity."""


def open_session(settings: OnnxSettings, *, optimised: bool = True) -> Any:
    """Open the model that the settings name; VisionError if it is missing or unusable."""
    import onnxruntime

    path = settings.model
    if not path.is_file():
        raise VisionError(f"model {str(path)!r}: no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are of how it optimises
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=_providers(settings))
    except VisionError:
        raise
    except Exception as error:  # the runtime has its own, private, errors
        raise VisionError(f"{str(path)!r} is not a usable ONNX model: {error}") from error


def _providers(settings: OnnxSettings) -> list[str]:
    import onnxruntime

    on_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if settings.device == "cuda" and not on_cuda:
        raise VisionError("device is 'cuda' but this onnxruntime has none: install onnxruntime-gpu")
    if settings.device != "cpu" and on_cuda:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]
