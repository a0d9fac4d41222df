"""Several writers at once: on one partition, on neighbours, beside upkeep, and one killed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_store.errors import CommitConflictError
from feature_store.settings import Settings
from feature_store.tables import PartitionBatch, open_store
from feature_store.tables.content import canonical, content_hash
from tests.faults.processes import DEADLINE_SECONDS, Child, Ending, Mark, call
from tests.faults.room import Room
from tests.faults.state import rows_of
from tests.feature_store.batches import make_batch

GROUP = "writers"
DAYS = ("2026-04-01", "2026-04-02")
ITEMS = tuple(f"item {number:02d}" for number in range(20))
SLOWEST_SECONDS = 0.15
"""About as long as a write takes: a writer is killed within this."""


@dataclass(frozen=True)
class Writing:
    """What a writer is to write, and from which commit of the day it set out (None: whichever)."""

    ds: str
    seed: int
    replaces: int | None = None

    @property
    def batch(self) -> PartitionBatch:
        """The rows."""
        return make_batch(self.ds, ITEMS, seed=self.seed)

    @property
    def content(self) -> str:
        """Their content hash."""
        return content_hash(canonical(self.batch))


def write(mark: Mark, home: Path, writing: Writing, go: Path) -> str:
    """Wait for the file `go`, write, and return the commit's content hash; "" if it was refused."""
    batch, store = writing.batch, open_store(Settings(home=home))
    wait_for(mark, go)
    try:
        commit = store.replace_partition(writing.ds, batch, replaces=writing.replaces)
    except CommitConflictError:
        return ""
    return commit.content_hash


def keep_up(mark: Mark, home: Path, times: int, go: Path) -> int:
    """Run the store's upkeep so many times, one after the other."""
    store = open_store(Settings(home=home))
    wait_for(mark, go)
    for _ in range(times):
        store.upkeep(1)
    return times


def wait_for(mark: Mark, go: Path) -> None:
    """Say that this process is ready, and wait until all are."""
    mark("ready")
    until = time.monotonic() + DEADLINE_SECONDS
    while not go.exists():
        if time.monotonic() > until:
            raise TimeoutError("nobody said go")
        time.sleep(0.0005)


def held(mark: Mark, home: Path, ds: str) -> tuple[str, int, str]:
    """Return the content hash of the rows that a partition holds, its version, and what its commit
    says the hash is."""
    store = open_store(Settings(home=home))
    batch, version = store.partition(ds)
    said = {commit.ds: commit.content_hash for commit in store.commits()}
    return content_hash(canonical(batch)), version, said.get(ds, "")


def missing_and_doubled(mark: Mark, home: Path, writings: Sequence[Writing]) -> tuple[int, int]:
    """Count the rows of these writings that the store lacks, and those it has too often."""
    store = open_store(Settings(home=home))
    lost = more = 0
    for writing in writings:
        found, expected = rows_of(store.partition(writing.ds)[0]), rows_of(writing.batch)
        lost += (expected - found).total()
        more += (found - expected).total()
    return lost, more


