"""The training command, from nothing to weights that load, and on again."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from feature_store.vision.product_detector import load_product_detector
from feature_store.vision.training import __main__ as command
from feature_store.vision.training import artwork


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no artwork is installed."""
    nowhere = artwork.Source("some-artwork", "CC0", "cutout", ("/nowhere/*.png",))
    monkeypatch.setattr(artwork, "SOURCES", (nowhere,))


def _arguments(out: Path, epochs: int) -> list[str]:
    small = ["--scenes", "6", "--held-out", "4", "--image-size", "96", "--workers", "1"]
    return ["--out", str(out), *small, "--epochs", str(epochs), "--threads", "1"]


def test_it_trains_without_artwork_and_continues(bare_machine: None, tmp_path: Path) -> None:
    runner = CliRunner()
    first = runner.invoke(command.main, _arguments(tmp_path, 1))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout.splitlines()[-1])["scenes"] == 4
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["settings"]["scenes"] == 6
    assert set(metrics["held_out"]) >= {"map50", "map50_95", "best_box_rate"}
    assert load_product_detector(tmp_path / "product.safetensors").image_size == 96
    assert cv2.imread(str(tmp_path / "boxes.png")).shape == (96, 6 * 96, 3)
    chunk = next(tmp_path.glob("maps-96px-seed0-*/train-*"))
    before = chunk.stat().st_mtime_ns
    second = runner.invoke(command.main, _arguments(tmp_path, 2))
    assert second.exit_code == 0, second.output
    assert chunk.stat().st_mtime_ns == before


def test_missing_artwork_is_named(
    bare_machine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artwork.prepare_artwork(tmp_path, sources=artwork.SOURCES) == ["some-artwork"]
    result = CliRunner().invoke(command.main, _arguments(tmp_path, 1))
    assert "some-artwork" in result.stderr


def test_a_side_the_trunk_cannot_take_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(command.main, ["--out", str(tmp_path), "--image-size", "100"])
    assert result.exit_code == 2
    assert "multiple of 32" in result.output
