"""What a run of the harness found: a row for each fault, the table for people, the JSON line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


@dataclass
class Fault:
    """One kind of fault: how often it was tried, how often all was as it should be, and why."""

    group: str
    name: str
    tried: int = 0
    right: int = 0
    caught_by: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def good(self, caught_by: str) -> None:
        """Count one that went as it should."""
        self.tried += 1
        self.right += 1
        self.caught_by[caught_by] = self.caught_by.get(caught_by, 0) + 1

    def bad(self, what: str) -> None:
        """Count one that did not, and say what happened."""
        self.tried += 1
        self.wrong.append(what)

    def judge(self, wrong: str, caught_by: str) -> None:
        """Count one that went as it should if `wrong` is empty."""
        if wrong:
            self.bad(wrong)
        else:
            self.good(caught_by)

    @property
    def ok(self) -> bool:
        """Whether it was tried at all, and always went as it should."""
        return 0 < self.tried == self.right

    def verdict(self) -> str:
        """Say what caught it, or what went wrong."""
        if self.wrong:
            return f"NOT AS IT SHOULD: {self.wrong[0]}"
        return "; ".join(sorted(self.caught_by, key=lambda by: -self.caught_by[by])[:3])


@dataclass
class Report:
    """Everything that a run found."""

    faults: list[Fault] = field(default_factory=list)
    kills: int = 0
    rows_lost: int = 0
    rows_duplicated: int = 0
    bad_bundles_published: int = 0
    kills_wanted: int = 0

    def fault(self, group: str, name: str) -> Fault:
        """Return the row of a fault; a new one at its first mention."""
        for fault in self.faults:
            if (fault.group, fault.name) == (group, name):
                return fault
        self.faults.append(Fault(group, name))
        return self.faults[-1]

    @property
    def ok(self) -> bool:
        """Whether nothing at all is off."""
        damage = self.rows_lost + self.rows_duplicated + self.bad_bundles_published
        enough = self.kills >= self.kills_wanted
        return enough and not damage and bool(self.faults) and all(one.ok for one in self.faults)

    def summary(self) -> dict[str, Any]:
        """Return the JSON line's values."""
        return {
            "kills": self.kills,
            "rows_lost": self.rows_lost,
            "rows_duplicated": self.rows_duplicated,
            "bad_bundles_published": self.bad_bundles_published,
            "faults": {
                f"{one.group}: {one.name}": ("caught by " if one.ok else "") + one.verdict()
                for one in self.faults
            },
            "ok": self.ok,
        }

    def table(self) -> Table:
        """Draw the table for people."""
        table = Table("group", "fault", "tried", "as it should", "caught by", highlight=False)
        for one in self.faults:
            style = None if one.ok else "bold red"
            counts = (str(one.tried), str(one.right))
            table.add_row(one.group, one.name, *counts, one.verdict(), style=style)
        return table
