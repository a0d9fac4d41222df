"""The index gate: silent on a good index, and each check fires on the fault it is there for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feature_store.errors import GateError
from feature_store.quality import IndexMeasurements, QualitySettings, check_index

GOOD = IndexMeasurements(
    snapshot_regions=1000,
    indexed_regions=1000,
    live_items=400,
    missing_items=(),
    self_retrieval=1.0,
    recall_at_10=0.995,
    queries=200,
)

FAULTS = {
    "one vector dropped": ({"indexed_regions": 999}, "regions counted", "999 regions"),
    "one vector doubled": ({"indexed_regions": 1001}, "regions counted", "snapshot 1000"),
    "items missing": (
        {"missing_items": ("a'b", "c", "d", "e")},
        "items present",
        "4 of 400 live items are not in the index: \"a'b\", 'c', 'd'",
    ),
    "numbers shifted": ({"self_retrieval": 0.0}, "self retrieval", "0.0000 of 200"),
    "recall drop": ({"recall_at_10": 0.98}, "recall at 10", "NITAMONO_QUALITY_MIN_RECALL_AT_10"),
    "recall not measured": ({"recall_at_10": float("nan")}, "recall at 10", "nan"),
    "nothing asked": ({"queries": 0}, "queries asked", "0 queries"),
}


def test_a_good_index_passes_every_check() -> None:
    report = check_index(GOOD, QualitySettings())
    assert report.passed, report.to_json()
    assert {check.name for check in report.checks} == {check for _, check, _ in FAULTS.values()}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_check_fires_on_its_fault_alone(fault: str) -> None:
    change, name, words = FAULTS[fault]
    report = check_index(replace(GOOD, **change), QualitySettings())  # type: ignore[arg-type]
    assert [check.name for check in report.checks if not check.passed] == [name]
    with pytest.raises(GateError) as caught:
        report.raise_if_failed()
    assert words in str(caught.value)


def test_the_limits_are_settings() -> None:
    lower = QualitySettings(min_recall_at_10=0.9, min_self_retrieval=0.9)
    measured = replace(GOOD, recall_at_10=0.9, self_retrieval=0.9)
    assert check_index(measured, lower).passed
    assert not check_index(measured, QualitySettings()).passed
