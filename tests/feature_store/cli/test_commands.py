"""What commands say to somebody who has nothing yet, or who asks for what cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from feature_store.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NITAMONO_CATALOGUE", raising=False)
    monkeypatch.chdir(tmp_path)


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("index", "ingest a catalogue with an image first"),
        ("rollback", "no earlier bundle"),
        ("rollback ../..", "not the name of a bundle"),
        ("publish some-bundle", "is no bundle"),
        ("ledger", "ingest a catalogue first"),
        ("ingest --day 2026-01-01", "set NITAMONO_CATALOGUE"),
        ("ingest --day soon", "write YYYY-MM-DD"),
        ("ingest --day 20260101", "write YYYY-MM-DD"),
        ("ingest --day 9999-12-31", "write YYYY-MM-DD"),
        ("ingest --day 2026-01-01 --catalogue no.csv", "no.csv; check the path"),
        ("ingest --day 2026-01-01 --catalogue gs://shop/a.csv", "gs://shop/a.csv is an address"),
        ("catalogue check", "set NITAMONO_CATALOGUE"),
        ("catalogue check shop-{ds}.csv", "say which with --day"),
        ("catalogue check no.csv", "no.csv; check the path"),
        ("catalogue check shop-{ds}.csv --day 2026-1-1", "write YYYY-MM-DD"),
        ("ingst", "Did you mean 'ingest'?"),
    ],
)
def test_a_mistake_is_one_clear_error(words: str, said: str) -> None:
    result = call(*words.split())
    assert result.exit_code in (1, 2)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert said in " ".join(result.output.split())


def test_a_check_says_how_many_rows_it_does_not_show(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("item_id,image\n" + "same,a.jpg\n" * 60)
    result = call("catalogue", "check", "shop.csv")
    assert result.exit_code == 1
    assert "1 item can be used, 59 rows cannot" in result.output
    assert result.output.endswith("\n9 more\n")


def test_settings_stand_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = call("settings").output.splitlines()
    for name, default, _ in Settings.describe():
        assert f"{name}={'' if default in ('', None) else default}" in lines
    assert "NITAMONO_CATALOGUE=" in lines


def test_the_list_of_commands_cuts_nothing_off() -> None:
    listed = call("--help").output
    assert "ingest" in listed
    assert "..." not in listed.partition("Commands:")[2]


def test_ctrl_c_says_that_the_work_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Settings, "from_environment", interrupted)
    result = call("status")
    assert result.exit_code == 130
    assert "the same command goes on from" in result.output
    assert "Aborted" not in result.output


@pytest.mark.parametrize("words", ["status", "status --json", "bundles", "bundles --json"])
def test_looking_is_never_an_error(words: str) -> None:
    assert call(*words.split()).exit_code == 0


@pytest.mark.parametrize(
    "words", ["ingest --day 2026-01-01 --catalogue shop.csv", "rollback", "bundles", "status"]
)
def test_a_home_that_cannot_be_one_is_one_clear_error(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.csv").write_text("item_id,image\n")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "file"))
    result = call(*words.split())
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert f"{tmp_path / 'file'}" in result.output
    assert "NITAMONO_HOME must be a folder that you may write to" in result.output


def test_a_command_of_the_other_environment_is_named_as_such() -> None:
    serving = ROOT / ".venv" / "serving" / "bin" / "nitamono"
    done = subprocess.run([serving, "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'status' is not in this environment" in done.stderr
    assert call("nonsense").output.endswith("No such command 'nonsense'.\n")
