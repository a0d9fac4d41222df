"""The file of thresholds: the package's own is whole, and a shop's says only what differs."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from feature_store.errors import SettingsError
from feature_store.quality import QualitySettings
from feature_store.quality.index_gate import THRESHOLDS, read_index_gate


def file(folder: Path, text: str) -> Path:
    path = folder / "gate.toml"
    path.write_text(text)
    return path


def test_the_package_says_every_threshold() -> None:
    gate = read_index_gate()
    assert tuple(gate.overall) == THRESHOLDS
    assert tuple(gate.slices) == THRESHOLDS
    assert gate.overall["min_recall_at_10"] == 0.99
    assert gate.of_slice("category", "lamps", "max_shrinkage") == 0.8
    assert gate.of_slice("brand", "1 item", "max_shrinkage") is None


def test_every_value_of_the_package_has_its_meaning_beside_it() -> None:
    text = files("feature_store.quality").joinpath("index_gate.toml").read_text("utf-8")
    lines = text.splitlines()
    told = text.split("[slices]")[0].splitlines()
    for number, line in enumerate(told):
        if " = " in line and not line.startswith("#"):
            assert lines[number + 1].startswith("# "), line
    assert tomllib.loads(text)


def test_a_shops_file_says_only_what_differs(tmp_path: Path) -> None:
    path = file(tmp_path, "[overall]\nmin_recall_at_10 = 0.9\n[slices.tail.rare]\nmin_identity=1")
    gate = QualitySettings(index_gate=str(path)).read_index_gate()
    assert gate.overall["min_recall_at_10"] == 0.9
    assert gate.overall["min_identity"] == 0.99
    assert gate.of_slice("tail", "rare", "min_identity") == 1.0
    assert gate.of_slice("tail", "common", "min_identity") == 0.95


def test_false_judges_nothing(tmp_path: Path) -> None:
    gate = read_index_gate(file(tmp_path, "[overall]\nmax_hub_share = false"))
    assert gate.overall["max_hub_share"] is None


def test_a_shop_names_its_own_attributes(tmp_path: Path) -> None:
    text = '[grouping]\nattributes = ["colour"]\n[slices.colour.red]\nmin_identity = 0.5'
    gate = read_index_gate(file(tmp_path, text))
    assert gate.of_slice("colour", "red", "min_identity") == 0.5
    assert "category" not in gate.dimensions


WRONG = {
    "recall = 1": "there is no recall",
    "[overall]\nmin_recal_at_10 = 0.9": "no overall.min_recal_at_10; did you mean min_recall_at_10",
    "[slices]\nmin_recal_at_10 = 0.9": "no slices.min_recal_at_10; did you mean min_recall_at_10",
    "[slices.category]\nmin_x = 0.9": "no slices.category.min_x",
    "[slices.category.lamps]\nmin_x = 0.9": "no slices.category.lamps.min_x",
    '[slices.category."a b"]\nmin_x = 0.9': 'no slices.category."a b".min_x',
    "[slices.category.lamps.more]\nmin_identity = 0.9": "no slices.category.lamps.more",
    "[slices.colour]\nmin_identity = 0.9": "there is no slices.colour",
    "[sampling]\nquerys = 3": "no sampling.querys; did you mean queries",
    "[overall]\nmin_identity = 1.5": "overall.min_identity is 1.5; it must be a number from 0 to 1",
    "[overall]\nmin_identity = true": "overall.min_identity is True",
    '[slices.tail]\nmin_identity = "much"': "slices.tail.min_identity is 'much'",
    "confidence = 1.0": "confidence is 1.0",
    "label = 3": "label is 3; it must be a text",
    "sampling = 3": "sampling must be a table",
    "slices = 3": "slices must be a table",
    "[overall.more]\nmin_identity = 1": "no overall.more",
    "[sampling]\nqueries = 0": "sampling.queries is 0; it must be a whole number from 1 to",
    "[grouping]\nbrand_sizes = [1, 99999999999999999999]": "from 1 to 1,000,000,000",
    "x = " + "[" * 20_000: "is no TOML",
    "[sampling]\nqueries = 2.5": "sampling.queries is 2.5",
    '[grouping]\nattributes = "category"': "grouping.attributes must be a list",
    '[grouping]\nattributes = ["brand"]': "grouping.attributes must not hold 'brand'",
    "[grouping]\nbrand_sizes = [2, 1]": "grouping.brand_sizes must ascend from 1",
    "[grouping]\nbrand_sizes = []": "grouping.brand_sizes must be a list",
    "[grouping]\ntail_share = 2": "grouping.tail_share is 2",
    "x =": "is no TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        QualitySettings(index_gate=str(path))
    assert WRONG[text] in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml"):
        QualitySettings(index_gate=str(tmp_path / "missing.toml"))


def test_the_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file(tmp_path, 'label = "colour"')
    monkeypatch.chdir(tmp_path)
    settings = QualitySettings(index_gate="gate.toml")
    monkeypatch.chdir("/")
    assert settings.read_index_gate().label == "colour"
