"""What many kills leave behind in one home, and that upkeep takes all of it away once it is old."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from feature_store.upkeep import upkeep_bundles, upkeep_leftovers, upkeep_store
from tests.faults.processes import Mark, call
from tests.faults.room import Room
from tests.faults.shop import DAYS, settings_of
from tests.faults.undisturbed import Undisturbed

OLD_SECONDS = 60 * 86400


def leftovers(room: Room) -> None:
    """Kill the pipeline again and again on one home, let it end, and put the home in order."""
    usual, draw = room.usual(), random.Random(room.seed)
    whole = sum(sum(one.seconds.values()) for one in usual.measured)
    usual.put(0)
    for _ in range(3 if room.short else 15):
        child = usual.restart()
        child.hear_for(draw.uniform(0, whole))
        room.report.kills += child.kill().signal == signal.SIGKILL
    ending = usual.restart().finish()
    before, after = call(room.log, keep_in_order, usual)
    wrong = "" if ending.well else f"the last restart failed: {ending}"
    wrong = wrong or usual.look().differs_from(usual.said[-1])
    wrong = wrong or (f"upkeep leaves {dict(after)}" if after else "")
    fault = room.report.fault("kills", "what kills leave behind")
    fault.judge(wrong, "upkeep")
    room.tell(f"left behind: {dict(before)}")


def keep_in_order(mark: Mark, usual: Undisturbed) -> tuple[Counter[str], Counter[str]]:
    """Let everything be old, and run upkeep; return what was left over before it and after it."""
    tempfile.tempdir = str(usual.scratch)
    settings = settings_of(usual.shop, usual.home)
    before = left_over(usual.home, usual.scratch)
    old = time.time() - OLD_SECONDS
    for path in (*usual.home.rglob("*"), *usual.scratch.rglob("*")):
        os.utime(path, (old, old))
    upkeep_store(settings)
    upkeep_bundles(settings)
    upkeep_leftovers(settings)
    return before, left_over(usual.home, usual.scratch)


def left_over(home: Path, scratch: Path) -> Counter[str]:
    """Count the files and folders that a run makes for itself alone, by kind."""
    found: Counter[str] = Counter()
    for path in (*home.rglob("*"), *scratch.glob("*")):
        if path.parent == scratch:
            found["temporary"] += 1
        elif path.name.startswith((".building-", ".scratch-", ".removed-", ".CURRENT.")):
            found["hidden bundle"] += 1
        elif path.suffix == ".part" or path.name.startswith("spool-"):
            found["unfinished file"] += 1
        elif path.parent.name in DAYS and path.parent.parent.name == "staging" and path.is_dir():
            found["plan"] += 1
    found["unknown to the store"] = len(_unknown_files(home / "store"))
    return +found


def _unknown_files(store: Path) -> list[Path]:
    """List the files of tables that no version of their table has ever named."""
    unknown = []
    for table in store.iterdir() if store.is_dir() else ():
        log = "".join(path.read_text() for path in table.glob("_delta_log/*.json"))
        unknown += [
            path
            for path in table.rglob("*.parquet")
            if "_delta_log" not in path.parts and path.name not in log
        ]
    return unknown
