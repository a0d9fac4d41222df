"""The run that nobody disturbs, with which every disturbed one is compared."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.faults.pipeline import STEPS, Measured, Victim, run, run_undisturbed
from tests.faults.processes import Child, Mark, call
from tests.faults.shop import open_shop, put
from tests.faults.state import HomeState, look


class Undisturbed:
    """A run that nobody disturbs: the home before each step and at the end, and what it says."""

    def __init__(self, log: Path, folder: Path, home: Path | None = None) -> None:
        """Run it, in a home under `folder` unless there is another place for it.

        RuntimeError if it does not end with a bundle and a store that are what they say.
        """
        self.log = log
        self.shop, self.states = folder / "shop", folder / "states"
        self.home = home or folder / "home"
        self.scratch = self.home.with_name("tmp")
        open_shop(self.shop)
        self.victim = Victim(self.shop, self.home, self.scratch)
        self.measured: list[Measured] = call(log, run_undisturbed, self.victim, self.states)
        homes = [self.states / str(step) for step in range(len(STEPS) + 1)]
        self.said: list[HomeState] = call(log, look_at, self.shop, homes)
        last = self.said[-1]
        if last.broken or last.bundle is None:
            raise RuntimeError(f"the undisturbed run is not sound: {last.broken or 'no bundle'}")

    def look(self) -> HomeState:
        """Say what the home says now."""
        said: HomeState = call(self.log, look, self.shop, self.home)
        return said

    def look_here(self) -> HomeState:
        """Say what the home says now, in this very process, which must be a child."""
        return look(lambda mark: None, self.shop, self.home)

    def put(self, step: int) -> None:
        """Make the home what it was before a step."""
        put(self.states / str(step), self.home)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def restart(self, step: int = 0) -> Child:
        """Start the pipeline on the home as it is, from a step on."""
        return Child(self.log, run, self.victim, step)


def look_at(mark: Mark, shop: Path, homes: Sequence[Path]) -> list[HomeState]:
    """Open homes as a reader does, and say what is there."""
    return [look(mark, shop, home) for home in homes]
