"""A build in its steps, killed before chosen changes on disk and run again: `python -m … <home>`.

Prints one JSON object: how many changes an undisturbed build makes, and for each kill what it left
and what the restart made of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_store.bundle.format import GRAPH, MANIFEST, REPORT, read_manifest, verify
from feature_store.nightly import assemble, build_segment, plan_build
from feature_store.nightly.build_plan import read_plan
from tests.faults.steps import Countdown
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop

KILLS = 9


def build(home: Path, last: int) -> int:
    """Run what is left of the steps, or die before change number `last`; return the changes.

    The files `plan` and `segments` are what Airflow would keep between tasks.
    """
    countdown = Countdown(home)
    countdown.begin(last)
    settings = FakeSettings(home)
    index = replace(settings.index, segment_by="category", min_graph_vectors=20)
    settings, store = replace(settings, index=index), FakeStore(make_shop(60))
    kept = home / "plan"
    if not kept.exists():
        folder = plan_build(settings, store).folder  # type: ignore[arg-type]
        (home / "plan.new").write_text(str(folder))
        (home / "plan.new").rename(kept)
    folder = Path(kept.read_text())
    candidate = home / "candidate"
    if not candidate.exists():
        if not (home / "segments").exists():
            for number in read_plan(folder, index).segments:
                build_segment(folder, number, settings)
            (home / "segments").touch()
        made = assemble(folder, settings, store)  # type: ignore[arg-type]
        candidate.write_text(str(made.path))
    return countdown.count


def in_child(home: Path, last: int) -> tuple[int, int]:
    """Build in a child; return its exit status, and how many changes it made (0: killed)."""
    child = os.fork()
    if not child:
        status = 1
        try:
            (home / "count").write_text(str(build(home, last)))
            status = 0
        finally:  # it must not go on as if it were its parent
            if status:
                traceback.print_exc()
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, int((home / "count").read_text()) if status == 0 else 0


def made(home: Path) -> dict[str, Any]:
    """What the build in a home made: digests of what must be the same, and what lies beside it."""
    path = Path((home / "candidate").read_text())
    manifest = read_manifest(path)
    verify(path, manifest)
    alike = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and file.name != MANIFEST
        and not {GRAPH, REPORT} & set(file.relative_to(path).parts)
    ]
    return {
        "files": {
            str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in alike
        },
        "regions": [segment.regions for segment in manifest.segments],
        "bundles": sorted(one.name for one in path.parent.iterdir() if one.name[0] != "."),
        "left": sum(
            one.name.startswith((".building-", ".scratch-")) for one in path.parent.iterdir()
        ),
    }


def main(home: Path) -> None:
    usual = home / "usual"
    usual.mkdir()
    _, changes = in_child(usual, 0)
    kills = []
    for number in range(KILLS):
        victim = home / f"victim-{number}"
        victim.mkdir()
        last = 1 + (2 * number + 1) * changes // (2 * KILLS)
        killed, _ = in_child(victim, last)
        planned = (victim / "plan").exists()
        again, _ = in_child(victim, 0)
        kills.append(
            {
                "change": last,
                "killed": killed,
                "planned": planned,
                "again": again,
                "made": made(victim) if not again else None,
            }
        )
    sys.stdout.write(json.dumps({"changes": changes, "usual": made(usual), "kills": kills}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
