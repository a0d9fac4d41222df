from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry
from feature_store.compare import (
    CAUSES,
    compare_bundles,
    compare_with_live,
    explain,
    report,
    require_approval,
)
from feature_store.compare.opening import choose_pair
from feature_store.compare.settings import CompareSettings
from feature_store.errors import ApprovalError, BundleError, NoBundleError, UnknownItemError
from feature_store.storage import Bucket
from tests.feature_store.compare.circle import CircleSettings, Thing, row_of_things, write_bundle

GOLDEN = Path(__file__).parents[1] / "bundle" / "golden" / "0.1.0"


def test_the_report_and_its_figures(settings: CircleSettings, pair: tuple[str, str]) -> None:
    found = compare_bundles(settings, *pair)
    assert found.report == settings.home / "reports" / "new" / "compare.html"
    assert found.report.is_file()
    assert (found.items_before, found.items_after, found.items_both) == (20, 20, 20)
    assert 0.3 < found.churn <= 1
    assert sum(found.distribution) == 20
    assert found.items_changed == 20 - found.distribution[0]
    assert {entry.category: entry.items for entry in found.categories} == {"bags": 10, "hats": 10}
    assert sum(cause.share for cause in found.causes.values()) == pytest.approx(1, abs=1e-3)
    assert found.causes["extractor"].share == 1
    assert found.facts["extractor"] == ("eye@000000000000", "lens@111111111111")
    kept = json.loads(found.report.with_name("compare.json").read_text())
    assert kept["churn"] == found.churn
    assert kept["worst"][0]["item_id"] == found.worst[0].item_id
    assert json.loads(json.dumps(found.summary()))["report"] == str(found.report)


def test_the_worst_come_first_and_nobody_twice(
    settings: CircleSettings, pair: tuple[str, str]
) -> None:
    few = replace(settings, compare=CompareSettings(hits=3, sheet_rows=7))
    found = compare_bundles(few, *pair)
    assert (len(found.worst), len(found.random)) == (4, 3)
    churns = [change.churn for change in found.worst]
    assert churns == sorted(churns, reverse=True)
    assert min(churns) >= max(change.churn for change in found.random)
    named = [change.item_id for change in (*found.worst, *found.random)]
    assert len(set(named)) == 7
    assert compare_bundles(few, *pair).random == found.random


def test_the_same_answers_are_no_churn(settings: CircleSettings, pair: tuple[str, str]) -> None:
    write_bundle(settings.home, "same", row_of_things(20, category="bags"))
    found = compare_bundles(settings, "old", "same")
    assert (found.churn, found.items_changed, found.worst) == (0, 0, ())
    assert not found.needs_approval
    assert "had" in found.report.read_text()
    assert explain(found.summary()).endswith("(limit 30 %)")


def test_bundles_without_a_common_item_are_all_churn(settings: CircleSettings) -> None:
    write_bundle(settings.home, "a", row_of_things(5))
    write_bundle(settings.home, "b", [Thing(f"z{n}", 9.0 * n) for n in range(5)])
    found = compare_bundles(settings, "a", "b")
    assert (found.items_both, found.churn) == (0, 1)
    assert found.needs_approval
    assert "no item in common" in explain(found.summary())


def test_items_asked_for_are_shown(settings: CircleSettings, pair: tuple[str, str]) -> None:
    found = compare_bundles(settings, *pair, ["t07", "t03", "t07"])
    assert [change.item_id for change in found.asked] == ["t07", "t03"]
    assert "Asked for" in found.report.read_text()
    with pytest.raises(UnknownItemError, match="'nobody' is not in"):
        compare_bundles(settings, *pair, ["nobody"])


def test_an_item_of_only_one_bundle_cannot_be_asked_for(settings: CircleSettings) -> None:
    write_bundle(settings.home, "a", row_of_things(5))
    write_bundle(settings.home, "b", row_of_things(6))
    with pytest.raises(UnknownItemError, match="'t05' is not in bundle a"):
        compare_bundles(settings, "a", "b", ["t05"])


def test_too_much_waits_for_a_person(settings: CircleSettings, pair: tuple[str, str]) -> None:
    found = compare_with_live(settings, "new")
    assert found is not None
    with pytest.raises(ApprovalError, match=r"new is proven but not published: .* \(limit 30 %\)"):
        require_approval(found.summary())
    at_the_limit = replace(settings, compare=CompareSettings(hits=3, max_churn=found.churn))
    again = compare_with_live(at_the_limit, "new")
    assert again is not None
    require_approval(again.summary())


def test_the_first_bundle_ever_is_compared_with_nothing(settings: CircleSettings) -> None:
    write_bundle(settings.home, "first", row_of_things(5))
    assert compare_with_live(settings, "first") is None
    require_approval({"before": None, "after": "first"})
    BundleRegistry(settings.home / "bundles").publish("first")
    assert compare_with_live(settings, "first") is None