class Writers:
    """Rounds of writers on one home."""

    def __init__(self, room: Room) -> None:
        """Begin with both partitions written."""
        self.room = room
        self.home = room.folder / "home"
        self.draw = random.Random(room.seed)
        self._round = 0
        for ds in DAYS:
            self.race([Writing(ds, 1)])

    def race(
        self, writings: Sequence[Writing], *, upkeep: int = 0, killed: bool = False
    ) -> list[Ending]:
        """Let writers begin at the same moment; return how each of them ended."""
        self._round += 1
        go = self.room.folder / f"go-{self._round}"
        log = self.room.log
        children = [Child(log, write, self.home, writing, go) for writing in writings]
        if upkeep:
            children.append(Child(log, keep_up, self.home, upkeep, go))
        for child in children:
            child.wait_for("ready")
        go.touch()
        if killed:
            children[0].hear_for(self.draw.uniform(0, SLOWEST_SECONDS))
            children[0].kill()
        return [child.finish() for child in children]

    def held(self, ds: str) -> tuple[str, int, str]:
        """Return the hash of a partition's rows, its version, and the hash it should have."""
        said: tuple[str, int, str] = call(self.room.log, held, self.home, ds)
        return said

    def seed(self) -> int:
        """Draw a seed that no other writing has."""
        return self.draw.randrange(10, 1 << 40)

    def same_content(self) -> str:
        """Two writers, the same rows: both are content with one commit."""
        writing = Writing(DAYS[0], self.seed())
        endings = self.race([writing, writing])
        return self._complaint(endings, [writing.content] * 2, writing.content)

    def other_content(self) -> str:
        """Two writers set out from the same commit: exactly one wins, and nothing is mixed."""
        version = self.held(DAYS[0])[1]
        pair = [Writing(DAYS[0], self.seed(), version) for _ in range(2)]
        endings = self.race(pair)
        won = [one.value for one in endings if one.value]
        if len(won) != 1:
            return f"{len(won)} writers won: {[str(one) for one in endings]}"
        return self._complaint(endings, [one.value for one in endings], won[0])

    def last_wins(self) -> str:
        """Two writers that replace whatever is there: one's rows, whole; a loser is told."""
        pair = [Writing(DAYS[0], self.seed()) for _ in range(2)]
        endings = self.race(pair)
        content = self.held(DAYS[0])[0]
        if content not in [one.value for one in endings]:
            return "the partition is not as any writer who won wrote it"
        return self._complaint(endings, [one.value for one in endings], content)

    def neighbours(self, upkeep: int = 0) -> str:
        """Two writers on two partitions: both land."""
        pair = [Writing(ds, self.seed()) for ds in DAYS]
        endings = self.race(pair, upkeep=upkeep)
        failed = [str(one) for one in endings if not one.well or one.value == ""]
        if failed:
            return f"one did not land: {failed[0]}"
        lost, more = call(self.room.log, missing_and_doubled, self.home, pair)
        self.room.report.rows_lost += lost
        self.room.report.rows_duplicated += more
        return f"{lost} rows lost, {more} too many" if lost or more else ""

    def one_killed(self) -> str:
        """One of two writers is killed: the partition is the other's, or the killed one's."""
        pair = [Writing(DAYS[0], self.seed()) for _ in range(2)]
        first, second = self.race(pair, killed=True)
        if not second.well or (first.signal != signal.SIGKILL and not first.well):
            return f"{first}; {second}"
        content, _, said = self.held(DAYS[0])
        if content != said or content not in [one.content for one in pair]:
            return "the partition is neither writer's"
        return ""

    def _complaint(self, endings: Sequence[Ending], values: Sequence[str], content: str) -> str:
        for ending, value in zip(endings, values, strict=True):
            if not ending.well or ending.value != value:
                return f"a writer ended with {ending}, {ending.value!r}"
        found, _, said = self.held(DAYS[0])
        if found != content or said != content:
            return "the partition holds rows that no single writer wrote"
        return ""


def writers(room: Room) -> None:
    """Run many rounds of each kind."""
    rounds = 1 if room.short else 15
    race = Writers(room)
    kinds = {
        "the same rows at once": (race.same_content, "one commit for both"),
        "other rows, from one commit": (race.other_content, "CommitConflictError for the loser"),
        "other rows, whatever is there": (race.last_wins, "whole partitions, one after the other"),
        "neighbouring partitions": (race.neighbours, "both land"),
        "upkeep beside writers": (lambda: race.neighbours(upkeep=3), "both land"),
        "one of two writers killed": (race.one_killed, "a whole partition"),
    }
    for name, (round_of, caught_by) in kinds.items():
        for number in range(rounds):
            room.report.fault(GROUP, name).judge(round_of(), caught_by)
            room.tell(f"{name}, {number + 1} of {rounds}")
