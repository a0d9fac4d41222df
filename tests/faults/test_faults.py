"""The fault harness, shortly: a dozen kills, and every other fault once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.groups import GROUPS, break_everything
from tests.faults.report import Report

KILLS = 12
EVERY = {
    *("kills", "writers", "disk full", "network", "gs://", "BigQuery"),
    *("batch gate", "store", "index gate", "readers"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder: Path = tmp_path_factory.mktemp("faults")
    return break_everything(list(GROUPS), folder, KILLS, seed=3, short=True)


def test_nothing_is_lost_doubled_or_published_that_is_bad(report: Report) -> None:
    summary = report.summary()
    counts = ("rows_lost", "rows_duplicated", "bad_bundles_published")
    assert {name: summary[name] for name in counts} == dict.fromkeys(counts, 0)
    assert summary["kills"] >= KILLS


def test_every_fault_is_borne_or_caught_by_name(report: Report) -> None:
    assert [f"{one.name}: {what}" for one in report.faults for what in one.wrong] == []
    assert report.ok


def test_every_group_ran(report: Report) -> None:
    ran = {one.group for one in report.faults}
    assert ran >= EVERY


def test_a_fault_that_is_not_caught_is_reported() -> None:
    caught, missed, lossy = Report(), Report(), Report(rows_lost=1)
    for report in (caught, missed, lossy):
        report.fault("gate", "NaN").good("the check 'vectors finite'")
    missed.fault("gate", "NaN").bad("it was committed")
    assert [report.ok for report in (caught, missed, lossy, Report())] == [
        True,
        False,
        False,
        False,
    ]
    assert missed.summary()["faults"] == {"gate: NaN": "NOT AS IT SHOULD: it was committed"}
