"""What every operator needs from a run: the settings, and the span of time it stands for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from feature_store.errors import SettingsError
from feature_store.schemas import DataInterval

if TYPE_CHECKING:
    from feature_store.settings import Settings

Context = Mapping[str, Any]


def settings_for(context: Context) -> Settings:
    """Read the settings from the environment, then what the trigger form overrides."""
    from feature_store.settings import Settings

    settings = Settings.from_environment()
    params = context.get("params", {})
    if params.get("catalogue"):
        settings = replace(settings, catalogue_location=params["catalogue"])
    if params.get("min_indexed_share") is not None:
        quality = replace(settings.quality, min_indexed_share=float(params["min_indexed_share"]))
        settings = replace(settings, quality=quality)
    return settings


def interval_of(context: Context) -> DataInterval:
    """Return the day in the trigger form, else the run's own data interval.

    Raises SettingsError when a manual run names neither.
    """
    day = context.get("params", {}).get("day")
    if day:
        try:
            return DataInterval.day(str(day))
        except ValueError as error:
            raise SettingsError(f"day: {day!r} is not a date; write YYYY-MM-DD") from error
    start: dt.datetime | None = context.get("data_interval_start")
    end: dt.datetime | None = context.get("data_interval_end")
    if start is None or end is None or start == end:
        raise SettingsError("this run has no data interval: give 'day' in the trigger form")
    return DataInterval(start, end)


def replay_settings_for(context: Context) -> Settings:
    """Read the settings for days other than the run's own.

    A catalogue in the trigger form counts for them only if it names the day, with {ds}.
    """
    from feature_store.settings import Settings

    usual = Settings.from_environment()
    given = settings_for(context)
    names_the_day = "{ds}" in given.catalogue_location
    location = given.catalogue_location if names_the_day else usual.catalogue_location
    return replace(given, catalogue_location=location)


def started_at(context: Context) -> dt.datetime | None:
    """Return when the run began: one time for all of its tasks; None if that is not known."""
    run = context.get("dag_run")
    return getattr(run, "start_date", None)
