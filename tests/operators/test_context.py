"""A run's day and settings: from its data interval, or from what the trigger form overrides."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import pytest

from feature_store.errors import SettingsError
from operators.context import interval_of, replay_settings_for, settings_for, started_at

START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
END = dt.datetime(2026, 1, 3, tzinfo=dt.UTC)


def test_the_interval_is_the_run_s_own() -> None:
    interval = interval_of({"data_interval_start": START, "data_interval_end": END, "params": {}})
    assert (interval.start, interval.end, interval.ds) == (START, END, "2026-01-02")


def test_the_day_in_the_form_comes_first() -> None:
    context = {
        "data_interval_start": START,
        "data_interval_end": END,
        "params": {"day": "2025-12-31"},
    }
    assert interval_of(context).ds == "2025-12-31"


def test_a_day_that_is_no_date_is_named() -> None:
    with pytest.raises(SettingsError, match="'31 December'"):
        interval_of({"params": {"day": "31 December"}})


@pytest.mark.parametrize("start", [None, START])
def test_a_manual_run_without_a_day_says_what_to_give(start: dt.datetime | None) -> None:
    context = {"data_interval_start": start, "data_interval_end": start, "params": {"day": None}}
    with pytest.raises(SettingsError, match="give 'day' in the trigger form"):
        interval_of(context)


def test_the_form_overrides_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("NITAMONO_CATALOGUE", str(tmp_path / "usual.csv"))
    plain = settings_for({"params": {}})
    assert plain.catalogue_location == str(tmp_path / "usual.csv")
    form = {"catalogue": "/other.csv", "min_indexed_share": 0.5}
    changed = settings_for({"params": form})
    assert changed.catalogue_location == "/other.csv"
    assert changed.quality.min_indexed_share == 0.5
    assert plain.quality.min_indexed_share != 0.5


@pytest.mark.parametrize(
    ("given", "counts"),
    [(None, "usual"), ("/once.csv", "usual"), ("/others/{ds}.csv", "/others/{ds}.csv")],
)
def test_a_catalogue_for_one_day_does_not_count_for_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None, counts: str
) -> None:
    usual = str(tmp_path / "{ds}.csv")
    monkeypatch.setenv("NITAMONO_CATALOGUE", usual)
    settings = replay_settings_for({"params": {"catalogue": given, "min_indexed_share": 0.5}})
    assert settings.catalogue_location == (usual if counts == "usual" else counts)
    assert settings.quality.min_indexed_share == 0.5


def test_all_tasks_of_a_run_have_one_time() -> None:
    assert started_at({"dag_run": SimpleNamespace(start_date=START)}) == START
    assert started_at({}) is None
