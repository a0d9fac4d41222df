"""What a worker looks at every few seconds: the canary's share, and the fresh tier of each bundle.

Both are taken up without another process and without a pause; a tier that is bad is refused, and
the one before it stays.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.tier import TierPointer
from feature_store.bundle.tiers import TierShelf
from feature_store.errors import BundleError
from serving.counters import Counters
from serving.log import event
from serving.served import Chosen, Served, TierRefusal

_LOG = logging.getLogger(__name__)

_RETRY_SECONDS = 30.0
"""How long a refused tier is left alone before it is looked at again."""


class Watch:
    """Keeps what one process serves as the files beside CURRENT say."""

    def __init__(self, folder: Path, served: Served, counters: Counters) -> None:
        """Take the folder of bundles."""
        self._registry = BundleRegistry(folder)
        self._shelf = TierShelf(folder)
        self._served = served
        self._counters = counters

    def look(self) -> None:
        """Look once, and take up what has changed."""
        self._served.share = self._share()
        for chosen in self._served.each():
            self._follow_tier(chosen)

    def _share(self) -> float:
        """The share of the canary that is loaded: none while another is named, or none."""
        loaded = self._served.canary
        try:
            named = self._registry.canary_pointer() if loaded is not None else None
        except (BundleError, OSError):  # the supervisor says so
            return 0.0
        if loaded is None or named is None or named.bundle_id != loaded.bundle_id:
            return 0.0
        return named.share

    def _follow_tier(self, chosen: Chosen) -> None:
        role, answers = chosen
        try:
            pointer = self._shelf.pointer(answers.bundle_id)
        except (BundleError, OSError) as error:
            self._refuse(role, None, str(error))
            return
        if pointer is None:
            self._served.refusals.pop(role, None)
            if answers.tier is not None:
                self._served.take(role, answers.with_tier(None))
        elif answers.tier is not None and answers.pointer == pointer:
            self._served.refusals.pop(role, None)
        elif answers.tier is not None and answers.tier.tier_id == pointer.tier_id:
            self._served.refusals.pop(role, None)
            self._served.take(role, answers.confirmed(pointer))
        elif not self._is_refused(role, pointer):
            self._take_up(chosen, pointer)

    def _take_up(self, chosen: Chosen, pointer: TierPointer) -> None:
        role, answers = chosen
        begun = time.monotonic()
        try:
            taken = answers.with_tier(self._shelf.open(answers.bundle), pointer)
        except Exception as error:  # noqa: BLE001 - no tier, however broken, ends a worker
            if not isinstance(error, BundleError | OSError):
                _LOG.exception("tier %s of %s", pointer.tier_id, answers.bundle_id)
            self._refuse(role, pointer, str(error) or repr(error))
            return
        self._served.take(role, taken)
        self._served.refusals.pop(role, None)
        self._counters.event("tier_swaps")
        seconds = time.monotonic() - begun
        named = (pointer.tier_id, answers.bundle_id)
        fields = event("tier_served", tier=named[0], bundle=named[1], seconds=round(seconds, 3))
        _LOG.info("tier %s of %s: %.2f s", *named, seconds, extra=fields)

    def _is_refused(self, role: str, pointer: TierPointer) -> bool:
        refused = self._served.refusals.get(role)
        if refused is None or time.monotonic() >= refused.retry_at:
            return False
        return (refused.tier_id, refused.at) == (pointer.tier_id, pointer.at)

    def _refuse(self, role: str, pointer: TierPointer | None, reason: str) -> None:
        tier_id, at = (pointer.tier_id, pointer.at) if pointer else (None, "")
        told = self._served.refusals.get(role)
        until = time.monotonic() + _RETRY_SECONDS
        self._served.refusals[role] = TierRefusal(tier_id, at, reason[:2000], until)
        if told is None or (told.tier_id, told.reason) != (tier_id, reason[:2000]):
            fields = event("tier_refused", tier=tier_id, role=role, reason=reason)
            _LOG.error("refused, the tier before it stays: %s", reason, extra=fields)
            self._counters.event("tier_refusals")
