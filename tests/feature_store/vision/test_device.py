"""The processor and the number format are chosen by what there is."""

from __future__ import annotations

import pytest
import torch

from feature_store.errors import VisionError
from feature_store.vision.device import choose_compute
from feature_store.vision.settings import VisionSettings


def test_the_cpu_can_be_asked_for() -> None:
    compute = choose_compute(VisionSettings(device="cpu", precision="float32"))
    assert (compute.device.type, compute.dtype) == ("cpu", torch.float32)


def test_auto_takes_bfloat16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for has_it, dtype in [(True, torch.bfloat16), (False, torch.float32)]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has_it: {"amx_bf16": has})
        assert choose_compute(VisionSettings(device="cpu")).dtype == dtype


def test_autocast_follows_the_precision() -> None:
    products = []
    for precision in ("float32", "bfloat16"):
        compute = choose_compute(VisionSettings(device="cpu", precision=precision))
        with compute.autocast():
            products.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
    assert products == [torch.float32, torch.bfloat16]


def test_half_precision_on_a_cpu_is_refused() -> None:
    with pytest.raises(VisionError, match="float16"):
        choose_compute(VisionSettings(device="cpu", precision="float16"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_cuda_device_is_told() -> None:
    with pytest.raises(VisionError, match="no CUDA device"):
        choose_compute(VisionSettings(device="cuda"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_auto_takes_cuda_and_half_precision() -> None:
    compute = choose_compute(VisionSettings())
    assert (compute.device.type, compute.dtype) == ("cuda", torch.float16)


def test_threads_are_set_only_when_named() -> None:
    before = torch.get_num_threads()
    try:
        choose_compute(VisionSettings(device="cpu", threads=1))
        assert torch.get_num_threads() == 1
        choose_compute(VisionSettings(device="cpu"))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
