"""`nitamono refresh` over a real store: what a day changed is in the answers at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from feature_store.bundle import BundleRegistry, Rules, Searcher
from feature_store.bundle.tiers import TierShelf
from feature_store.cli import main
from feature_store.errors import UnknownItemError
from feature_store.nightly import build_and_publish
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import make_batch
from tests.feature_store.fresh.shops import UNCENTRED
from tests.feature_store.nightly.fake_shop import FakeSettings

DAY, NEXT, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
SOLD = [f"item {n:02d}" for n in range(24)]


def call(*words: str) -> str:
    result = CliRunner().invoke(main, [*words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeltaFeatureStore:
    """A store of one day, of which a bundle is live."""
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    store = DeltaFeatureStore(tmp_path / "store")
    store.replace_partition(DAY, make_batch(DAY, SOLD))
    build_and_publish(FakeSettings(tmp_path, index=UNCENTRED))
    return store


def searcher(home: Path) -> Searcher:
    bundle = BundleRegistry(home / "bundles").open()
    return Searcher(bundle, TierShelf(home / "bundles").open(bundle))


def test_what_a_day_changed_is_in_the_answers(store: DeltaFeatureStore, tmp_path: Path) -> None:
    assert "0 items new or changed, 0 gone (tier none up to date already" in call("refresh")
    store.replace_partition(NEXT, make_batch(NEXT, ["new", SOLD[3]], deleted=[SOLD[5]], seed=1))
    assert "2 items new or changed, 1 gone (tier " in call("refresh")
    answers = searcher(tmp_path)
    assert answers.view.item_count == 24
    assert len(answers.similar("new", Rules(limit=50)).hits) == 23
    found = answers.view.item_rows([answers.view.item_number(SOLD[3])])[0]
    assert found["title"] == "title 1"
    with pytest.raises(UnknownItemError, match="no longer for sale"):
        answers.similar(SOLD[5])
    assert "up to date already" in call("refresh")
    [said] = json.loads(call("refresh", "--json"))
    assert (said["items"], said["gone"], said["written"]) == (2, 1, False)


def test_a_day_that_is_taken_back_is_gone_from_the_answers(
    store: DeltaFeatureStore, tmp_path: Path
) -> None:
    store.replace_partition(NEXT, make_batch(NEXT, ["new"], deleted=[SOLD[5]]))
    call("refresh")
    store.replace_partition(NEXT, make_batch(NEXT, ["newer"]))
    call("refresh")
    answers = searcher(tmp_path)
    assert answers.similar(SOLD[5]).hits
    assert answers.similar("newer").hits
    with pytest.raises(UnknownItemError, match="not in bundle"):
        answers.similar("new")


def test_going_back_to_a_bundle_brings_it_up_to_the_store(
    store: DeltaFeatureStore, tmp_path: Path
) -> None:
    store.replace_partition(NEXT, make_batch(NEXT, ["new"], deleted=[SOLD[5]]))
    build_and_publish(FakeSettings(tmp_path, index=UNCENTRED))
    store.replace_partition(THIRD, make_batch(THIRD, [], deleted=[SOLD[6]]))
    assert "live: " in call("rollback")
    answers = searcher(tmp_path)
    assert answers.view.item_count == 23
    assert answers.similar("new").hits
    for gone in (SOLD[5], SOLD[6]):
        with pytest.raises(UnknownItemError):
            answers.similar(gone)


def test_with_nothing_published_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["refresh"])
    assert result.exit_code == 1
    assert "nothing has been published" in result.output
