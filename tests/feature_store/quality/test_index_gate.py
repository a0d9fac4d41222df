"""The index gate: silent on a good index, and each check fires on the fault it is there for."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from feature_store.errors import GateError
from feature_store.quality import GateReport, QualitySettings, check_index
from feature_store.quality.index_gate import THRESHOLDS
from feature_store.quality.index_metrics import METRICS


def figure(value: float, half: float = 0.0) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half)}


GOOD_FIGURES = {
    "recall_at_10": figure(0.995, 0.004),
    "self_retrieval": figure(1.0),
    "identity": figure(1.0),
    "vectors_right": figure(1.0),
    "neighbour_lists": figure(1.0),
    "coverage": figure(1.0),
    "shrinkage": figure(0.02),
    "alike_share": figure(0.01, 0.01),
    "far_share": figure(0.01, 0.01),
    "score_shift": figure(0.03, 0.03),
    "hub_share": figure(0.02, 0.01),
    "hub_skewness": {"value": 3.0, "low": 3.0, "high": 3.0},
    "precision_at_10": figure(0.8, 0.02),
    "precision_over_chance": figure(0.7, 0.02),
    "precision_drop": figure(0.01, 0.02),
}


def slice_of(dimension: str, value: str, **named: Any) -> dict[str, Any]:
    return {
        "dimension": dimension,
        "value": value,
        "merged_with": [],
        "items": 60,
        "regions": 120,
        "queries": 40,
        "hub": {"item_id": "hub 2", "even": 0.005},
        "metrics": copy.deepcopy(GOOD_FIGURES),
        **named,
    }


def good() -> dict[str, Any]:
    return {
        "counts": {
            "snapshot_items": 400,
            "snapshot_regions": 1000,
            "indexed_items": 400,
            "indexed_regions": 1000,
            "regions_unknown": 0,
            "regions_missing": 0,
        },
        "missing": {"items": 0, "examples": [], "all_of": {}},
        "label": "category",
        "live": {"bundle_id": "20260101T000000000-abcdef", "items": 410, "regions": 1010},
        "overall": {
            "items": 400,
            "regions": 1000,
            "queries": 900,
            "hub": {"item_id": "hub 1", "even": 0.005},
            "metrics": copy.deepcopy(GOOD_FIGURES),
        },
        "slices": [
            slice_of("category", "lamps"),
            slice_of("category", ""),
            slice_of("brand", "2 to 9 items"),
            slice_of("newness", "new"),
            slice_of("tail", "rare"),
        ],
    }


def failures(report: GateReport) -> dict[str, str]:
    return {check.name: check.message for check in report.checks if not check.passed}


def gate_file(folder: Path, text: str) -> QualitySettings:
    path = folder / "gate.toml"
    path.write_text(text)
    return QualitySettings(index_gate=str(path))


def test_a_good_index_passes_every_check() -> None:
    report = check_index(good(), QualitySettings())
    assert failures(report) == {}
    names = {check.name for check in report.checks}
    judged = {m.title for m in METRICS if m.key != "precision_at_10"}
    assert names >= judged | {"regions counted", "queries asked", "recall at 10 by slice"}


def test_every_threshold_has_a_metric_and_every_metric_a_threshold() -> None:
    assert tuple(metric.threshold for metric in METRICS) == THRESHOLDS


COUNTS = {
    "one vector dropped": ({"indexed_regions": 999}, "999 regions, the snapshot 1000"),
    "one vector doubled": ({"indexed_regions": 1001}, "1001 regions"),
    "a name that nobody knows": ({"regions_unknown": 2}, "2 are not in the snapshot"),
    "a name that is missing": ({"regions_missing": 3}, "3 are missing by name"),
}


@pytest.mark.parametrize("fault", COUNTS)
def test_regions_are_counted_and_known(fault: str) -> None:
    measured = good()
    change, words = COUNTS[fault]
    measured["counts"] |= change
    wrong = failures(check_index(measured, QualitySettings()))
    assert list(wrong) == ["regions counted"]
    assert words in wrong["regions counted"]


OVERALL = {
    "recall_at_10": (figure(0.985, 0.02), "recall at 10", "NITAMONO_QUALITY_INDEX_GATE"),
    "self_retrieval": (figure(0.985, 0.02), "self retrieval", "larger epsilon"),
    "identity": (figure(0.985, 0.02), "identity", "out of step"),
    "vectors_right": (figure(0.9999), "vectors right", "of the stored vectors"),
    "neighbour_lists": (figure(0.985, 0.02), "neighbour lists", "by exact search"),
    "coverage": (figure(0.99), "items present", "nitamono models upgrade"),
    "shrinkage": (figure(0.5), "shrinkage", "allow_shrinking_from"),
    "alike_share": (figure(0.6, 0.05), "scores too alike", "half trained"),
    "far_share": (figure(0.6, 0.05), "scores too far", "half trained"),
    "score_shift": (figure(0.4, 0.1), "score shift", "nitamono compare"),
    "hub_share": (figure(0.4, 0.05), "hubs", "one and the same item: 'hub 1'"),
    "hub_skewness": ({"value": 120, "low": 120, "high": 120}, "hub skewness", "120"),
    "precision_over_chance": (figure(0.02, 0.01), "labelled precision over chance", "label"),
    "precision_drop": (figure(0.2, 0.05), "drop of labelled precision", "half trained"),
}


@pytest.mark.parametrize("key", OVERALL)
def test_each_figure_of_the_whole_fires_on_its_fault_alone(key: str) -> None:
    measured = good()
    wrong_figure, title, words = OVERALL[key]
    measured["overall"]["metrics"][key] = wrong_figure
    report = check_index(measured, QualitySettings())
    wrong = failures(report)
    assert list(wrong) == [title]
    assert words in wrong[title]
    with pytest.raises(GateError):
        report.raise_if_failed()


BY_INTERVAL = ("alike_share", "far_share", "score_shift", "hub_share", "precision_drop")


@pytest.mark.parametrize("key", BY_INTERVAL)
def test_what_could_be_chance_stops_nobody(key: str) -> None:
    measured = good()
    measured["overall"]["metrics"][key] = {"value": 0.9, "low": 0.001, "high": 1.0}
    assert failures(check_index(measured, QualitySettings())) == {}


NEEDED = [metric.key for metric in METRICS if metric.needed]


@pytest.mark.parametrize("key", NEEDED)
def test_what_was_not_measured_does_not_pass(key: str) -> None:
    measured = good()
    del measured["overall"]["metrics"][key]
    assert len(failures(check_index(measured, QualitySettings()))) == 1


def test_an_index_that_nobody_asked_does_not_pass() -> None:
    measured = good()
    measured["overall"]["queries"] = 0
    assert list(failures(check_index(measured, QualitySettings()))) == ["queries asked"]


def test_one_failing_slice_stops_all_and_names_itself() -> None:
    measured = good()
    measured["slices"][0]["metrics"]["recall_at_10"] = figure(0.71, 0.08)
    wrong = failures(check_index(measured, QualitySettings()))
    assert list(wrong) == ["recall at 10 in category 'lamps'"]
    said = wrong["recall at 10 in category 'lamps'"]
    assert "0.7100 (0.63 to 0.79) of the ten true nearest neighbours were found" in said
    assert "expected: at least 0.95. Raise the index's epsilons" in said


def test_failures_come_first() -> None:
    measured = good()
    measured["slices"][3]["metrics"]["identity"] = figure(0.1, 0.05)
    checks = check_index(measured, QualitySettings()).checks
    assert checks[0].name == "identity in new items"
    assert checks[0].observed == 0.1


def test_every_failing_slice_is_named() -> None:
    measured = good()
    for one in measured["slices"]:
        one["metrics"]["coverage"] = figure(0.5)
    wrong = failures(check_index(measured, QualitySettings()))
    assert set(wrong) == {
        "items present in category 'lamps'",
        "items present in items without category",
        "items present in brands of 2 to 9 items",
        "items present in new items",
        "items present in rare categories and brands",
    }


def test_a_slice_whose_interval_reaches_its_threshold_passes() -> None:
    measured = good()
    measured["slices"][0]["metrics"]["recall_at_10"] = figure(0.9, 0.06)
    assert failures(check_index(measured, QualitySettings())) == {}


def test_a_slice_says_with_which_others_it_was_judged() -> None:
    measured = good()
    measured["slices"][0] |= {"merged_with": ["shades", "", "bulbs", "wire", "cord"], "items": 3}
    measured["slices"][0]["metrics"]["recall_at_10"] = figure(0.5, 0.1)
    measured["slices"][0]["metrics"]["coverage"] = figure(0.5)
    wrong = failures(check_index(measured, QualitySettings()))
    assert (
        "judged with 'shades', those without, 'bulbs' and 2 more"
        in wrong["recall at 10 in category 'lamps'"]
    )
    assert "judged with" not in wrong["items present in category 'lamps'"], "counted by itself"


def test_missing_items_are_named_with_what_they_have_in_common() -> None:
    measured = good()
    examples = ["a'b", "c", "d", "e"]
    measured["missing"] = {"items": 4, "examples": examples, "all_of": {"brand": "Acme"}}
    measured["overall"]["metrics"]["coverage"] = figure(0.99)
    wrong = failures(check_index(measured, QualitySettings()))
    assert (
        "4 of 400 live items are not in the index: \"a'b\", 'c', 'd', all of brand 'Acme'"
        in wrong["items present"]
    )


def test_a_small_catalogue_has_hubs_by_nature() -> None:
    measured = good()
    measured["overall"] |= {"hub": {"item_id": "1", "even": 0.2}}
    measured["overall"]["metrics"]["hub_share"] = figure(0.8, 0.1)
    assert failures(check_index(measured, QualitySettings())) == {}


def test_shrinking_can_be_allowed_from_one_live_bundle(tmp_path: Path) -> None:
    measured = good()
    measured["overall"]["metrics"]["shrinkage"] = figure(0.5)
    measured["slices"][0]["metrics"]["shrinkage"] = figure(0.9)
    assert set(failures(check_index(measured, QualitySettings()))) == {
        "shrinkage",
        "shrinkage in category 'lamps'",
    }
    live = measured["live"]["bundle_id"]
    allowed = gate_file(tmp_path, f'allow_shrinking_from = "{live}"')
    assert failures(check_index(measured, allowed)) == {}
    measured["live"]["bundle_id"] = "the next one"
    assert "shrinkage" in failures(check_index(measured, allowed))


def test_thresholds_of_a_dimension_and_of_one_slice(tmp_path: Path) -> None:
    measured = good()
    for one in measured["slices"]:
        one["metrics"]["recall_at_10"] = figure(0.93, 0.01)
    settings = gate_file(
        tmp_path,
        """
        [slices]
        min_recall_at_10 = false
        [slices.category]
        min_recall_at_10 = 0.96
        [slices.category.lamps]
        min_recall_at_10 = 0.9
        [slices.brand."2 to 9 items"]
        min_recall_at_10 = 0.95
        """,
    )
    assert set(failures(check_index(measured, settings))) == {
        "recall at 10 in items without category",
        "recall at 10 in brands of 2 to 9 items",
    }


def test_names_with_braces_and_quotes_are_words_like_others() -> None:
    measured = good()
    name = "{lamps} 'x' %s"
    measured["slices"][0]["value"] = name
    measured["slices"][0]["metrics"]["identity"] = figure(0.1, 0.01)
    measured["overall"]["hub"] = {"item_id": "{0}", "even": 0.0}
    measured["overall"]["metrics"]["hub_share"] = figure(0.9, 0.01)
    wrong = failures(check_index(measured, QualitySettings()))
    assert set(wrong) == {"hubs", f"identity in category {name!r}"}


def test_hundreds_of_slices_are_each_judged() -> None:
    measured = good()
    measured["slices"] = [slice_of("category", f"c{number}") for number in range(700)]
    for number in (3, 333, 699):
        measured["slices"][number]["metrics"]["recall_at_10"] = figure(0.5, 0.1)
    wrong = failures(check_index(measured, QualitySettings()))
    assert set(wrong) == {f"recall at 10 in category 'c{number}'" for number in (3, 333, 699)}
