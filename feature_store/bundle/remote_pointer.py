"""The CURRENT of a bucket: what it says, and how it is changed with nobody's change being lost."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from feature_store.bundle.pointers import (
    Canary,
    Pin,
    is_canary,
    parse_canary,
    pin_of,
    refuse_pinned,
)
from feature_store.bundle.records import CURRENT, history
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Address, Bucket

log = logging.getLogger(__name__)

FLIPS_KEPT = 500
"""How many entries it remembers."""

_MAX_BYTES = 2**20
_ATTEMPTS = 5


@dataclass(frozen=True)
class Pointer:
    """What the CURRENT of a bucket says, and its generation: 0 when there is none."""

    bundle_id: str | None
    flips: tuple[dict[str, Any], ...]
    generation: int
    pinned_at: str | None = None
    """Since when the live bundle is pinned; None when it is not."""
    canary: Canary | None = None

    @property
    def past(self) -> list[str]:
        """The live bundle, the one before it, and so on."""
        return history(self.flips, self.bundle_id)

    @property
    def pin(self) -> Pin | None:
        """The live bundle if it is pinned."""
        return pin_of(self.bundle_id, self.pinned_at)

    def with_live(self, bundle_id: str) -> Pointer:
        """Return it with another live bundle, which is a canary no more if it was one."""
        canary = None if is_canary(self.canary, bundle_id) else self.canary
        return replace(self, bundle_id=bundle_id, canary=canary)

    def with_entry(self, entry: Mapping[str, Any]) -> Pointer:
        """Return it with one more thing that happened."""
        return replace(self, flips=(*self.flips, dict(entry))[-FLIPS_KEPT:])

    def to_json(self) -> str:
        """Return the text of CURRENT."""
        said: dict[str, Any] = {"bundle_id": self.bundle_id, "flips": [*self.flips]}
        if self.pinned_at is not None:
            said["pinned_at"] = self.pinned_at
        if self.canary is not None:
            said["canary"] = self.canary.told()
        return json.dumps(said, indent=1) + "\n"


NOTHING = Pointer(None, (), 0)
"""The pointer where nothing has been published."""


def parse_pointer(data: bytes, generation: int) -> Pointer:
    """Read the CURRENT of a bucket; text that is no JSON is taken for the name of a bundle."""
    text = data.decode(errors="backslashreplace").strip()
    try:
        said = json.loads(text)
        flips = tuple(entry for entry in said["flips"] if isinstance(entry, dict))
        live = said["bundle_id"]
        pinned_at = said.get("pinned_at")
        canary = said.get("canary")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Pointer(text or None, (), generation)
    return Pointer(
        None if live is None else str(live),
        flips,
        generation,
        None if pinned_at is None else str(pinned_at),
        _canary_if_sound(canary),
    )


class RemotePointer:
    """The object CURRENT of one place; what is changed in it is changed all at once."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._name = prefix + CURRENT
        self._place = str(Address(bucket.name, prefix)).rstrip("/")

    def read(self) -> Pointer:
        """Return what it says; text that is no JSON is taken for the name of a bundle."""
        try:
            data, generation = self._bucket.read(self._name, _MAX_BYTES)
        except StorageError as error:
            if error.reason != "missing":
                raise
            return NOTHING
        return parse_pointer(data, generation)

    def write(self, said: Pointer) -> None:
        """Write it over the generation that was read; StorageError `changed` if it is another."""
        self._bucket.write(self._name, said.to_json().encode(), if_generation=said.generation)

    def change(
        self, before: Pointer, change: Callable[[Pointer], Pointer], entry: Mapping[str, Any]
    ) -> None:
        """Write CURRENT as `change` makes it out of what it says now; that may refuse to."""
        # The mark tells our own write, whose answer was lost, from another's.
        entry = {**entry, "mark": uuid.uuid4().hex}
        for _ in range(_ATTEMPTS):
            try:
                self.write(change(before).with_entry(entry))
            except StorageError as error:
                if error.reason != "changed":
                    raise
                before = self.read()
                if entry in before.flips:
                    return
                continue
            return
        raise BundleError(
            f"{Address(self._bucket.name, self._name)} is changed all the time; try again"
        )

    def refuse_conflict(self, before: Pointer, said: Pointer, bundle_id: str) -> None:
        """Refuse to flip if another flipped, pinned, or took the bundle away since `before`."""
        since = _since(before, said)
        if said.bundle_id != before.bundle_id or any("bundle_id" in entry for entry in since):
            raise BundleError(
                f"somebody published {said.bundle_id} in {self._place} meanwhile, and it is "
                f"live; to replace it, publish {bundle_id} again: all of it is there"
            )
        if before.pin is None:
            refuse_pinned(said.pin, bundle_id)
        self.refuse_removed(before, said, bundle_id)

    def refuse_removed(self, before: Pointer, said: Pointer, bundle_id: str) -> None:
        """Refuse a bundle that another took away since `before`."""
        if any(bundle_id in entry.get("removed", ()) for entry in _since(before, said)):
            raise BundleError(f"{self._place}/{bundle_id} was removed meanwhile")


def _since(before: Pointer, said: Pointer) -> list[dict[str, Any]]:
    return [entry for entry in said.flips if entry not in before.flips]


def _canary_if_sound(said: Any) -> Canary | None:
    if said is None:
        return None
    try:
        return parse_canary(said, "CURRENT")
    except BundleError as error:
        log.warning("%s", error)
        return None
