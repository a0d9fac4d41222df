"""Every way to find neighbours finds what comparing all by hand finds."""

from __future__ import annotations

import numpy as np
import pytest

from feature_store.index import finders
from feature_store.index.finders import ExactFinder, Found, GpuFinder, gpu_device
from tests.feature_store.nightly.fake_shop import clustered

N, DIM = 900, 24
COPIES = np.r_[np.arange(N - 30), np.full(30, 7)]
"""The last thirty regions show the photo of region 7."""
VECTORS = clustered(N, DIM)[COPIES]
OWNERS = np.repeat(np.arange(N // 3), 3).astype(np.int32)
ROWS = np.arange(N, dtype=np.int32)
AMONG = ROWS[np.arange(N) % 4 != 1]


def by_hand(asked: np.ndarray, count: int) -> np.ndarray:
    """The cosines of the nearest of AMONG that are of other items."""
    cosines = VECTORS[asked] @ VECTORS[AMONG].T
    cosines[OWNERS[asked][:, None] == OWNERS[AMONG][None, :]] = -np.inf
    return -np.sort(-cosines, axis=1)[:, :count]


def is_right(found: Found, asked: np.ndarray, count: int) -> None:
    assert np.allclose(found.cosines, by_hand(asked, count), atol=1e-5)
    assert np.isin(found.regions, AMONG).all()
    assert (OWNERS[found.regions] != OWNERS[asked][:, None]).all()
    cosines = np.einsum("ijk,ik->ij", VECTORS[found.regions], VECTORS[asked])
    assert np.allclose(cosines, found.cosines, atol=1e-5)
    assert all(len(set(row)) == count for row in found.regions.tolist())


@pytest.mark.parametrize(("rows", "columns"), [(64, 100), (1024, 16384)])
def test_comparing_all_in_tiles(rows: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "TILE_ROWS", rows)
    monkeypatch.setattr(finders, "TILE_COLUMNS", columns)
    monkeypatch.setattr(finders, "FIRST_COLUMNS", columns // 2)
    is_right(ExactFinder(VECTORS, OWNERS, AMONG).nearest(ROWS, 20), ROWS, 20)


def test_more_than_there_are_leaves_the_rest_empty() -> None:
    found = ExactFinder(VECTORS, OWNERS, AMONG[:5]).nearest(ROWS[500:510], 9)
    assert (found.regions[:, :5] >= 0).all()
    assert (found.regions[:, 5:] == -1).all()
    assert (found.cosines[:, 5:] == 0).all()


def test_what_a_gpu_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch computes the same on the processor that it does on a GPU."""
    monkeypatch.setattr(finders, "TILE_COLUMNS", 100)
    monkeypatch.setattr(finders, "TILE_ROWS", 64)
    is_right(GpuFinder(VECTORS, OWNERS, AMONG, "cpu").nearest(ROWS, 20), ROWS, 20)


@pytest.mark.gpu
def test_a_gpu_finds_the_same() -> None:
    device = gpu_device(N, DIM)
    if not device:
        pytest.skip("no CUDA device")
    is_right(GpuFinder(VECTORS, OWNERS, AMONG, device).nearest(ROWS, 20), ROWS, 20)


def test_without_a_gpu_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_device(1000, 64) == ""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (80_000_000_000, 80_000_000_000))
    assert gpu_device(1_000_000, 1280) == "cuda"
    assert gpu_device(20_000_000, 1280) == ""
