"""The README tells the truth: its commands, targets, DAGs, settings and pictures exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from feature_store.cli import main
from feature_store.settings import Settings
from serving.openapi import openapi_document

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= targets


def test_every_public_target_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "check", "setup", "lock", "clean", "train-detector"):
        assert re.search(rf"^{target}:.*## \w", makefile, re.MULTILINE), target


def test_every_command_named_exists() -> None:
    for words in set(re.findall(r"`nitamono ([a-z]+(?: check)?)", README)):
        command: click.Command = main
        for word in words.split():
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"nitamono {words}"
            command = found


def test_every_command_is_named_and_has_help() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.help, f"nitamono {name} has no help"
        assert f"`nitamono {name}" in README, f"nitamono {name} is not in the README"


def test_every_dag_named_exists() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        assert f"`{path.stem}`" in README


def test_every_setting_named_exists() -> None:
    known = {name for name, _, _ in Settings.describe()}
    named = set(re.findall(r"\bNITAMONO_[A-Z_]+\b", README))
    assert "NITAMONO_HOME" in named
    assert {name for name in named if not name.startswith("NITAMONO_SERVING_")} <= known


def test_every_link_into_the_repository_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("room", ["dags", "operators", "feature_store", "serving", "docker"])
def test_every_room_is_described(room: str) -> None:
    assert f"`{room}/`" in README


def test_the_tag_names_a_widget_that_is_served() -> None:
    served = json.loads((ROOT / "tests" / "serving" / "widget_versions.json").read_text())
    (version,) = set(re.findall(r"/widget/([^/]+)/similar-items\.js", README))
    assert version in served


def test_every_endpoint_named_is_described_by_the_service() -> None:
    described = openapi_document()["paths"]
    for path in re.findall(r"`GET (/[^`]+)`", README):
        assert path in described, path
