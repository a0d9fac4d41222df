"""What the fresh tier can be told."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class FreshSettings:
    """Settings of the fresh tier; SettingsError for a value out of range."""

    max_regions: int = 50_000
    """A tier of more regions than this would slow every answer: a new bundle is due instead."""

    keep_tiers: int = 3
    """Newest tiers of a bundle that are kept; the one in use always is."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("max_regions", "keep_tiers"):
            if getattr(self, name) < 1:
                raise SettingsError(f"fresh.{name} is {getattr(self, name)}; it must be 1 or more")
