"""The small shop with small models, so that the real service answers photos of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.feature_store.photo.small_models import carry
from tests.serving.service_process import ServiceProcess, children_of
from tests.serving.shop_bundle import DIM, EXTRACTOR, build_shop


def build_photo_shop(home: Path, bundle_id: str = "shop-1", *, without: str | None = None) -> Path:
    """Build the shop's bundle with models in it; return its folder."""
    return build_shop(home, bundle_id, without=without, carry=carry_small)


def carry_small(folder: Path) -> None:
    """Put models into a bundle in the making."""
    carry(folder, [(EXTRACTOR, DIM)])


def photo_processes(service: ServiceProcess) -> list[int]:
    """The processes that read photos: those that give way to all others."""
    (leader,) = children_of(service.process.pid)
    ours = _niceness(leader)
    return [child for child in children_of(leader) if _niceness(child) > ours]


def _niceness(process: int) -> int:
    told = subprocess.run(
        ["ps", "-o", "ni=", "-p", str(process)], capture_output=True, check=True, text=True
    )
    return int(told.stdout)
