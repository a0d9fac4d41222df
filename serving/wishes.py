"""What CURRENT and CANARY name, and what of it cannot be served, which everybody is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from feature_store.bundle.pointers import CANARY
from feature_store.bundle.records import CURRENT
from feature_store.bundle.registry import BundleRegistry
from feature_store.errors import BundleError, NitamonoError
from serving.board import Board
from serving.counters import Counters
from serving.log import event
from serving.news import CANARY_REFUSED, REFUSED, TIER_REFUSED, Trouble

_LOG = logging.getLogger(__name__)

_COUNTED = {
    REFUSED: "bundle_refusals",
    CANARY_REFUSED: "canary_refusals",
    TIER_REFUSED: "tier_refusals",
}
_EVENTS = {
    REFUSED: "bundle_refused",
    CANARY_REFUSED: "canary_refused",
    TIER_REFUSED: "tier_refused",
}
_RETRY_SECONDS = 30.0
"""How long something refused is left alone before it is looked at again."""

_REASON_LETTERS = 800
"""The longest reason that is told; three of them fit on the board however they are written."""


@dataclass(frozen=True)
class Refusal:
    """What cannot be served; `mark` tells one publication of it from the next."""

    bundle_id: str | None
    mark: int
    reason: str
    retry_at: float


class Wishes:
    """What should be served, as the supervisor sees it."""

    def __init__(self, folder: Path, board: Board, counters: Counters) -> None:
        """Take the folder of bundles, and where refusals are told and counted."""
        self._folder = folder
        self._registry = BundleRegistry(folder)
        self._board = board
        self._counters = counters
        self.served: str | None = None
        """The bundle that is served, once one is."""
        self._refusals: dict[str, Refusal] = {}
        self._troubles: Mapping[str, Trouble] = {}

    def hear(self, troubles: Mapping[str, Trouble]) -> None:
        """Take the mirror's word for what it could not bring: such wishes are refused for now."""
        self._troubles = troubles
        if not self._is_in_trouble(TIER_REFUSED):
            self.forgive(TIER_REFUSED)

    def refused(self, kind: str) -> Refusal | None:
        """Return what of this kind is refused at present."""
        return self._refusals.get(kind)

    def first(self) -> str | None:
        """Return the bundle to begin with, None if none is named; BundleError if that is unclear.

        A bundle that the mirror named but could not bring is a BundleError too, unless there is an
        older one.
        """
        try:
            current = self._registry.current()
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"{self._folder / CURRENT} cannot be read: {error}") from error
        if current is None and REFUSED in self._troubles:
            raise BundleError(self._troubles[REFUSED].reason)
        return current

    def bundle(self, live: str) -> str:
        """Return the bundle that should be served: `live` itself unless another can be tried."""
        if self._is_in_trouble(REFUSED):
            return live
        try:
            current, mark = self._registry.current(), self._mark(CURRENT)
        except (OSError, UnicodeDecodeError, NitamonoError) as error:
            self.refuse(REFUSED, None, f"CURRENT cannot be read: {error}")
            return live
        if current is None:
            where = self._folder / CURRENT
            self.refuse(REFUSED, None, f"{where} is gone or empty; restore it, or publish a bundle")
            return live
        if current == live:
            self.forgive(REFUSED)
            return live
        return live if self._was_refused(REFUSED, current, mark) else current

    def canary(self, live: str, loaded: str | None) -> str | None:
        """Return the canary that should be loaded beside `live`.

        It is the one that is `loaded` while another is named that cannot be tried: that one is
        asked nothing, because it is not the one that is named.
        """
        if self._is_in_trouble(CANARY_REFUSED):
            return loaded
        try:
            named, mark = self._registry.canary_pointer(), self._mark(CANARY)
        except (OSError, NitamonoError) as error:
            self.refuse(CANARY_REFUSED, None, str(error))
            return loaded
        if named is None or named.bundle_id in (live, loaded):
            self.forgive(CANARY_REFUSED)
            return loaded if named is not None and named.bundle_id == loaded else None
        refused = self._was_refused(CANARY_REFUSED, named.bundle_id, mark)
        return loaded if refused else named.bundle_id

    def refuse(self, kind: str, bundle_id: str | None, reason: str) -> None:
        """Remember and tell that something is refused; told once, it is not counted again."""
        told, mark = self._refusals.get(kind), self._mark(CANARY if kind != REFUSED else CURRENT)
        reason = reason[:_REASON_LETTERS]
        until = time.monotonic() + _RETRY_SECONDS
        self._refusals[kind] = Refusal(bundle_id, mark, reason, until)
        if told is not None and (told.bundle_id, told.reason) == (bundle_id, reason):
            return
        if self.served is not None:  # otherwise it is how the service ends
            fields = event(_EVENTS[kind], bundle=bundle_id, reason=reason)
            _LOG.error("refused, bundle %s stays: %s", self.served, reason, extra=fields)
        self._counters.event(_COUNTED[kind])
        self._tell()

    def forgive(self, kind: str) -> None:
        """Forget that something was refused."""
        if self._refusals.pop(kind, None) is not None:
            self._tell()

    def _is_in_trouble(self, kind: str) -> bool:
        trouble = self._troubles.get(kind)
        if trouble is not None:
            self.refuse(kind, trouble.bundle_id, trouble.reason)
        return trouble is not None

    def _was_refused(self, kind: str, bundle_id: str, mark: int) -> bool:
        refused = self._refusals.get(kind)
        if refused is None or time.monotonic() >= refused.retry_at:
            return False
        return (refused.bundle_id, refused.mark) == (bundle_id, mark)

    def _mark(self, name: str) -> int:
        try:
            return (self._folder / name).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _tell(self) -> None:
        self._board.tell(
            {
                kind: {"bundle": refusal.bundle_id, "reason": refusal.reason}
                for kind, refusal in self._refusals.items()
            }
        )
