"""A small rendered shop, and ways to run the real commands on it."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from feature_store.demo.render import DemoSettings, render_demo

# The scheduler runs the latest complete day by itself, so the shop's last day has to be that one.
LAST_DAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
DAYS = tuple(str(LAST_DAY - dt.timedelta(days=back)) for back in (2, 1, 0))
NEXT_DAY = str(LAST_DAY + dt.timedelta(days=1))
NITAMONO = [sys.executable, "-m", "feature_store.cli"]


@dataclass(frozen=True)
class Shop:
    """A rendered shop: its folder, and the catalogue location with `{ds}` in it."""

    folder: Path

    @property
    def catalogue(self) -> str:
        return str(self.folder / "catalogue" / "{ds}.csv")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    render_demo(folder, LAST_DAY, DemoSettings(items=60, seed=3, image_px=256, workers=2))
    return Shop(folder)


def environment(home: Path, catalogue: str) -> dict[str, str]:
    return {
        **os.environ,
        "NITAMONO_HOME": str(home),
        "NITAMONO_CATALOGUE": catalogue,
        "NITAMONO_INGEST_ITEMS_PER_SHARD": "25",
    }


def nitamono(home: Path, catalogue: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NITAMONO, *arguments],
        env=environment(home, catalogue),
        capture_output=True,
        text=True,
        check=False,
    )


def ingest(home: Path, catalogue: str, day: str) -> None:
    done = nitamono(home, catalogue, "ingest", "--day", day)
    assert done.returncode == 0, done.stderr


def status(home: Path) -> dict[str, Any]:
    """What the home holds: not how old it is, how much room it takes, or who ran last."""
    done = nitamono(home, "unused", "status", "--json")
    assert done.returncode == 0, done.stderr
    state: dict[str, Any] = json.loads(done.stdout)
    passing = ("age_seconds", "last_runs", *(n for n in state if n.endswith(("_bytes", "_files"))))
    return {name: value for name, value in state.items() if name not in passing}
