"""`nitamono index`: what it builds, and what it says while it does."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from rich.progress import Progress, TextColumn

from feature_store import nightly
from feature_store.bundle import BundleRegistry
from feature_store.cli import main
from feature_store.cli.stages import BuildBar
from feature_store.nightly.stopwatch import Step
from tests.feature_store.nightly.fake_shop import FakeStore, make_shop


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("NITAMONO_INDEX_SEGMENT_BY", "category")
    store = FakeStore(make_shop(54))
    for module in (nightly.build_plan, nightly.build_assembly, nightly.needs):
        monkeypatch.setattr(module, "open_store", lambda settings: store)


def call(*words: str) -> Result:
    result = CliRunner().invoke(main, ["index", *words])
    assert result.exception is None, result.output
    return result


def test_it_builds_once_and_again_when_asked_to(tmp_path: Path) -> None:
    registry = BundleRegistry(tmp_path / "bundles")
    first = call().output
    live = registry.current()
    assert f"published {live}" in first
    assert live is not None
    assert len(registry.manifest(live).segments) == 4
    assert "already holds the current snapshot" in call().output
    assert registry.current() == live
    again = call("--rebuild").output
    assert f"published {registry.current()}" in again
    assert registry.current() != live


def test_a_pinned_bundle_stays_and_that_is_said(tmp_path: Path) -> None:
    call()
    registry = BundleRegistry(tmp_path / "bundles")
    live = registry.pin()
    assert f"{live} is pinned and stays live" in " ".join(call("--rebuild").output.split())
    assert registry.current() == live
    assert len(registry.list()) == 2


def test_the_bar_says_which_step_of_which_segment_and_how_long_all_may_take() -> None:
    said = StringIO()
    columns = (TextColumn("{task.description}"), TextColumn("{task.fields[forecast]}"))
    progress = Progress(*columns, console=Console(file=said, width=80))
    bar = BuildBar(progress)

    def shown(step: Step) -> str:
        bar(step)
        task = progress.tasks[0]
        return f"{task.description} {task.fields['forecast']}".strip()

    assert shown(Step("gather")) == "gather"
    assert shown(Step("plan", forecast_seconds=150.0)) == "plan forecast: 2 minutes"
    assert (
        shown(Step("neighbours", "bags", 0.43))
        == "segment bags: neighbours 43% forecast: 2 minutes"
    )
    assert shown(Step("graph", "")) == "segment (none): graph forecast: 2 minutes"
    assert shown(Step("graph", "[red]")).startswith(r"segment \[red]: graph")
