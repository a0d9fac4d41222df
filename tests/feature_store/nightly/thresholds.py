"""Settings of a shop that has a file of thresholds of its own."""

from __future__ import annotations

from dataclasses import replace

from feature_store.quality.settings import QualitySettings
from tests.feature_store.nightly.fake_shop import FakeSettings


def tuned(settings: FakeSettings, toml: str) -> FakeSettings:
    """Return the settings with a file of thresholds that says what differs."""
    path = settings.home / "gate.toml"
    path.write_text(toml)
    return replace(settings, quality=QualitySettings(index_gate=str(path)))
