"""For all tests: the emulators' fixtures, and the same examples each time on other machines."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = ["tests.emulators.gcs", "tests.emulators.bigquery"]

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
