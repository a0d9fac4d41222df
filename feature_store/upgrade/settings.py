"""How a model upgrade is cut up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UpgradeSettings:
    """Sizes of the pieces that an upgrade works in; SettingsError for one below 1."""

    images_per_chunk: int = 2000
    """Images of a chunk, the piece that is retried and runs beside others."""
