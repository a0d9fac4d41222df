"""What a gate found: each check, what was seen, what was expected, and what to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from feature_store.errors import GateError


@dataclass(frozen=True)
class Check:
    """One check: `message` says in a sentence what was found and, if it failed, what to do."""

    name: str
    passed: bool
    observed: float
    expected: str
    message: str


@dataclass(frozen=True)
class GateReport:
    """All checks of one gate, in the order in which they ran."""

    gate: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Tell whether every check passed."""
        return all(check.passed for check in self.checks)

    def raise_if_failed(self) -> None:
        """Raise GateError with the message of each failed check."""
        failures = [check.message for check in self.checks if not check.passed]
        if failures:
            raise GateError(self.gate, failures)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "checks": [asdict(check) for check in self.checks],
        }

    def to_json(self) -> str:
        """Return the report as JSON, the same text for the same report."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> GateReport:
        """Read back what `to_dict` returned."""
        return cls(values["gate"], tuple(Check(**check) for check in values["checks"]))
