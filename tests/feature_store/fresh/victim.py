"""A refresh in a process of its own that dies at its n-th step: `python -m … <home> <n>`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from feature_store.bundle.write import BundleWriter
from feature_store.fresh import refresh
from tests.feature_store.fresh.shops import DIM, UNCENTRED, Edits, edit
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeSnapshot, FakeStore, make_shop

ITEMS = 20
STEPS: list[str] = []


def arrivals() -> FakeSnapshot:
    """What the victim finds in the store."""
    return edit(make_shop(ITEMS, DIM), Edits(gone=[3], new=2, rows={5: {"price": 1.0}}), version=9)


def dying(last: int, name: str, does: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does the same, but dies before it if that is the last step."""

    def step(*arguments: Any, **options: Any) -> Any:
        STEPS.append(name)
        if len(STEPS) == last:
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return does(*arguments, **options)

    return step


def main(home: str, last: str) -> None:
    for owner, name in (
        (Path, "rename"),
        (Path, "replace"),
        (Path, "touch"),
        (Path, "unlink"),
        (shutil, "rmtree"),
        (BundleWriter, "table"),
        (BundleWriter, "array"),
    ):
        setattr(owner, name, dying(int(last), name, getattr(owner, name)))
    refresh(FakeSettings(Path(home), index=UNCENTRED), store=FakeStore(arrivals()))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
