"""`python -m tests.faults`: break the pipeline in every way it should bear, and tell about it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.faults.groups import GROUPS, break_everything
from tests.faults.report import Report


def main() -> int:
    """Run the groups that were asked for; 0 if nothing is off."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=120, help="how often the pipeline is killed")
    parser.add_argument("--seed", type=int, default=20, help="what all that is drawn follows from")
    parser.add_argument("--only", choices=list(GROUPS), action="append", help="only this group")
    parser.add_argument("--home", type=Path, help="a folder for the run, kept afterwards")
    parser.add_argument("--short", action="store_true", help="each fault but a few times")
    given = parser.parse_args()
    names = given.only or list(GROUPS)
    with tempfile.TemporaryDirectory(prefix="nitamono-faults-") as own:
        folder = Path(given.home or own).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        report = break_everything(names, folder, given.kills, given.seed, given.short)
    _print(report)
    return 0 if report.ok else 1


def _print(report: Report) -> None:
    console = Console()
    console.print(report.table())
    for fault in report.faults:
        for what in fault.wrong:
            console.print(f"{fault.group}, {fault.name}: {what}", style="red", highlight=False)
    sys.stdout.write(json.dumps(report.summary(), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
