"""The groups of faults, in the order in which they run, and the run of some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.faults.batches import batches
from tests.faults.bundles import bundles
from tests.faults.commands import commands
from tests.faults.disk import disk
from tests.faults.kills import kills
from tests.faults.network import network
from tests.faults.readers import readers
from tests.faults.remote import remote
from tests.faults.report import Report
from tests.faults.room import Room, Shared
from tests.faults.writers import writers

GROUPS: Mapping[str, Callable[[Room], None]] = {
    "kills": kills,
    "commands": commands,
    "writers": writers,
    "disk": disk,
    "network": network,
    "remote": remote,
    "batches": batches,
    "bundles": bundles,
    "readers": readers,
}


def break_everything(
    names: Sequence[str], folder: Path, kills: int, seed: int, short: bool
) -> Report:
    """Run the groups of these names in `folder`, each in a folder of its own."""
    shared = Shared(folder)
    report = Report(kills_wanted=kills if "kills" in names else 0)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    said = TextColumn("{task.fields[said]}")
    with Progress(*columns, TimeElapsedColumn(), said, transient=True) as progress:
        task = progress.add_task("faults", total=len(names), said="")
        for name in names:
            progress.update(task, description=name, said="")
            inside = folder / name
            inside.mkdir()

            def tell(said: str) -> None:
                progress.update(task, said=said)

            room = Room(inside, seed, kills, short, report, tell, shared)
            try:
                GROUPS[name](room)
            except (RuntimeError, TimeoutError) as error:
                report.fault(name, "the group itself").bad(str(error))
            progress.advance(task)
    return report
