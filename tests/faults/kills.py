"""SIGKILL at drawn moments of the pipeline; each time it is restarted, and ends as undisturbed."""

from __future__ import annotations

import dataclasses
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.leftovers import leftovers
from tests.faults.pipeline import INGEST_STAGES, STAGES, STEPS, run_one
from tests.faults.processes import Child, Ending
from tests.faults.report import Report
from tests.faults.room import Room
from tests.faults.state import lost_and_more
from tests.faults.undisturbed import Undisturbed

GROUP = "kills"

SHARES = {
    "extraction": 22,
    "batch gate": 8,
    "commit": 26,
    "index build": 22,
    "index gate": 8,
    "publish": 14,
}
"""Kills out of a hundred in each stage of the pipeline."""

MAKES_VISIBLE = {"commit", "publish"}
"""The stages in which a kill may leave the state before them or the one after."""

AGAIN = 0.25
"""How often the restarted pipeline is killed too."""

ANEW = 0.25
"""How often all days are run again, and not only what was left to do."""

BY_TIME = dict.fromkeys(STAGES, 0.5) | {"commit": 0.85}
"""How often a kill comes after a time, not before a change: Delta's own changes go unannounced."""

BY_TIME_SECONDS = 0.02
"""A stage shorter than this is killed at a change on disk, since no clock would hit it."""


@dataclass(frozen=True)
class Moment:
    """When to kill: in which step and stage, after so many seconds or before change number n."""

    step: int
    stage: str
    seconds: float = 0.0
    change: int = 0

    def __str__(self) -> str:
        """Say it so that a person finds it again."""
        when = f"before change {self.change}" if self.change else f"after {self.seconds:.3f} s"
        return f"step {self.step} ({STEPS[self.step]}), {self.stage}, {when}"


def kills(room: Room) -> None:
    """Kill the pipeline `room.kills` times."""
    usual = room.usual()
    draw = random.Random(room.seed)
    leftovers(room)
    for stage in _stages(room.kills):
        if room.report.kills >= room.kills:
            break
        _Killing(usual, draw, room.report).one(stage)
        room.tell(f"{room.report.kills} of {room.kills} kills")


def _stages(count: int) -> Iterator[str]:
    """Yield stages without end, each in its share, from the first few on."""
    spent: Counter[str] = Counter()
    while True:
        stage = min(STAGES, key=lambda name: (spent[name] + 1) / SHARES[name])
        spent[stage] += 1
        yield stage


class _Killing:
    """One victim: killed, looked at, restarted until it is done, and compared."""

    def __init__(self, usual: Undisturbed, draw: random.Random, report: Report) -> None:
        self.usual = usual
        self.draw = draw
        self.report = report

    def one(self, stage: str) -> None:
        """Kill it in this stage, wherever in it."""
        for _ in range(10):
            moment = self._draw(stage)
            self.usual.put(moment.step)
            hit = self._kill(moment)
            if hit == stage:
                break
        else:
            self.report.fault(GROUP, f"killed in {stage}").bad("10 kills in a row missed it")
            return
        self.report.kills += 1
        wrong = self._judge_now(moment) or self._recover(moment) or self._judge_end()
        fault = self.report.fault(GROUP, f"killed in {stage}")
        fault.judge(f"{moment}: {wrong}" if wrong else "", "the restart: the same rows and answers")

    def _draw(self, stage: str) -> Moment:
        ingest = stage in INGEST_STAGES
        step = self.draw.choice([n for n, name in enumerate(STEPS) if (name != "index") == ingest])
        measured = self.usual.measured[step]
        changes, seconds = measured.changes[stage], measured.seconds[stage]
        by_time = seconds > BY_TIME_SECONDS and self.draw.random() < BY_TIME[stage]
        if by_time or not changes:
            return Moment(step, stage, seconds=self.draw.uniform(0, seconds))
        return Moment(step, stage, change=self.draw.randint(1, changes))

    def _kill(self, moment: Moment) -> str:
        """Kill a victim; return the stage that it was in, "" if it was in none."""
        victim = dataclasses.replace(self.usual.victim, stage=moment.stage, last=moment.change)
        child = Child(self.usual.log, run_one, victim, moment.step)
        if moment.change:
            ending = child.finish()
        else:
            child.wait_for(moment.stage)
            child.hear_for(moment.seconds)
            ending = child.kill()
        last = child.marks[-1] if child.marks else ""
        return last if _is_kill(ending) and last in STAGES else ""

    def _judge_now(self, moment: Moment) -> str:
        """Say what is wrong with the home as the kill left it."""
        found = self.usual.look()
        if found.broken:
            self.report.bad_bundles_published += 1
            return f"after the kill {found.broken}"
        allowed = [self.usual.said[moment.step]]
        if moment.stage in MAKES_VISIBLE:
            allowed.append(self.usual.said[moment.step + 1])
        between = [found.differs_from(one) for one in allowed]
        return "" if not all(between) else f"after the kill, neither before nor after: {between[0]}"

    def _recover(self, moment: Moment) -> str:
        """Run the pipeline until it is done, killing it now and then.

        It goes on with the step that was killed, or begins anew with the first day.
        """
        first = 0 if self.draw.random() < ANEW else moment.step
        whole = sum(sum(one.seconds.values()) for one in self.usual.measured[first:])
        while self.draw.random() < AGAIN:
            child = self.usual.restart(first)
            if child.hear_for(self.draw.uniform(0, whole)) and _is_kill(child.kill()):
                self.report.kills += 1
            else:
                child.finish()
        ending = self.usual.restart(first).finish()
        return "" if ending.well else f"the restart failed: {ending}"

    def _judge_end(self) -> str:
        """Say in what the home differs from the undisturbed one."""
        found, expected = self.usual.look(), self.usual.said[-1]
        lost, more = lost_and_more(expected.store, found.store)
        self.report.rows_lost += lost
        self.report.rows_duplicated += more
        if found.broken:
            self.report.bad_bundles_published += 1
        return found.differs_from(expected)


def _is_kill(ending: Ending) -> bool:
    return ending.signal == signal.SIGKILL
