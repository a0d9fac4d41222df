"""The operators of the DAG `similarity_index`, run one after the other as the DAG does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from feature_store import nightly
from feature_store.bundle import BundleRegistry
from feature_store.errors import GateError
from operators import index
from operators.index import (
    AssembleBundleOperator,
    BuildSegmentOperator,
    CheckBundleOperator,
    NeedsBuildOperator,
    PlanBundleOperator,
    PublishBundleOperator,
)
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop


class Night:
    """One run of the DAG; `pushed` is what went to XComs besides the returned values."""

    def __init__(self, *, rebuild: bool = False) -> None:
        self.pushed: dict[str, Any] = {}
        self.context = {
            "params": {"rebuild": rebuild},
            "ti": SimpleNamespace(xcom_push=self._push),
        }

    def _push(self, key: str, value: object) -> None:
        json.dumps(value)
        self.pushed[key] = value

    def build(self) -> str:
        """Run the tasks until there is a candidate; return its folder."""
        folders = PlanBundleOperator(task_id="plan").execute(self.context)
        for number, folder in enumerate(reversed(folders)):
            task = BuildSegmentOperator(task_id=f"segment{number}", folder=folder)
            json.dumps(task.execute(self.context))
        self.folders = folders
        task = AssembleBundleOperator(task_id="assemble", folder=self.pushed["folder"])
        return task.execute(self.context)

    def publish(
        self, bundle: str, comparison: dict[str, Any] | None = None, *, approved: bool = False
    ) -> str:
        """Run the last task; without a comparison there was nothing to compare with."""
        task = PublishBundleOperator(
            task_id="publish",
            bundle=bundle,
            comparison=comparison or {"before": None, "after": Path(bundle).name},
            approval={"asked": approved, "approved": approved},
        )
        return task.execute(self.context)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSettings:
    settings = FakeSettings(tmp_path)
    cut = replace(settings.index, segment_by="category", min_graph_vectors=20)
    settings = replace(settings, index=cut)
    store = FakeStore(make_shop(54))
    monkeypatch.setattr(index, "settings_for", lambda context: settings)
    for module in (nightly.build_plan, nightly.build_assembly, nightly.needs):
        monkeypatch.setattr(module, "open_store", lambda settings: store)
    return settings


def registry(settings: FakeSettings) -> BundleRegistry:
    return BundleRegistry(settings.home / "bundles")


def test_a_night_publishes_a_bundle_and_the_next_has_nothing_to_do(
    settings: FakeSettings,
) -> None:
    night = Night()
    assert NeedsBuildOperator(task_id="changed").execute(night.context)
    bundle = night.build()
    assert [Path(folder).name for folder in night.folders] == ["000", "001", "002", "003"]
    assert night.pushed["plan"]["segments"] == 4
    assert night.pushed["measured"]["items"] == 54
    assert CheckBundleOperator(task_id="check", bundle=bundle).execute(night.context)["checks"]
    assert night.publish(bundle) == Path(bundle).name == registry(settings).current()
    manifest = Path(bundle, "manifest.json")
    said = (manifest.stat().st_ino, manifest.read_bytes())
    assert CheckBundleOperator(task_id="check", bundle=bundle).execute(night.context)["checks"]
    assert (manifest.stat().st_ino, manifest.read_bytes()) == said  # it is live: never changed
    with pytest.raises(AirflowSkipException):
        NeedsBuildOperator(task_id="changed").execute(Night().context)
    assert NeedsBuildOperator(task_id="changed").execute(Night(rebuild=True).context)


def test_a_task_that_is_run_again_finds_what_it_did(settings: FakeSettings) -> None:
    night = Night()
    bundle = night.build()
    segment = BuildSegmentOperator(task_id="again", folder=night.folders[1])
    again = AssembleBundleOperator(task_id="assemble", folder=night.pushed["folder"])
    assert again.execute(night.context) == bundle
    assert segment.folder.endswith("/segments/001")


def test_while_another_bundle_is_pinned_publishing_skips(settings: FakeSettings) -> None:
    first = Night()
    bundle = first.build()
    CheckBundleOperator(task_id="check", bundle=bundle).execute(first.context)
    live = first.publish(bundle)
    registry(settings).pin()
    night = Night()
    other = night.build()
    CheckBundleOperator(task_id="check", bundle=other).execute(night.context)
    with pytest.raises(AirflowSkipException, match=f"{live} is pinned"):
        night.publish(other)
    assert registry(settings).current() == live
    registry(settings).unpin()
    assert night.publish(other) == Path(other).name


def test_what_nobody_has_agreed_to_fails_for_good(settings: FakeSettings) -> None:
    night = Night()
    bundle = night.build()
    CheckBundleOperator(task_id="check", bundle=bundle).execute(night.context)
    after = Path(bundle).name
    much = {
        "before": None,
        "after": after,
        "needs_approval": True,
        "items": 0,
        "report": "the report",
    }
    with pytest.raises(AirflowFailException, match=f"{after} is proven but not published"):
        night.publish(bundle, much)
    assert registry(settings).current() is None
    assert night.publish(bundle, much, approved=True) == after


def test_a_failed_gate_fails_the_task(
    settings: FakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night()
    shallow = replace(settings.index, segment_by="", epsilons=(0.0,), candidates=(10,))
    worse = replace(settings, index=replace(shallow, reduced_dim=2))
    monkeypatch.setattr(index, "settings_for", lambda context: worse)
    bundle = night.build()
    with pytest.raises(GateError, match="recall at 10"):
        CheckBundleOperator(task_id="check", bundle=bundle).execute(night.context)
    assert registry(settings).current() is None
