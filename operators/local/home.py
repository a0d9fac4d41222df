"""One home, one shop at a time: the state of any other shop is parked beside it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

_STATE = (
    *("store", "staging", "bundles", "thumbnails"),
    *("models.json", "requeue", "runs.jsonl", "shop.txt"),
)


def claim_home(home: Path, shop: str) -> None:
    """Make `home` hold the state of `shop`, parking another shop's and bringing this one's back.

    Two shops in one store would delete each other's items. Nothing is lost: the parked state is
    under `home/parked/` and returns when its shop does.
    """
    home.mkdir(parents=True, exist_ok=True)
    name = home / "shop.txt"
    holder = name.read_text() if name.exists() else None
    if holder == shop:
        return
    if holder is not None:
        _move(home, home / "parked" / _folder(holder))
    _move(home / "parked" / _folder(shop), home)
    name.write_text(shop)


def _folder(shop: str) -> str:
    return hashlib.sha256(shop.encode()).hexdigest()[:12]


def _move(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for part in _STATE:
        if (source / part).exists():
            shutil.move(source / part, target / part)
