"""What the nightly build does with a comparison when a person runs it by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry
from feature_store.compare.settings import CompareSettings
from feature_store.errors import ApprovalError, SettingsError
from feature_store.nightly import (
    build_and_publish,
    build_candidate,
    check_candidate,
    publish_candidate,
)
from feature_store.runs import read_runs
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop


def test_much_change_is_published_only_when_it_is_approved(tmp_path: Path) -> None:
    settings = replace(FakeSettings(tmp_path), compare=CompareSettings(max_churn=0.3))
    registry = BundleRegistry(tmp_path / "bundles")
    live = build_and_publish(settings, FakeStore(make_shop(54)))
    other = FakeStore(make_shop(54, seed=9))
    with pytest.raises(ApprovalError, match=r"would change \(limit 30 %\): index ") as told:
        build_and_publish(settings, other)
    assert registry.current() == live
    assert read_runs(tmp_path)[-1].outcome == "not approved"
    candidate = registry.list()[0].bundle_id
    report = tmp_path / "reports" / candidate / "compare.html"
    assert report.is_file()
    assert str(report) in str(told.value)
    approved = build_and_publish(settings, other, approved=True)
    assert registry.current() == approved
    assert read_runs(tmp_path)[-1].outcome == "published"


def test_what_was_agreed_to_is_not_published_over_a_bundle_that_went_live_meanwhile(
    tmp_path: Path,
) -> None:
    settings = replace(FakeSettings(tmp_path), compare=CompareSettings(max_churn=0.3))
    registry = BundleRegistry(tmp_path / "bundles")
    before = build_and_publish(settings, FakeStore(make_shop(54)))
    candidate = build_candidate(settings, FakeStore(make_shop(54, seed=9)))
    check_candidate(candidate.path, settings)
    compared = {"before": before, "after": candidate.path.name, "needs_approval": False}
    meanwhile = build_and_publish(settings, FakeStore(make_shop(54, seed=5)), approved=True)
    with pytest.raises(ApprovalError, match=rf"nitamono publish {candidate.path.name}"):
        publish_candidate(candidate.path, settings, compared=compared, approved=True)
    assert registry.current() == meanwhile
    assert read_runs(tmp_path)[-1].outcome == "not approved"
    registry.rollback(before)  # now it is what was agreed to again
    assert publish_candidate(candidate.path, settings, compared=compared) == registry.current()
    assert registry.current() == candidate.path.name


@pytest.mark.parametrize(
    "wrong",
    [{"hits": 0}, {"sheet_rows": 0}, {"max_churn": -0.1}, {"max_churn": 2}, {"approval_hours": 0}],
)
def test_settings_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        CompareSettings(**wrong)  # type: ignore[arg-type]
