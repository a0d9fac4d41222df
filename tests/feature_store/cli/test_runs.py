"""`nitamono runs` shows what the log of runs holds, newest first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from feature_store.runs import Run, record_run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for day in range(1, 31):
        ds = f"2026-03-{day:02d}"
        at = f"{ds}T00:00:05.123456+00:00"
        record_run(tmp_path, Run("ingest", ds, at, 1.25, "committed", 10, 4, 5, 12, 1))
    at = "2026-04-01T03:00:00+00:00"
    record_run(tmp_path, Run("upkeep", "", at, 2, "[red]\x1b[2J", detail={"step": "store"}))
    return tmp_path


def call(*words: str) -> Result:
    result = CliRunner().invoke(main, ["runs", *words])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.usefixtures("home")
def test_the_newest_runs_are_a_table() -> None:
    lines = call().output.splitlines()
    started = [number for number, line in enumerate(lines) if line.lstrip()[:3] in ("03-", "04-")]
    assert len(started) == 20
    first, second = started[:2]
    assert lines[first].split()[:4] == ["04-01", "03:00", "upkeep", "[red]·[2J"]
    assert lines[first + 1].split() == ["store"]
    cells = lines[second].split()
    assert cells[:5] == ["03-30", "00:00", "ingest", "2026-03-30", "committed"]
    assert cells[5:] == ["10", "4", "5", "12", "1", "1"]
    assert lines[-1] == "11 more: --last 31 shows them all"


@pytest.mark.usefixtures("home")
def test_a_narrow_terminal_shows_whole_numbers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    at = "2026-05-01T00:00:00+00:00"
    record_run(home, Run("ingest", "2026-04-30", at, 6789.5, "committed", 12345, 9, 12000, 36000))
    shown = call("--last", "2").output
    for part in ("05-01 00:00", "2026-04-30", "committed", "12345", "12000", "36000", "6790"):
        assert part in shown, shown
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.split("─")[0].split()[:5] == ["re-", "detec-", "embed-", "started", "kind"]


@pytest.mark.usefixtures("home")
def test_a_kind_and_a_number_choose() -> None:
    chosen = json.loads(call("--json", "--kind", "ingest", "--last", "2").output)
    assert [run["ds"] for run in chosen] == ["2026-03-30", "2026-03-29"]
    assert chosen[0]["embedded"] == 12
    assert "more" not in call("--kind", "upkeep").output
    (upkeep,) = json.loads(call("--json", "--kind", "upkeep").output)
    assert upkeep["detail"] == {"step": "store"}
    for words in (("--kind", "nonsense"), ("--last", "0")):
        refused = CliRunner().invoke(main, ["runs", *words])
        assert refused.exit_code == 2
        assert f"Invalid value for '{words[0]}'" in refused.output


def test_a_home_without_runs_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "none"))
    assert call().output == "no run yet\n"
    assert json.loads(call("--json").output) == []
