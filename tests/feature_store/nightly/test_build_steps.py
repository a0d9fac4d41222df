"""The steps of a build: each can be run again, killed at any moment, and ends the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import open_bundle
from feature_store.bundle.format import read_manifest, verify
from feature_store.errors import BundleError, IndexBuildError
from feature_store.nightly import (
    assemble,
    build_assembly,
    build_candidate,
    build_plan,
    build_segment,
    build_segments,
    check_candidate,
    plan_build,
)
from feature_store.nightly.stopwatch import Step
from feature_store.runs import read_runs
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore

ROOT = Path(__file__).resolve().parents[3]


def in_segments(settings: FakeSettings) -> FakeSettings:
    """Four segments, each with a graph."""
    index = replace(settings.index, segment_by="category", min_graph_vectors=20)
    return replace(settings, index=index)


def hidden(settings: FakeSettings) -> list[str]:
    """What builds have left beside the bundles."""
    return [p.name for p in (settings.home / "bundles").iterdir() if p.name[:2] in {".b", ".s"}]


def test_the_steps_one_by_one_make_what_a_plain_build_makes(
    settings: FakeSettings, store: FakeStore, tmp_path: Path
) -> None:
    settings = in_segments(settings)
    plan = plan_build(settings, store)
    assert plan.segments == [0, 1, 2, 3]
    summaries = [build_segment(plan.folder, number, settings) for number in (2, 0, 3, 1)]
    json.dumps([plan.summary(), *summaries])
    candidate = assemble(plan.folder, settings, store)
    assert hidden(settings) == []
    plain = build_candidate(replace(settings, home=tmp_path / "plain"), store)
    ours, theirs = (open_bundle(one.path, proven=False) for one in (candidate, plain))
    assert np.array_equal(ours.neighbours, theirs.neighbours)
    assert np.array_equal(ours.neighbour_scores, theirs.neighbour_scores)
    assert ours.items.equals(theirs.items)
    assert [s.about.regions for s in ours.segments] == [s.about.regions for s in theirs.segments]


def test_a_step_that_is_done_is_not_done_again(
    settings: FakeSettings, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = in_segments(settings)
    plan = plan_build(settings, store)
    first = [build_segment(plan.folder, number, settings) for number in plan.segments]
    monkeypatch.setattr(build_segments, "build_graphs", None)
    assert [build_segment(plan.folder, number, settings) for number in plan.segments] == first
    candidate = assemble(plan.folder, settings, store)
    monkeypatch.setattr(build_assembly, "measure", None)
    again = assemble(plan.folder, settings, store)
    assert again.path == candidate.path
    assert again.manifest.to_json() == candidate.path.joinpath("manifest.json").read_text()


def test_a_step_that_runs_twice_at_once_is_done_once(
    settings: FakeSettings, store: FakeStore
) -> None:
    settings = in_segments(settings)
    plan = plan_build(settings, store)
    with ThreadPoolExecutor(3) as twins:
        for number in plan.segments:
            asked = [twins.submit(build_segment, plan.folder, number, settings) for _ in range(3)]
            assert asked[0].result() == asked[1].result() == asked[2].result()
        made = [twins.submit(assemble, plan.folder, settings, store) for _ in range(3)]
        assert {one.result().path.name for one in made} == {plan.bundle_id}
    bundle = settings.home / "bundles" / plan.bundle_id
    verify(bundle, read_manifest(bundle))
    assert check_candidate(bundle, settings).passed
    assert hidden(settings) == []


def test_killed_before_any_change_on_disk_and_run_again_it_ends_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.feature_store.nightly.victim", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    usual = found["usual"]
    assert usual["left"] == 0
    for kill in found["kills"]:
        assert kill["killed"] == -signal.SIGKILL, kill
        assert kill["again"] == 0, kill
        made = kill["made"]
        assert made["files"] == usual["files"], kill["change"]
        assert made["regions"] == usual["regions"]
        assert len(made["bundles"]) == 1
        # Only of a plan that was cut short nobody knows; the registry sweeps it away.
        assert made["left"] == 0 or not kill["planned"]
    assert any(kill["planned"] for kill in found["kills"])


def test_what_is_missing_is_named(settings: FakeSettings, store: FakeStore) -> None:
    settings = in_segments(settings)
    plan = plan_build(settings, store)
    build_segment(plan.folder, 0, settings)
    with pytest.raises(IndexBuildError, match=r"segment 1 \('bags'\) .* has not been built"):
        assemble(plan.folder, settings, store)
    with pytest.raises(IndexBuildError, match="has no segment 4; it has 4"):
        build_segment(plan.folder, 4, settings)
    with pytest.raises(IndexBuildError, match="holds no plan"):
        build_segment(settings.home, 0, settings)
    with pytest.raises(BundleError, match="no scratch folder"):
        assemble(settings.home, settings, store)
    (run, *_) = read_runs(settings.home)
    assert (run.kind, run.outcome) == ("index", "failed")


def test_settings_that_changed_since_the_plan_are_noticed(
    settings: FakeSettings, store: FakeStore
) -> None:
    plan = plan_build(settings, store)
    other = replace(settings, index=replace(settings.index, neighbours=7))
    with pytest.raises(IndexBuildError, match="have changed since"):
        build_segment(plan.folder, 0, other)
    same = replace(settings, index=replace(settings.index, threads=1))
    assert build_segment(plan.folder, 0, same)["regions"] == plan.regions


@pytest.mark.parametrize("step", ["plan", "segment", "assemble"])
def test_a_plain_build_that_fails_leaves_nothing(
    step: str, settings: FakeSettings, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    module, name = {
        "plan": (build_plan, "quantise"),
        "segment": (build_segments, "write_array"),
        "assemble": (build_assembly, "contact_sheet"),
    }[step]
    monkeypatch.setattr(module, name, full)
    settings = replace(settings, index=replace(settings.index, stored="int8"))
    with pytest.raises(OSError, match="No space left"):
        build_candidate(settings, store)
    assert list((settings.home / "bundles").iterdir()) == []
    (run,) = read_runs(settings.home)
    assert run.outcome == "failed"


def test_a_failed_segment_leaves_the_others_and_can_be_run_again(
    settings: FakeSettings, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = in_segments(settings)
    plan = plan_build(settings, store)
    build_segment(plan.folder, 0, settings)
    with monkeypatch.context() as patch:

        def failing(*_: object) -> None:
            raise IndexBuildError("NGT cannot make the graph")

        patch.setattr(build_segments, "build_graphs", failing)
        with pytest.raises(IndexBuildError, match="segment 'bags' of category: NGT cannot"):
            build_segment(plan.folder, 1, settings)
    for number in (1, 2, 3):
        build_segment(plan.folder, number, settings)
    assert len(assemble(plan.folder, settings, store).manifest.segments) == 4


def test_a_build_that_would_not_fit_into_memory_does_not_begin(
    settings: FakeSettings, store: FakeStore
) -> None:
    little = replace(settings, index=replace(settings.index, memory_budget_mb=100))
    with pytest.raises(IndexBuildError, match="forecast to need"):
        plan_build(little, store)
    assert list((settings.home / "bundles").iterdir()) == []


def test_what_was_forecast_is_held_against_what_it_took(
    settings: FakeSettings, store: FakeStore
) -> None:
    manifest = build_candidate(settings, store).manifest
    assert manifest.forecast["memory_bytes"] > 0
    assert manifest.forecast["seconds"] >= 0
    held = manifest.measurements["forecast"]
    assert held["memory_ratio"] == pytest.approx(
        manifest.measurements["peak_memory_bytes"] / manifest.forecast["memory_bytes"], abs=0.01
    )


def test_every_step_is_told(settings: FakeSettings, store: FakeStore) -> None:
    told: list[Step] = []
    build_candidate(in_segments(settings), store, told.append)
    names = [step.name for step in told]
    order = ["gather", "centre", "reduce", "graph", "tune", "neighbours", "assemble", "measure"]
    assert [name for name in dict.fromkeys(names) if name in order] == order
    assert {step.segment for step in told if step.name == "graph"} == {
        "Chairs, folding",
        "bags",
        "lamps",
        "shoes",
    }
    assert any(step.forecast_seconds is not None for step in told)
