"""Where the store of a home is opened, whatever it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from feature_store.tables.store import FeatureStore


class HasHome(Protocol):
    """Settings that know where all state lives."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""


def open_store(settings: HasHome) -> FeatureStore:
    """Open the Delta store under `settings.home`; it is created by its first write."""
    from feature_store.tables.delta import DeltaFeatureStore

    return DeltaFeatureStore(settings.home / "store")
