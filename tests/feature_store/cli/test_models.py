"""`nitamono models` in a small shop whose settings name one of two quick extractors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from feature_store.models import ModelRegistry
from tests.feature_store.upgrade.gallery import Gallery


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    gallery = Gallery(tmp_path)
    for name, value in (
        ("HOME", str(gallery.settings.home)),
        ("VISION_EXTRACTOR", gallery.models["coarse"]),
        ("VISION_DETECTOR", "none"),
        ("UPGRADE_IMAGES_PER_CHUNK", "2"),
    ):
        monkeypatch.setenv(f"NITAMONO_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    return gallery


@pytest.fixture
def stocked(shop: Gallery) -> Gallery:
    shop.three_days()
    return shop


def call(*words: str) -> Result:
    result = CliRunner().invoke(main, ["models", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def said(*words: str) -> str:
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str) -> str:
    result = call(*words)
    assert result.exit_code == 1, result.output
    return " ".join(result.output.split())


def state() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said("--json"))
    return found


def roles() -> dict[str, tuple[str, int, int]]:
    return {
        Path(row["model"]).stem: (row["role"], row["described"], row["regions"])
        for row in state()["extractors"]
    }


def test_the_extractors_their_roles_and_their_coverage_are_listed(stocked: Gallery) -> None:
    assert roles() == {"coarse": ("active", 5, 10)}
    ModelRegistry(stocked.settings.home).keep(stocked.models["fine"], stocked.models["coarse"])
    assert roles() == {"coarse": ("active", 5, 10), "fine": ("kept", 0, 0)}
    text = said()
    for words in ("active", "kept", stocked.identity("fine"), "5 of 5", "0 of 5"):
        assert words in text


def test_an_upgrade_describes_everything_and_switches(stocked: Gallery) -> None:
    text = said("upgrade", stocked.models["fine"])
    told = f"{stocked.identity('fine')} describes 5 of 5 images (100 %)"
    assert f"{told}; 10 regions described now, 0 boxes recomputed" in text
    assert roles() == {"fine": ("active", 5, 10), "coarse": ("kept", 5, 10)}
    [switch] = state()["history"]
    assert (switch["action"], switch["described"], switch["indexed"]) == ("switch", 5, 5)


def test_an_upgrade_may_leave_the_switch_to_later(stocked: Gallery) -> None:
    said("upgrade", stocked.models["fine"], "--no-switch")
    assert roles() == {"coarse": ("active", 5, 10), "fine": ("kept", 5, 10)}
    assert "and answers" in said("switch", stocked.models["fine"])
    assert roles()["fine"][0] == "active"


def test_a_switch_is_refused_with_the_figure_and_the_remedy(stocked: Gallery) -> None:
    words = refused("switch", stocked.models["fine"])
    assert f"{stocked.identity('fine')} describes 0 of 5 images (0 %); 5 are missing" in words
    assert "'nitamono models upgrade" in words


def test_an_undo_goes_back_and_what_it_left_is_declined(stocked: Gallery) -> None:
    said("upgrade", stocked.models["fine"])
    assert f"{stocked.identity('coarse')} describes 5 of 5" in said("undo")
    assert roles() == {"coarse": ("active", 5, 10), "fine": ("declined", 5, 10)}
    assert "no switch" in refused("undo")


def test_a_retired_extractor_is_kept_no_more(stocked: Gallery) -> None:
    said("upgrade", stocked.models["fine"])
    assert "answers: switch to another" in refused("retire", stocked.models["fine"])
    assert "is retired" in said("retire", stocked.models["coarse"])
    assert roles()["coarse"][0] == "declined"


def test_what_is_stored_of_a_model_that_is_gone_is_listed(stocked: Gallery) -> None:
    said("upgrade", stocked.models["fine"])
    identity = stocked.identity("coarse")
    Path(stocked.models["coarse"]).unlink()
    [gone] = [row for row in state()["extractors"] if row["role"] == "kept"]
    assert "coarse.onnx" in gone["problem"]
    [stored] = [row for row in state()["extractors"] if row["role"] == "stored"]
    assert (stored["identity"], stored["described"]) == (identity, 5)
    said()


def test_an_empty_store_is_told_what_to_do(shop: Gallery) -> None:
    assert roles() == {"coarse": ("active", 0, 0)}
    words = refused("upgrade", shop.models["fine"])
    assert "set NITAMONO_VISION_EXTRACTOR to" in words
    assert "and ingest a catalogue" in words
    assert roles() == {"coarse": ("active", 0, 0)}
