"""What the comparison of two bundles can be told."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class CompareSettings:
    """Settings of the comparison; SettingsError for a value out of range."""

    hits: int = 10
    """How many look-alikes of each item are compared."""

    max_churn: float = 0.3
    """If more than this share (0..1) of the look-alikes of the items that both bundles hold would
    be others than today, publishing waits for a person."""

    approval_hours: float = 20.0
    """How long publishing waits for a person; after that the live bundle stays."""

    sheet_rows: int = 40
    """Rows on the contact sheet: half of them the most changed items, half drawn at random."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("hits", "sheet_rows"):
            value = getattr(self, name)
            if value < 1:
                raise SettingsError(f"compare.{name} is {value}; it must be 1 or more")
        if not 0 <= self.max_churn <= 1:
            raise SettingsError(f"compare.max_churn is {self.max_churn}; it must be in 0..1")
        if self.approval_hours <= 0:
            raise SettingsError("compare.approval_hours must be above 0")
