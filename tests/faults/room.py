"""Where a group of faults works, how much it shall do, and whom it tells about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.report import Report
from tests.faults.undisturbed import Undisturbed


@dataclass
class Shared:
    """What the groups share: the one run that nobody disturbs."""

    folder: Path
    run: Undisturbed | None = None


@dataclass(frozen=True)
class Room:
    """One group's room."""

    folder: Path
    seed: int
    kills: int
    short: bool
    """Try each fault once or twice, not many times."""
    report: Report
    tell: Callable[[str], None]
    shared: Shared = field(repr=False)

    @property
    def log(self) -> Path:
        """The file that all children print to."""
        return self.shared.folder / "children.log"

    def usual(self) -> Undisturbed:
        """Return the undisturbed run; its home is free to be disturbed."""
        if self.shared.run is None:
            folder = self.shared.folder / "usual"
            shutil.rmtree(folder, ignore_errors=True)  # of a run that did not end
            folder.mkdir()
            self.shared.run = Undisturbed(self.log, folder)
        return self.shared.run
