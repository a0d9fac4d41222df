"""`nitamono serve`: what it says when it cannot serve, and its settings."""

from __future__ import annotations

import socket
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from feature_store.bundle import BundleRegistry
from feature_store.errors import SettingsError
from serving.command import serve
from serving.settings import ServingSettings
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import build_shop


def refused(home: Path, *arguments: str, port: int = 0, **settings: object) -> str:
    """Start a service that must not come up; return what it said."""
    service = ServiceProcess(home, *arguments, port=port, **settings)
    assert service.wait() == 1
    said = service.said()
    assert said.startswith("Error: "), said
    assert "Traceback" not in said
    return said


def test_an_empty_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    said = refused(tmp_path)
    assert str(tmp_path / "bundles") in said
    assert "nitamono index" in said


def test_a_damaged_bundle_is_not_served(tmp_path: Path) -> None:
    folder = build_shop(tmp_path)
    with (folder / "items.arrow").open("ab") as file:
        file.write(b"more")
    said = refused(tmp_path)
    assert "items.arrow is damaged" in said


def test_a_bundle_without_a_passed_gate_is_not_served(tmp_path: Path) -> None:
    folder = build_shop(tmp_path)
    (folder / "gate.json").unlink()
    assert "gate.json" in refused(tmp_path)


def test_a_bundle_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "CURRENT").write_text("lost\n")
    assert "lost" in refused(tmp_path)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    build_shop(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(tmp_path, port=port)
    assert str(port) in said
    assert "--port" in said


def test_help_lists_every_variable_with_its_default() -> None:
    shown = CliRunner().invoke(serve, ["--help"], terminal_width=60).output.split()
    for line in ("POLL_SECONDS=1.0", "CORS_ORIGINS=*", "DEMO=true", "MIRROR=~/.cache/nitamono"):
        assert f"NITAMONO_SERVING_{line}" in shown


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": "many"}, "NITAMONO_SERVING_WORKERS"),
        ({"demo": "perhaps"}, "NITAMONO_SERVING_DEMO"),
        ({"drain_seconds": "nan"}, "NITAMONO_SERVING_DRAIN_SECONDS"),
        ({"cors_origins": "shop.example"}, "shop.example"),
        ({"worker": 2}, "NITAMONO_SERVING_WORKER"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], named: str) -> None:
    environment = {f"NITAMONO_SERVING_{name.upper()}": str(v) for name, v in settings.items()}
    with pytest.raises(SettingsError, match=named):
        ServingSettings.from_environment(environment)


def test_settings_come_from_the_environment() -> None:
    settings = ServingSettings.from_environment(
        {
            "NITAMONO_HOME": "/shop",
            "PORT": "81",
            "NITAMONO_SERVING_WORKERS": "3",
            "NITAMONO_SERVING_CORS_ORIGINS": "https://a.example, https://b.example",
            "NITAMONO_SERVING_DEMO": "no",
        }
    )
    assert settings.bundles == "/shop/bundles"
    assert settings.thumbnails == Path("/shop/thumbnails")
    assert (settings.port, settings.workers, settings.demo) == (81, 3, False)
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.changed(port=82, host=None).port == 82


def test_every_setting_can_be_set_in_the_environment() -> None:
    for each in fields(ServingSettings):
        variable = f"NITAMONO_SERVING_{each.name.upper()}"
        with pytest.raises(SettingsError, match="there are") as refusal:
            ServingSettings.from_environment({"NITAMONO_SERVING_NONSENSE": "1"})
        assert variable in str(refusal.value)


def test_other_folders_can_be_named(tmp_path: Path) -> None:
    build_shop(tmp_path / "elsewhere")
    folders = [f"--{name}={tmp_path / 'elsewhere' / name}" for name in ("bundles", "thumbnails")]
    with ServiceProcess(tmp_path, *folders) as service:
        assert service.port
    assert BundleRegistry(tmp_path / "bundles").current() is None
