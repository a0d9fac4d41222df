"""How the work of one day is cut up."""

from __future__ import annotations

from dataclasses import dataclass, fields

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class IngestSettings:
    """Sizes of the pieces that an ingest works in; SettingsError for one below 1."""

    items_per_shard: int = 512
    """Items in a shard, the piece that is retried and runs beside others."""

    max_shards: int = 1000
    """The most shards of a day; a larger day has larger shards, because Airflow maps over 1,024
    at most."""

    images_per_chunk: int = 64
    """Images that are in memory and go through the models together."""

    thumbnail_long_side_px: int = 512
    """The long side of the small pictures that the shop shows."""

    def __post_init__(self) -> None:
        """Check every range."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise SettingsError(f"ingest settings: {field.name} must be at least 1")
