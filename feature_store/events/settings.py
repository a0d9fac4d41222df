"""Where events are, which of them count, and how long they are kept."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class EventsSettings:
    """Settings of what shoppers did; SettingsError for a value below 1."""

    folder: str = ""
    """Where the lookup service writes events: a folder or gs://bucket/prefix; empty: `events` under
    home."""

    window_days: int = 7
    """For how many days after its hit was seen a click or a conversion counts."""

    max_clicks: int = 100
    """A visit with more clicks than this on one day is taken for a program, and counts nothing."""

    keep_days: int = 90
    """Days for which the events themselves are kept; their counts stay."""

    report_days: int = 28
    """How many days the report shows: the newest that were counted."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("window_days", "max_clicks", "keep_days", "report_days"):
            if getattr(self, name) < 1:
                raise SettingsError(f"events settings: {name} must be at least 1")
        if self.keep_days <= self.window_days:
            raise SettingsError("events settings: keep_days must be more than window_days")
