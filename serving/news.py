"""What the mirroring process tells the supervisor, line by line."""

from __future__ import annotations

import json
from typing import NamedTuple

REFUSED, CANARY_REFUSED, TIER_REFUSED = "refused", "canary_refused", "tier_refused"
"""What can be refused, as `/readyz` names it: a bundle, a canary, a fresh tier."""


class Trouble(NamedTuple):
    """The bundle that it is about, if that is known, and why it cannot be had."""

    bundle_id: str | None
    reason: str


class News(NamedTuple):
    """What a look at the bucket came to; where nothing is in trouble, the folder is as it says."""

    bundle_id: str | None
    troubles: dict[str, Trouble]
    """By what is refused."""

    @classmethod
    def of_bundle(cls, bundle_id: str | None, reason: str) -> News:
        """Return the news that the live bundle cannot be had."""
        return cls(bundle_id, {REFUSED: Trouble(bundle_id, reason)})

    def line(self) -> bytes:
        """Return the news as they are written."""
        return json.dumps(self).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> News:
        """Read them again."""
        bundle_id, troubles = json.loads(line)
        return cls(bundle_id, {kind: Trouble(*told) for kind, told in troubles.items()})
