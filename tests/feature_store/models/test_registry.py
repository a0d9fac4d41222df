from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest

from feature_store.errors import StoreError
from feature_store.models import Active, ExtractorsInUse, ModelRegistry

OLD, NEW = Active("old", "old@000000000001"), Active("new", "new@000000000002")
NIGHT = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "home")


def switched(registry: ModelRegistry, *, by_hand: bool = False) -> ModelRegistry:
    """A registry in which the settings have named another extractor, which answers by now."""
    registry.in_use("old")
    registry.in_use("new")
    registry.switch(NEW, OLD, (7, 7), by_hand=by_hand, at=NIGHT)
    return registry


def test_the_first_extractor_answers_and_another_is_kept_beside_it(registry: ModelRegistry) -> None:
    assert registry.in_use("old") == ExtractorsInUse("old")
    assert registry.in_use("new") == ExtractorsInUse("old", ("new",))
    assert registry.in_use("old").all == ("old", "new")
    assert registry.active_identity() is None


def test_looking_writes_nothing(registry: ModelRegistry, tmp_path: Path) -> None:
    assert registry.look("old").in_use == ExtractorsInUse("old")
    assert registry.look("new").in_use == ExtractorsInUse("new")
    assert list(tmp_path.iterdir()) == []


def test_after_a_switch_the_former_stays_kept(registry: ModelRegistry) -> None:
    switched(registry)
    assert registry.in_use("new") == ExtractorsInUse("new", ("old",))
    assert registry.active_identity() == NEW.identity
    assert registry.former() == OLD


def test_of_two_who_undo_at_once_one_does(registry: ModelRegistry) -> None:
    """Nobody has counted what the extractor before the former one describes."""
    switched(registry)
    newest = Active("newest", "newest@000000000003")
    registry.switch(newest, NEW, (7, 7), by_hand=True)
    former = registry.former()
    assert registry.undo((7, 7), expected=former) == "new"
    with pytest.raises(StoreError, match="new answers by now: somebody else"):
        registry.undo((7, 7), expected=former)
    assert registry.in_use("new").active == "new"


def test_an_undone_extractor_is_left_alone_until_a_person_chooses_it(
    registry: ModelRegistry,
) -> None:
    switched(registry)
    assert registry.undo((7, 7), at=NIGHT) == "old"
    assert registry.in_use("new") == ExtractorsInUse("old")
    assert registry.active_identity() == OLD.identity
    assert registry.look("new").declined == ("new",)
    registry.keep("new", "new")
    assert registry.in_use("new") == ExtractorsInUse("old", ("new",))
    registry.switch(NEW, OLD, (7, 7), by_hand=True)
    assert registry.look("new").declined == ("old",)


def test_undoing_goes_back_switch_by_switch(registry: ModelRegistry) -> None:
    switched(registry)
    registry.switch(Active("newest"), NEW, (7, 7), by_hand=False)
    assert registry.undo((7, 7)) == "new"
    assert registry.undo((7, 7)) == "old"
    with pytest.raises(StoreError, match="no switch"):
        registry.undo((7, 7))
    assert registry.in_use("old").active == "old"


def test_the_history_tells_when_and_how_complete(registry: ModelRegistry) -> None:
    switched(registry).undo((5, 7), at=NIGHT + dt.timedelta(hours=2))
    first, second = registry.history()
    assert (first.at, first.action, first.by_hand) == ("2026-03-01T03:00:00+00:00", "switch", False)
    assert (first.model, first.before, first.described, first.indexed) == ("new", OLD, 7, 7)
    assert (second.at, second.action, second.model) == ("2026-03-01T05:00:00+00:00", "undo", "old")
    assert (second.before, second.described, second.indexed) == (NEW, 5, 7)


def test_a_retired_extractor_is_kept_no_more_and_no_undo_finds_it(registry: ModelRegistry) -> None:
    switched(registry).retire("old", "new")
    assert registry.in_use("new") == ExtractorsInUse("new")
    assert registry.in_use("old") == ExtractorsInUse("new")
    with pytest.raises(StoreError, match="no switch"):
        registry.undo((7, 7))


def test_only_a_kept_extractor_can_be_retired(registry: ModelRegistry) -> None:
    switched(registry)
    with pytest.raises(StoreError, match="new answers: switch to another"):
        registry.retire("new", "new")
    with pytest.raises(StoreError, match="'other' is not kept beside new; kept: old"):
        registry.retire("other", "new")


def test_the_same_model_of_another_identity_can_be_switched_to_and_back(
    registry: ModelRegistry,
) -> None:
    registry.in_use("old")
    again = Active("old", "old@00000000000a")
    registry.switch(again, OLD, (7, 7), by_hand=True)
    assert registry.in_use("old") == ExtractorsInUse("old")
    assert registry.active_identity() == again.identity
    registry.undo((7, 7))
    assert registry.active_identity() == OLD.identity
    assert registry.look("old").declined == ()


def test_a_switch_from_what_does_not_answer_any_more_is_refused(registry: ModelRegistry) -> None:
    switched(registry)
    with pytest.raises(StoreError, match="new answers by now, not old"):
        registry.switch(Active("third"), OLD, (7, 7), by_hand=True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 2}'])
def test_a_damaged_file_is_named(registry: ModelRegistry, tmp_path: Path, text: str) -> None:
    registry.in_use("old")
    (tmp_path / "home" / "models.json").write_text(text)
    for read in (registry.in_use, registry.look):
        with pytest.raises(StoreError, match=r"models\.json is damaged .* backup"):
            read("old")


def test_every_field_of_a_damaged_file_is_looked_at(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    switched(registry)
    path = tmp_path / "home" / "models.json"
    whole = json.loads(path.read_text())
    for field in ("active", "kept", "declined", "former", "history"):
        path.write_text(json.dumps({**whole, field: 7}))
        with pytest.raises(StoreError, match="is damaged"):
            registry.in_use("old")
    path.write_text(json.dumps(whole))
    assert registry.in_use("new") == ExtractorsInUse("new", ("old",))


KEEP = """
import sys
from pathlib import Path
from feature_store.models import ModelRegistry
registry = ModelRegistry(Path(sys.argv[1]))
for number in range(10):
    registry.keep(f"{sys.argv[2]}-{number}", "old")
"""


def test_writers_side_by_side_lose_nothing(registry: ModelRegistry, tmp_path: Path) -> None:
    registry.in_use("old")
    home = str(tmp_path / "home")
    names = ("a", "b", "c")
    running = [subprocess.Popen([sys.executable, "-c", KEEP, home, name]) for name in names]
    assert [process.wait() for process in running] == [0, 0, 0]
    wanted = {f"{name}-{number}" for name in names for number in range(10)}
    assert set(registry.in_use("old").kept) == wanted
    assert not list((tmp_path / "home").glob("*.part"))
