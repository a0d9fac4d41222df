"""Where the feature store's tables are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TablesSettings:
    """Which store holds the features, and where; SettingsError for a value out of range."""

    location: str = ""
    """The folder or URL of the Delta tables; empty: `store` under NITAMONO_HOME."""
