"""The comparison's two operators; under a real scheduler they are in tests/end_to_end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import BundleRegistry
from feature_store.runs import read_runs
from operators import reports
from operators.compare import ApproveBundleOperator, CompareBundleOperator, report_link
from tests.feature_store.compare.circle import Thing, row_of_things, write_bundle

CONTEXT: dict[str, Any] = {"params": {}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    things = row_of_things(30)
    write_bundle(tmp_path, "old", things)
    write_bundle(tmp_path, "new", [Thing(t.item_id, -7.0 * n * n) for n, t in enumerate(things)])
    return tmp_path


def compared(home: Path, bundle_id: str = "new") -> dict[str, Any]:
    operator = CompareBundleOperator(task_id="compare", bundle=str(home / "bundles" / bundle_id))
    return operator.execute(CONTEXT)


def test_the_first_bundle_ever_passes(home: Path) -> None:
    found = compared(home)
    assert found == {"before": None, "after": "new"}
    approve = ApproveBundleOperator(task_id="approve", comparison=found)
    assert approve.execute(CONTEXT) == {"asked": False}
    assert report_link(found) == ""


def test_the_summary_says_what_changes_and_why(home: Path) -> None:
    BundleRegistry(home / "bundles").publish("old")
    found = compared(home)
    assert (found["before"], found["after"], found["needs_approval"]) == ("old", "new", True)
    assert Path(found["report"]).is_file()
    assert found["causes"]["index"]["share"] == 1
    assert report_link(found).endswith("/nitamono/reports/new/compare.html")


def test_without_the_plugin_the_link_is_the_path(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BundleRegistry(home / "bundles").publish("old")
    found = compared(home)
    monkeypatch.setattr(reports, "PLUGIN", "not installed")
    assert report_link(found) == found["report"]


def test_little_change_passes_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BundleRegistry(home / "bundles").publish("old")
    monkeypatch.setenv("NITAMONO_COMPARE_MAX_CHURN", "1")
    found = compared(home)
    assert not found["needs_approval"]
    approve = ApproveBundleOperator(task_id="approve", comparison=found)
    assert approve.execute(CONTEXT) == {"asked": False}


def test_nobody_is_asked_while_a_pin_holds(home: Path) -> None:
    registry = BundleRegistry(home / "bundles")
    registry.publish("old")
    registry.pin("old")
    approve = ApproveBundleOperator(task_id="approve", comparison=compared(home))
    assert approve.execute(CONTEXT) == {"asked": False}


def test_much_change_asks_and_says_how_much_and_why(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BundleRegistry(home / "bundles").publish("old")
    monkeypatch.setenv("NITAMONO_COMPARE_APPROVAL_HOURS", "2.5")
    approve = ApproveBundleOperator(task_id="approve", comparison=compared(home))
    asked: list[ApproveBundleOperator] = []
    ask = "airflow.providers.standard.operators.hitl.HITLOperator.execute"
    monkeypatch.setattr(ask, lambda self, context: asked.append(self))
    approve.execute(CONTEXT)
    assert asked == [approve]
    assert approve.subject.startswith("Publish new? ")
    assert (
        "of the look-alikes of 30 items would change (limit 30 %): index 100 %" in approve.subject
    )
    assert "/nitamono/reports/new/compare.html" in str(approve.body)
    assert "| index | 100.0 % |" in str(approve.body)
    assert approve.response_timeout is not None
    assert approve.response_timeout.total_seconds() == 9000


def test_no_answer_in_time_fails_for_good_and_says_what_stays(home: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    found = {"before": "old", "after": "new", "needs_approval": True}
    approve = ApproveBundleOperator(task_id="approve", comparison=found)
    event = {"error": "no response", "error_type": "timeout"}
    said = "nobody answered in time: old stays live.*nitamono publish new"
    with pytest.raises(AirflowFailException, match=said):
        approve.execute_complete(CONTEXT, event)
    [run] = read_runs(home)
    assert (run.kind, run.outcome, run.detail["bundle"]) == ("index", "not approved", "new")
