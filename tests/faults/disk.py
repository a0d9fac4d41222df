"""A disk that is full at drawn moments: a clear error, nothing changed, and all well with room."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

from tests.faults import small_disk
from tests.faults.kills import MAKES_VISIBLE
from tests.faults.pipeline import STAGES, run_one
from tests.faults.processes import Child, Ending, Mark
from tests.faults.room import Room
from tests.faults.undisturbed import Undisturbed

GROUP = "disk full"

WHERE = {stage: (3 if stage in STAGES[:3] else 4) for stage in STAGES}
"""The step in which each stage meets the full disk: the last day, the last index."""


@dataclasses.dataclass(frozen=True)
class Case:
    """What happened with so much room in a stage: an error, and what was wrong with all that."""

    stage: str
    room_bytes: int
    ending: Ending
    wrong: str


def disk(room: Room) -> None:
    """Let the disk be full in every stage."""
    cases = 1 if room.short else 10
    child = Child(room.log, in_a_small_disk, room.log, room.folder, room.seed, cases)
    ending = child.finish(room.tell)
    if not ending.well:
        raise RuntimeError(f"the group of the full disk failed: {ending}")
    how, found = ending.value
    for case in found:
        fault = room.report.fault(GROUP, f"in {case.stage} ({how})")
        if case.wrong:
            fault.bad(f"{case.room_bytes:,} bytes left: {case.wrong}")
        else:
            fault.good(_named(case.ending))
    for stage in STAGES:
        if all(case.ending.well for case in found if case.stage == stage):
            room.report.fault(GROUP, f"in {stage} ({how})").bad("the disk was never too full")


def in_a_small_disk(
    mark: Mark, log: Path, folder: Path, seed: int, count: int
) -> tuple[str, list[Case]]:
    """Try each stage `count` times on a disk that only this process has; say how it was made."""
    small = folder / "small"
    how = small_disk.make(small)
    usual = Undisturbed(log, folder, small / "home")
    draw = random.Random(seed)
    cases = []
    for stage in STAGES:
        needs = usual.measured[WHERE[stage]].written_bytes[stage]
        rooms = [0, *(int(draw.uniform(0, needs)) for _ in range(count - 1))]
        for room_bytes in rooms:
            ending, wrong = _try(usual, stage, room_bytes)
            cases.append(Case(stage, room_bytes, ending, wrong))
            mark(f"{stage}, {room_bytes:,} bytes left")
    return how, cases


def _try(usual: Undisturbed, stage: str, room_bytes: int) -> tuple[Ending, str]:
    """Run a step whose disk gets full in a stage; return how it ended and what was wrong."""
    step = WHERE[stage]
    usual.put(step)
    small_disk.make_room(usual.home.parent)
    victim = dataclasses.replace(usual.victim, stage=stage, room_bytes=room_bytes)
    ending = Child(usual.log, run_one, victim, step).finish()
    small_disk.make_room(usual.home.parent)
    if not (ending.well or _is_clear(ending)):
        return ending, f"no clear error, but {ending}"
    return ending, _wrong_now(usual, stage, ending) or _wrong_later(usual, stage)


def _wrong_now(usual: Undisturbed, stage: str, ending: Ending) -> str:
    found, step = usual.look(), WHERE[stage]
    allowed = [usual.said[step + 1]] if ending.well else [usual.said[step]]
    if stage in MAKES_VISIBLE and not ending.well:
        allowed.append(usual.said[step + 1])
    differences = [found.differs_from(one) for one in allowed]
    return "" if not all(differences) else f"then the home is another one: {differences[0]}"


def _wrong_later(usual: Undisturbed, stage: str) -> str:
    ending = usual.restart(WHERE[stage]).finish()
    if not ending.well:
        return f"with room again it fails: {ending}"
    difference = usual.look().differs_from(usual.said[-1])
    return f"with room again: {difference}" if difference else ""


def _is_clear(ending: Ending) -> bool:
    said = ending.said.lower()
    named = ("no space left", "file too large", "bytes are free")
    return ending.on_purpose and any(words in said for words in named)


def _named(ending: Ending) -> str:
    if ending.well:
        return "enough room"
    return f"{ending.error}: {'no space left' if 'pace' in ending.said else 'file too large'}"
