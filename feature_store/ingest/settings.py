"""How the work of one day is cut up, and how often images are asked for again."""

from __future__ import annotations

from dataclasses import dataclass, fields

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class IngestSettings:
    """Sizes and times of an ingest; SettingsError for one out of range."""

    items_per_shard: int = 512
    """Items in a shard, the piece that is retried and runs beside others."""

    max_shards: int = 1000
    """The most shards of a day; a larger day has larger shards, because Airflow maps over 1,024
    at most."""

    images_per_chunk: int = 64
    """Images that are in memory and go through the models together."""

    thumbnail_long_side_px: int = 512
    """The long side of the small pictures that the shop shows."""

    recheck_days: int = 7
    """Every so many days an https:// or gs:// image of an unchanged item is asked whether it is
    still the same, a part of them each day; 0: never. Files on disk are looked at every day."""

    retry_after_hours: float = 20.0
    """An image that failed for a reason that may pass is tried again on a later day, after so many
    hours at first and after twice as many each further time."""

    max_attempts: int = 5
    """So many runs try an image before it is left alone until a person requeues it."""

    def __post_init__(self) -> None:
        """Check every range."""
        for field in fields(self):
            least = 0 if field.name in ("recheck_days", "retry_after_hours") else 1
            if getattr(self, field.name) < least:
                raise SettingsError(f"ingest settings: {field.name} must be at least {least}")
