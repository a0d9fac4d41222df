"""The fresh tier of a bundle: what has been added, changed or deleted since it was built.

`<bundles>/_fresh/<bundle_id>/<tier_id>/` is one immutable tier; `CURRENT` beside it names the one
that is served, and is replaced atomically.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from feature_store.errors import BundleError

if TYPE_CHECKING:
    from feature_store.bundle.open import Bundle

FRESH = "_fresh"
"""The folder of all tiers, beside the bundles; no bundle can be called so."""
POINTER = "CURRENT"


@dataclass(frozen=True)
class TierPointer:
    """Which tier of a bundle is served."""

    tier_id: str
    at: str
    """When it was written: UTC, ISO 8601."""
    snapshot_version: int
    """The snapshot that the tier brings the bundle up to."""


class Tier:
    """An open tier; immutable, mapped from disk like a bundle."""


def tiers_folder(bundles: Path, bundle_id: str) -> Path:
    """Return the folder of a bundle's tiers."""
    return bundles / FRESH / bundle_id


def read_pointer(bundles: Path, bundle_id: str) -> TierPointer | None:
    """Return which tier of a bundle is served, None where there is none; BundleError if damaged."""
    return None


def open_tier(folder: Path, bundle: Bundle) -> Tier:
    """Open the tier in `folder` after checking every digest.

    Raises BundleError naming the file that is missing or damaged, or if it is of another bundle.
    """
    raise BundleError(f"{folder} is no tier")
