"""`nitamono events`: the tables, the comparison of two bundles, and counting a day by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from tests.feature_store.events.shoppers import crowd, drop, event, query_id
from tests.feature_store.events.test_steps import remember

DAYS = ("2026-03-01", "2026-03-02")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    remember(tmp_path, "b1", "b2")
    (tmp_path / "bundles" / "CURRENT").write_text("b1\n")
    rng = np.random.default_rng(1)
    for day in DAYS:
        made = crowd(rng, day, {"b1": 0.1, "b2": 0.3}, answers=500)
        drop(tmp_path / "events", day, "a", [*made, event("click", query_id(day, 5000), 1)])
    return tmp_path


@pytest.fixture
def counted(home: Path) -> Path:
    for day in DAYS:
        assert call("--count", day).exit_code == 0
    return home


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["events", *words])


def told(*words: str) -> str:
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("home")
def test_before_the_first_day_it_says_what_counts_them() -> None:
    assert "no day has been counted yet" in told()
    assert json.loads(told("--json"))["days"] == []


@pytest.mark.usefixtures("home")
def test_a_day_can_be_counted_by_hand() -> None:
    said = call("--count", DAYS[0])
    assert f"{DAYS[0]}: 4," in said.stderr
    assert "report.html" in said.stderr
    assert json.loads(told("--json"))["days"] == [DAYS[0]]
    assert "no event has come" in call("--count", "2025-01-01").stderr
    assert call("--count", "yesterday").exit_code == 2


@pytest.mark.usefixtures("counted")
def test_the_tables_show_bundles_positions_and_what_does_not_count() -> None:
    said = told()
    lines = [line.split() for line in said.splitlines()]
    assert ["b1", "2", "1,000"] in [line[:3] for line in lines]
    places = [line for line in lines if line and line[0] in "1234" and line[1:2] == ["2,000"]]
    assert [line[0] for line in places] == ["1", "2", "3", "4"]
    clicked = [float(line[2]) for line in places]
    assert clicked == sorted(clicked, reverse=True)
    assert "2 events do not count: their hit had not been seen" in said


@pytest.mark.usefixtures("counted")
def test_json_holds_the_same_with_intervals() -> None:
    said = json.loads(told("--json"))
    assert said["days"] == list(DAYS)
    assert said["aside"]["unseen"] == 2
    for shown in said["bundles"]:
        assert shown["clicked"]["low"] < shown["clicked"]["share"] < shown["clicked"]["high"]
        assert [place["position"] for place in shown["positions"]] == [1, 2, 3, 4]
    assert json.loads(told("--json", "--last", "1"))["days"] == [DAYS[1]]


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("names", [("b1", "b2"), ("b2",), ("live", "b2")])
def test_two_bundles_are_compared_in_plain_words(names: tuple[str, ...]) -> None:
    said = told(*names)
    assert "b1 → b2, 2 days" in said
    assert "the later bundle brings more clicks" in said
    compared = json.loads(told(*names, "--json"))
    assert compared["clicked"]["verdict"] == "more"
    assert compared["clicked"]["low"] > 0


@pytest.mark.usefixtures("counted")
def test_what_cannot_be_compared_is_one_clear_line(home: Path) -> None:
    said = call("b1", "never-shown")
    assert said.exit_code == 1
    assert "no hit of bundle 'never-shown' was seen" in said.output
    assert call("a", "b", "c").exit_code == 2
    (home / "bundles" / "CURRENT").unlink()
    assert "nothing is live" in call("b2").output
