"""`nitamono upkeep` says what it removes, and beforehand what it would."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from feature_store.cli import main
from feature_store.cli.text import aged, sized
from feature_store.runs import read_runs
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import make_batch
from tests.feature_store.upkeep.ages import age, tree


def call(*words: str) -> str:
    result = CliRunner().invoke(main, ["upkeep", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    DeltaFeatureStore(tmp_path / "store").replace_partition(
        "2026-03-01", make_batch("2026-03-01", "ab")
    )
    staged = tmp_path / "staging" / "2026-02-01" / "plan.json"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"12345")
    age(tmp_path / "staging", 30)
    return tmp_path


def test_a_dry_run_says_what_would_go_and_leaves_it(home: Path) -> None:
    before = tree(home)
    said = call("--dry-run").splitlines()
    assert said[0].startswith("store: ")
    assert said[0].endswith("those superseded more than 30 days ago would go")
    assert said[1] == "bundles: none would go (0 bytes)"
    assert said[2].startswith("leftovers: 1 staged days, 0 thumbnails, 0 unfinished files, 0 runs")
    assert said[2].endswith("would go (5 bytes)")
    assert [name for name in tree(home) if not name.endswith("/.lock")] == before


def test_it_is_done_once(home: Path) -> None:
    assert "1 staged days, 0 thumbnails" in call().splitlines()[2]
    assert not (home / "staging" / "2026-02-01").exists()
    assert "0 staged days, 0 thumbnails, 0 unfinished files, 0 runs removed (0 bytes)" in call()
    assert [run.detail["step"] for run in read_runs(home)] == [
        "store", "bundles", "leftovers",
    ] * 2  # fmt: skip


def test_an_empty_home_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "none"))
    assert "0 staged days" in call("--dry-run")
    assert "0 staged days" in call()


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (12_345_678, "12.3 MB"),
     (4_500_000_000, "4.5 GB"), (7_250_000_000_000, "7,250.0 GB")],
)  # fmt: skip
def test_sizes_are_told_as_people_say_them(size: int, said: str) -> None:
    assert sized(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"),
     (86_400, "1 day ago"), (40 * 86_400, "40 days ago")],
)  # fmt: skip
def test_ages_are_told_as_people_say_them(seconds: float, said: str) -> None:
    assert aged(seconds) == said
