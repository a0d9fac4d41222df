"""How long history, bundles and leftovers are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UpkeepSettings:
    """Retention; SettingsError for a value below 1."""

    history_days: int = 30
    """Days for which superseded rows of the store stay readable."""
