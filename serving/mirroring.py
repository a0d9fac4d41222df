"""What the mirroring process does: live bundle, canary and fresh tiers, then what points at them.

Each arrives whole before it is named, and what cannot be brought leaves what was there before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from feature_store.bundle.pointers import Canary
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.bundle.tier import TierPointer
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.tiers_remote import RemoteTiers
from feature_store.errors import BundleError, NitamonoError, StorageError
from feature_store.storage import Timing
from serving.log import event
from serving.news import CANARY_REFUSED, REFUSED, TIER_REFUSED, News, Trouble
from serving.settings import ServingSettings

_LOG = logging.getLogger(__name__)

_TIMING = Timing(connect_seconds=5, read_seconds=20, retry_seconds=10)
_RETRY_SECONDS = 30.0
"""How long what could not be brought is left alone."""

_KEPT_BUNDLES = 1
"""Bundles kept besides the live one, its predecessor, the canary, and those that are open."""

_KEPT_TIERS = 1
"""Tiers of each bundle that are kept besides the served one and those that are open."""


@dataclass(frozen=True)
class _Failed:
    """What could not be brought; `wanted` tells one naming of it from the next."""

    wanted: object
    trouble: Trouble
    retry_at: float


class Mirroring:
    """Brings what a bucket names into a folder, again and again."""

    def __init__(self, settings: ServingSettings, said: int, supervisor: int) -> None:
        """Take the descriptor on which news are written, and the process to live as long as."""
        self._settings = settings
        self._said = said
        self._supervisor = supervisor
        self._remote = RemoteRegistry(settings.bundles, settings.folder, _TIMING)
        self._remote_tiers = RemoteTiers(settings.bundles, _TIMING)
        self._local = BundleRegistry(settings.folder)
        self._local_tiers = TierShelf(settings.folder)
        self._mirrored: set[str] = set()
        """The bundles that are known to be in the folder, whole."""
        self._tiers: dict[str, TierPointer] = {}
        """By bundle, the tier that is known to be in the folder, whole."""
        self._failed: dict[str, _Failed] = {}

    def keep(self) -> int:
        """Look at the bucket again and again, as long as the supervisor lives."""
        told: News | None = None
        while os.getppid() == self._supervisor:
            news = self._look()
            if news != told:
                with contextlib.suppress(BrokenPipeError):
                    os.write(self._said, news.line())
                told = news
            time.sleep(self._settings.poll_seconds)
        return 0

    def _look(self) -> News:
        try:
            pointer = self._remote.pointer()
        except (StorageError, BundleError) as error:
            return News.of_bundle(None, f"CURRENT cannot be read: {error}")
        if pointer.bundle_id is None:
            where = self._remote.location
            reason = f"nothing has been published in {where}; publish a bundle first"
            return News.of_bundle(None, reason)
        troubles = {
            REFUSED: self._follow_bundle(pointer.bundle_id, pointer.generation),
            CANARY_REFUSED: self._follow_canary(pointer.canary, pointer.generation),
            TIER_REFUSED: self._follow_tiers(),
        }
        return News(pointer.bundle_id, {kind: said for kind, said in troubles.items() if said})

    def _follow_bundle(self, bundle_id: str, generation: int) -> Trouble | None:
        def bring() -> None:
            self._bring(bundle_id)
            if self._local.current() != bundle_id:
                self._local.point_at(bundle_id)
                self._prune()

        return self._try(f"bundle {bundle_id}", bundle_id, generation, bring)

    def _follow_canary(self, canary: Canary | None, generation: int) -> Trouble | None:
        """Name the bucket's canary once it is there; one that is no longer named goes at once."""
        named = self._named_canary()
        if named is not None and (canary is None or named.bundle_id != canary.bundle_id):
            with contextlib.suppress(OSError):
                self._local.no_canary()
        if canary is None:
            return None

        def bring() -> None:
            self._bring(canary.bundle_id)
            if self._named_canary() != canary:
                self._local.point_canary_at(canary)

        return self._try(f"canary {canary.bundle_id}", canary.bundle_id, generation, bring)

    def _named_canary(self) -> Canary | None:
        try:
            return self._local.canary_pointer()
        except BundleError:
            return None

    def _follow_tiers(self) -> Trouble | None:
        """Bring the tiers of the bundles that are served; return what is in the way of one."""
        canary = self._named_canary()
        served = (self._local.current(), canary.bundle_id if canary else None)
        troubles = [self._follow_tier(bundle_id) for bundle_id in served if bundle_id]
        return next((trouble for trouble in troubles if trouble), None)

    def _follow_tier(self, bundle_id: str) -> Trouble | None:
        try:
            pointer = self._remote_tiers.pointer(bundle_id)
        except (BundleError, StorageError) as error:
            return Trouble(bundle_id, str(error))
        if pointer is None:
            return None

        def bring() -> None:
            if pointer != self._tiers.get(bundle_id):
                folder = self._settings.folder
                self._remote_tiers.receive(bundle_id, pointer.tier_id, folder)
                self._local_tiers.point_at(bundle_id, pointer)
                self._tiers[bundle_id] = pointer
                self._prune_tiers()

        return self._try(f"the fresh tier of {bundle_id}", bundle_id, pointer, bring)

    def _try(
        self, what: str, bundle_id: str, wanted: object, bring: Callable[[], None]
    ) -> Trouble | None:
        """Bring something, unless that failed lately; return what is in the way."""
        failed = self._failed.get(what)
        same = failed is not None and failed.wanted == wanted
        if failed is not None and same and time.monotonic() < failed.retry_at:
            return failed.trouble
        try:
            bring()
        except (NitamonoError, OSError) as error:
            trouble = Trouble(bundle_id, f"{what} cannot be taken over: {error}")
            self._failed[what] = _Failed(wanted, trouble, time.monotonic() + _RETRY_SECONDS)
            return trouble
        self._failed.pop(what, None)
        return None

    def _bring(self, bundle_id: str) -> None:
        """See to it that a bundle is in the folder, whole, and its tier with it if that can be."""
        if bundle_id in self._mirrored:
            return
        begun = time.monotonic()
        self._remote.receive(bundle_id, self._settings.folder)
        self._mirrored.add(bundle_id)
        seconds = time.monotonic() - begun
        fields = event("bundle_mirrored", bundle=bundle_id, seconds=round(seconds, 3))
        _LOG.info("mirrored %s in %.1f s", bundle_id, seconds, extra=fields)
        self._follow_tier(bundle_id)

    def _prune(self) -> None:
        try:
            self._mirrored -= {*self._local.prune(_KEPT_BUNDLES)}
        except (NitamonoError, OSError):
            _LOG.exception("old bundles in %s cannot be removed", self._settings.folder)

    def _prune_tiers(self) -> None:
        try:
            with self._local_tiers.lock():
                bundles = {row.bundle_id for row in self._local.list()}
                self._local_tiers.prune(_KEPT_TIERS, bundles)
        except (NitamonoError, OSError):
            _LOG.exception("old tiers in %s cannot be removed", self._settings.folder)
