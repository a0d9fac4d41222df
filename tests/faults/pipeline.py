"""The road that the victims run: three days and two indexes, each stage announced by a mark."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from feature_store.ingest import (
    check_partition,
    commit_partition,
    plan_partition,
    process_shard,
)
from feature_store.nightly import build_candidate, check_candidate, needs_build, publish_candidate
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from tests.faults import small_disk
from tests.faults.processes import Mark
from tests.faults.shop import DAYS, put, settings_of
from tests.faults.steps import Countdown
from tests.feature_store.ingest.shop import quick_models

STEPS = (DAYS[0], DAYS[1], "index", DAYS[2], "index")
"""What the pipeline does, one after the other: days, and indexes over the days before."""

INGEST_STAGES = ("extraction", "batch gate", "commit")
INDEX_STAGES = ("index build", "index gate", "publish")
STAGES = (*INGEST_STAGES, *INDEX_STAGES)


def extract(ds: str, settings: Settings) -> None:
    """Plan a day, and describe all of its shards."""
    for shard in plan_partition(DataInterval.day(ds), settings).shards:
        process_shard(shard, settings, quick_models())


@dataclass
class Victim:
    """Runs the steps of one home, and dies at change number `last` of `stage`, if told to."""

    shop: Path
    home: Path
    scratch: Path
    """Where temporary files go, so that what a kill leaves there is seen."""
    stage: str = ""
    last: int = 0
    room_bytes: int | None = None
    """How much may still be written from the beginning of `stage` on; None: as much as there is."""
    changes: dict[str, int] = field(default_factory=dict)
    """How many changes on disk each stage of the last step made."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each stage of the last step took."""
    written_bytes: dict[str, int] = field(default_factory=dict)
    """How much more the disk held after each stage of the last step."""

    def run(self, mark: Mark, steps: range) -> None:
        """Run these steps."""
        self.scratch.mkdir(exist_ok=True)
        tempfile.tempdir = str(self.scratch)
        self._countdown = Countdown(self.home)
        settings = settings_of(self.shop, self.home)
        for number in steps:
            self.changes, self.seconds, self.written_bytes = {}, {}, {}
            if STEPS[number] == "index":
                self._index(mark, settings)
            else:
                self._ingest(mark, settings, STEPS[number])

    def _ingest(self, mark: Mark, settings: Settings, ds: str) -> None:
        with self._stage(mark, "extraction"):
            extract(ds, settings)
        with self._stage(mark, "batch gate"):
            check_partition(ds, settings).raise_if_failed()
        with self._stage(mark, "commit"):
            commit_partition(ds, settings)

    def _index(self, mark: Mark, settings: Settings) -> None:
        if not needs_build(settings):
            return
        with self._stage(mark, "index build"):
            candidate = build_candidate(settings)
        with self._stage(mark, "index gate"):
            check_candidate(candidate.path, settings).raise_if_failed()
        with self._stage(mark, "publish"):
            publish_candidate(candidate.path, settings)

    @contextmanager
    def _stage(self, mark: Mark, stage: str) -> Iterator[None]:
        begun = self._begin(mark, stage)
        yield
        self._end(mark, *begun)

    def _begin(self, mark: Mark, stage: str) -> tuple[str, float, int]:
        mark(stage)
        chosen = stage == self.stage
        if chosen and self.room_bytes is not None:
            small_disk.leave(self.home.parent, self.room_bytes)
        self._countdown.begin(self.last if chosen else 0)
        return stage, time.monotonic(), small_disk.used_bytes(self.home)

    def _end(self, mark: Mark, stage: str, begun: float, used_bytes: int) -> None:
        self.seconds[stage] = time.monotonic() - begun
        self.written_bytes[stage] = small_disk.used_bytes(self.home) - used_bytes
        self.changes[stage] = self._countdown.count
        self._countdown.begin()
        mark(f"after {stage}")


def run(mark: Mark, victim: Victim, first: int) -> None:
    """Run the pipeline from step number `first` to its end."""
    victim.run(mark, range(first, len(STEPS)))


def run_one(mark: Mark, victim: Victim, step: int) -> None:
    """Run one step of the pipeline."""
    victim.run(mark, range(step, step + 1))


@dataclass(frozen=True)
class Measured:
    """What one step of an undisturbed run took, by stage."""

    changes: dict[str, int]
    seconds: dict[str, float]
    written_bytes: dict[str, int]


def run_undisturbed(mark: Mark, victim: Victim, states: Path) -> list[Measured]:
    """Run the whole pipeline, and keep the home as it was before each step, and at the end."""
    victim.home.mkdir()
    measured = []
    for number in range(len(STEPS)):
        put(victim.home, states / str(number))
        victim.run(mark, range(number, number + 1))
        measured.append(Measured(victim.changes, victim.seconds, victim.written_bytes))
    put(victim.home, states / str(len(STEPS)))
    return measured
