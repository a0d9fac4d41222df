"""How a model upgrade is cut up."""

from __future__ import annotations

from dataclasses import dataclass, fields

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class UpgradeSettings:
    """Sizes of the pieces that an upgrade works in; SettingsError for one below 1."""

    images_per_chunk: int = 2000
    """Images of a chunk, the piece that is retried and runs beside others."""

    images_per_run: int = 50_000
    """Images that one run takes up at most, the oldest days first; the next run goes on."""

    def __post_init__(self) -> None:
        """Check every range."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise SettingsError(f"upgrade settings: {field.name} must be at least 1")
