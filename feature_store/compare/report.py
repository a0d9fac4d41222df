"""Compare two bundles and write what was found for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from feature_store.compare.comparison import Comparison
from feature_store.compare.settings import CompareSettings


class ReportSettings(Protocol):
    """The part of the settings that a comparison reads."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""

    @property
    def compare(self) -> CompareSettings:
        """What is compared, and how much may change unseen."""


def compare_bundles(settings: ReportSettings, before: str, after: str) -> Comparison:
    """Compare two bundles and write <home>/reports/<after>/compare.html and compare.json.

    Raises BundleError if one of them cannot be read.
    """
    raise NotImplementedError


def compare_with_live(settings: ReportSettings, bundle_id: str) -> Comparison | None:
    """Compare a bundle with the live one and write the report; None where nothing is live yet."""
    return None
