"""What is said beside the live bundle's name: that it is pinned, and which bundle is its canary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from feature_store.bundle.records import checked_id, now
from feature_store.errors import BundleError

PIN, CANARY = "PIN", "CANARY"
"""The files beside CURRENT in a folder; in a bucket both are said in CURRENT itself."""


@dataclass(frozen=True)
class Pin:
    """The live bundle, which only a person replaces until it is unpinned."""

    bundle_id: str
    at: str
    """Since when: UTC, ISO 8601; empty where it is not known."""


@dataclass(frozen=True)
class Canary:
    """A bundle that is asked beside the live one, by a share of all questions."""

    bundle_id: str
    share: float
    """Above 0, below 1."""
    at: str = ""
    """Since when: UTC, ISO 8601."""

    def told(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"bundle_id": self.bundle_id, "share": self.share, "at": self.at}


def pin_of(live: str | None, pinned_at: str | None) -> Pin | None:
    """Return the pin of a live bundle, if there is one and it is pinned."""
    return None if live is None or pinned_at is None else Pin(live, pinned_at)


def read_pinned_at(text: str) -> str:
    """Read the file PIN: that it is there is what counts, whatever is in it."""
    try:
        return str(json.loads(text)["at"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def parse_canary(said: Any, where: str) -> Canary:
    """Read what is said of a canary at `where`; BundleError if it cannot be one."""
    try:
        return Canary(
            checked_id(str(said["bundle_id"])),
            checked_share(said["share"]),
            str(said.get("at", "")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{where} names no canary ({error!r}); set it again, or off") from error
    except BundleError as error:
        raise BundleError(f"{where} names no canary: {error}; set it again, or off") from error


def is_canary(canary: Canary | None, bundle_id: str) -> bool:
    """Whether a bundle is the canary."""
    return canary is not None and canary.bundle_id == bundle_id


def new_canary(bundle_id: str, share: float, live: str | None) -> Canary:
    """Return a canary that begins now; BundleError for one that cannot stand beside `live`."""
    if live is None:
        raise BundleError("nothing is live that a canary could stand beside; publish a bundle")
    if bundle_id == live:
        raise BundleError(f"{bundle_id} is live: it has all questions already")
    return Canary(bundle_id, checked_share(share), now())


def checked_share(share: Any) -> float:
    """Return a canary's share; BundleError for one that is not above 0 and below 1."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise BundleError(f"a canary's share is above 0 and below 1, not {share!r}")
    return float(share)


def refuse_pinned(pin: Pin | None, bundle_id: str) -> None:
    """Raise BundleError if there is a pin, other than on this bundle."""
    if pin is not None and pin.bundle_id != bundle_id:
        raise BundleError(
            f"{pin.bundle_id} is pinned, so that {bundle_id} is not made live; "
            "'nitamono unpin' lets builds publish again"
        )