def test_a_damaged_live_bundle_keeps_nobody_from_replacing_it(
    settings: CircleSettings, pair: tuple[str, str]
) -> None:
    with (settings.home / "bundles" / "old" / "neighbours.npy").open("ab") as file:
        file.write(b"\0")
    assert compare_with_live(settings, "new") is None
    with pytest.raises(BundleError, match=r"neighbours\.npy is damaged"):
        compare_bundles(settings, *pair)


def test_a_damaged_candidate_is_told(settings: CircleSettings, pair: tuple[str, str]) -> None:
    (settings.home / "bundles" / "new" / "items.arrow").unlink()
    with pytest.raises(BundleError, match=r"items\.arrow is missing"):
        compare_with_live(settings, "new")


@pytest.mark.parametrize("name", ["../old", "", ".", "a/b", "x" * 300])
def test_what_no_bundle_is_named(
    settings: CircleSettings, pair: tuple[str, str], name: str
) -> None:
    with pytest.raises(BundleError):
        compare_bundles(settings, "old", name)
    assert not (settings.home / "reports").exists()


def test_one_bundle_is_no_pair(settings: CircleSettings, pair: tuple[str, str]) -> None:
    with pytest.raises(BundleError, match="name two"):
        compare_bundles(settings, "old", "old")


def test_a_bundle_being_compared_is_not_removed(
    settings: CircleSettings, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = BundleRegistry(settings.home / "bundles")
    removed: list[tuple[str, ...]] = []
    draw_page = report.draw_page

    def prune(*arguments: object) -> str:
        removed.append(registry.prune(0))
        return draw_page(*arguments)  # type: ignore[arg-type]

    write_bundle(settings.home, "older", row_of_things(20))
    write_bundle(settings.home, "zzz", row_of_things(20))
    monkeypatch.setattr(report, "draw_page", prune)
    compare_bundles(settings, "older", "new")
    assert removed == [("zzz",)]
    assert "older" in registry.prune(0), "once it is over, it goes"


def test_old_reports_go_and_judgements_stay(
    settings: CircleSettings, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "REPORTS_KEPT", 2)
    kept = settings.home / "reports" / "judgements" / "old..new.jsonl"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}\n")
    for age, name in enumerate(("r1", "r2", "r3")):
        page = settings.home / "reports" / name / "compare.html"
        page.parent.mkdir()
        page.write_text("")
        os.utime(page, (1e9 - age, 1e9 - age))
    compare_bundles(settings, *pair)
    names = {path.name for path in (settings.home / "reports").iterdir()}
    assert names == {"new", "r1", "judgements"}
    assert kept.is_file()


def test_bundles_of_the_first_format(settings: CircleSettings, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(GOLDEN, settings.home / "bundles", dirs_exist_ok=True)
    first, second = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
    found = compare_bundles(settings, first, second)
    assert found.items_both > 0
    assert found.report.is_file()
    write_bundle(settings.home, "now", row_of_things(5))
    assert compare_bundles(settings, first, "now").items_both == 0


def test_a_live_bundle_in_a_bucket(settings: CircleSettings, bucket: str, tmp_path: Path) -> None:
    from feature_store.bundle import open_registry

    remote = replace(settings, bundles_location=f"gs://{bucket}/bundles")
    things = row_of_things(12)
    write_bundle(settings.home, "old", things)
    open_registry(remote.bundles, settings.home / "bundles").publish("old")
    elsewhere = replace(remote, home=tmp_path / "elsewhere")
    write_bundle(elsewhere.home, "new", [*things, Thing("new", 3)])
    found = compare_with_live(elsewhere, "new")
    assert found is not None
    assert found.causes["catalogue"].share == 1
    assert found.report.is_relative_to(elsewhere.home)
    assert Bucket(bucket).list("bundles/new/") is not None


def test_the_pair_that_is_meant(settings: CircleSettings) -> None:
    registry = BundleRegistry(settings.home / "bundles")
    with pytest.raises(NoBundleError):
        choose_pair(registry)
    write_bundle(settings.home, "b1", row_of_things(4))
    for names in (("live", "b1"), ("", "b1"), ("b1", "live")):
        with pytest.raises(NoBundleError, match="nothing has been published"):
            choose_pair(registry, *names)
    registry.publish("b1")
    with pytest.raises(BundleError, match="nothing to compare b1 with"):
        choose_pair(registry)
    write_bundle(settings.home, "b2", row_of_things(4))
    assert choose_pair(registry) == ("b1", "b2")
    registry.publish("b2")
    assert choose_pair(registry) == ("b1", "b2"), "what the last night changed"
    assert choose_pair(registry, "b1") == ("b1", "b2")
    assert choose_pair(registry, "live", "b1") == ("b2", "b1")
    assert choose_pair(registry, "", "b1") == ("b2", "b1")


def test_every_cause_has_its_words() -> None:
    assert list(CAUSES) == ["catalogue", "photo", "detector", "extractor", "index"]
    assert all(CAUSES.values())
