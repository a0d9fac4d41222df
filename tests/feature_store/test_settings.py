"""Settings from the environment: typed, refused with a hint, and all of them described."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from feature_store.errors import SettingsError
from feature_store.images.settings import ImageSettings
from feature_store.settings import STAGES, Settings
from feature_store.vision.settings import VisionSettings


def test_without_variables_everything_has_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({})
    assert settings.home == tmp_path / "var"
    assert settings.catalogue_location == ""
    assert settings.vision.weights_folder == str(tmp_path / "var" / "weights")
    assert settings.quality == Settings().quality
    assert settings.staging.parent == settings.home
    assert settings.bundles == str(settings.home / "bundles")


def test_values_are_read_in_their_types(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "NITAMONO_HOME": str(tmp_path),
            "NITAMONO_CATALOGUE": "shop/{ds}.csv",
            "NITAMONO_CATALOGUE_MAX_IMAGES": "7",
            "NITAMONO_IMAGES_ALLOW_HTTP": "Yes",
            "NITAMONO_IMAGES_ALLOWED_HOSTS": "a.example, .b.example",
            "NITAMONO_INDEX_CANDIDATES": "20,40",
            "NITAMONO_QUALITY_MIN_INDEXED_SHARE": "0.5",
            "NITAMONO_VISION_EXTRACTOR": "models/shoe.onnx",
            "NITAMONO_VISION_WEIGHTS_FOLDER": "/weights",
            "NITAMONO_INGEST_MAX_SHARDS": "",
            "NITAMONO_SERVING_PORT": "not ours",
            "PATH": "/bin",
        }
    )
    assert settings.home == tmp_path
    assert settings.catalogue_location == str(Path.cwd() / "shop/{ds}.csv")
    assert settings.catalogue.max_images == 7
    assert settings.images.allow_http is True
    assert settings.images.allowed_hosts == ("a.example", ".b.example")
    assert settings.index.candidates == (20, 40)
    assert settings.quality.min_indexed_share == 0.5
    assert settings.vision.extractor == "models/shoe.onnx"
    assert settings.vision.weights_folder == "/weights"
    assert settings.ingest.max_shards == Settings().ingest.max_shards


def test_an_address_stays_an_address() -> None:
    settings = Settings.from_environment({"NITAMONO_CATALOGUE": "https://shop.example/c.csv"})
    assert settings.catalogue_location == "https://shop.example/c.csv"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NITAMONO_INGEST_MAX_SHARDS", "many", "write a whole number"),
        ("NITAMONO_QUALITY_MIN_INDEXED_SHARE", "99%", "write a number"),
        ("NITAMONO_IMAGES_ALLOW_HTTP", "maybe", "write true or false"),
        ("NITAMONO_INDEX_CANDIDATES", "20,x", "write a whole number"),
        ("NITAMONO_QUALITY_MIN_INDEXED_SHARE", "7", "between 0 and 1"),
        ("NITAMONO_INGEST_MAX_SHARDS", "0", "max_shards must be at least 1"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        Settings.from_environment({name: value})
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("NITAMONO_INGEST_ITEMS_PER_SHARDS", "did you mean NITAMONO_INGEST_ITEMS_PER_SHARD?"),
        ("NITAMONO_CATALOG", "did you mean NITAMONO_CATALOGUE?"),
        ("NITAMONO_VISION_DETECTR", "did you mean NITAMONO_VISION_DETECTOR?"),
        ("NITAMONO_WEATHER", "'nitamono settings' lists them all"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: "1"})
    assert hint in str(caught.value)


def test_every_setting_is_described_in_a_sentence() -> None:
    described = {name: (default, text) for name, default, text in Settings.describe()}
    count = 0
    for stage, kind in STAGES.items():
        for field in dataclasses.fields(kind):
            if "follows" in field.metadata:  # another setting, and is none itself
                continue
            count += 1
            default, text = described[f"NITAMONO_{stage}_{field.name}".upper()]
            assert default == field.default
            assert text.rstrip().endswith("."), field.name
    own = {"NITAMONO_HOME", "NITAMONO_CATALOGUE", "NITAMONO_BUNDLES"}
    assert own <= set(described)
    assert len(described) == len(own) + count


def test_the_models_know_how_large_the_photos_are() -> None:
    name = "NITAMONO_IMAGES_WORKING_LONG_SIDE_PX"
    settings = Settings.from_environment({name: "2048"})
    assert settings.vision.photo_long_side_px == 2048
    smaller = dataclasses.replace(settings, images=ImageSettings(working_long_side_px=512))
    assert smaller.vision.photo_long_side_px == 512
    assert Settings().vision == VisionSettings()
    with pytest.raises(SettingsError, match="there is no setting"):
        Settings.from_environment({"NITAMONO_VISION_PHOTO_LONG_SIDE_PX": "2048"})


def test_reading_settings_imports_nothing_heavy() -> None:
    heavy = ("torch", "ultralytics", "great_expectations", "deltalake", "ngtpy", "pandas", "PIL")
    code = (
        "import sys, feature_store.settings as s; s.Settings.from_environment({});"
        f"sys.exit(','.join(m for m in {heavy} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") or done.stderr == "\n"
