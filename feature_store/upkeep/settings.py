"""How long history, runs and leftovers are kept."""

from __future__ import annotations

from dataclasses import dataclass, fields

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class UpkeepSettings:
    """Retention; SettingsError for a value below 1."""

    history_days: int = 30
    """Days for which superseded rows of the store stay readable."""

    staging_days: int = 7
    """Days after which a half-made partition that no run has touched, and a thumbnail that neither
    a live item nor a kept bundle shows, are removed."""

    runs_days: int = 365
    """Days for which the log of runs remembers a run."""

    def __post_init__(self) -> None:
        """Check every range."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise SettingsError(f"upkeep settings: {field.name} must be at least 1")
