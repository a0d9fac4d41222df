"""The last step of an upgrade, and the way back: which extractor answers."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from feature_store.errors import StoreError
from feature_store.models import Active, ModelRegistry
from feature_store.tables import Coverage, FeatureStore, open_store
from feature_store.upgrade.missing import live_by_day, missing_days
from feature_store.upgrade.plan import require_rows, target_of, upgrade_folder

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)


def coverage(settings: Settings, model: str | None = None) -> Coverage:
    """Return how much of the live items `model` (default: the settings' extractor) describes."""
    return open_store(settings).snapshot().coverage(target_of(settings, model).identity)


def figure(settings: Settings, model: str | None = None) -> str:
    """Say how much of the live items `model` (default: the settings' extractor) describes."""
    return _tell(target_of(settings, model).identity, coverage(settings, model))


def switch(settings: Settings, model: str | None = None, *, by_hand: bool) -> str:
    """Let `model` (default: the settings' extractor) answer; return the figure of its coverage.

    From the next index build on. The former extractor stays kept, so that `undo` goes back to it
    at once. Raises StoreError with the figure, and an item, while an image of a live item lacks a
    vector; and unless `by_hand`, for an extractor that a person has turned away from.
    """
    target = target_of(settings, model)
    registry = ModelRegistry(settings.home)
    state = registry.look(settings.vision.extractor)
    if not by_hand and target.model in state.declined:
        raise StoreError(
            f"a person has turned away from {target.model}; 'nitamono models switch "
            f"{target.model}' lets it answer again"
        )
    covered = _require_all(settings, target)
    told = _tell(target.identity, covered)
    # Recorded now, so that an undo finds it whatever the name means by then.
    before = state.active if state.active.identity else target_of(settings, state.active.model)
    if before != target:
        counted = (covered.described, covered.indexed)
        registry.switch(target, before, counted, by_hand=by_hand)
        log.info("%s, and answers from the next index on", told)
    return told


def undo(settings: Settings) -> str:
    """Let the extractor answer that did before the last switch; return the figure of its coverage.

    The undone one is not switched to again until a person does it. Raises StoreError if there was
    no switch, or if an image of a live item lacks a vector under the former one.
    """
    registry = ModelRegistry(settings.home)
    former = registry.former()
    covered = _require_all(settings, former)
    registry.undo((covered.described, covered.indexed), expected=former)
    return _tell(former.identity, covered)


def _require_all(settings: Settings, target: Active) -> Coverage:
    store = open_store(settings)
    snapshot, identity = store.snapshot(), target.identity
    require_rows(snapshot, settings, target)
    covered = snapshot.coverage(identity)
    if covered.described < covered.indexed:
        lacking = covered.indexed - covered.described
        verb = "is" if lacking == 1 else "are"
        raise StoreError(
            f"{_tell(identity, covered)}; {lacking:,} {verb} missing"
            f"{_example(store, settings, identity)}; "
            f"'nitamono models upgrade {target.model}' describes the rest"
        )
    return covered


def _example(store: FeatureStore, settings: Settings, identity: str) -> str:
    live = live_by_day(store.snapshot())
    for day in missing_days(store, live, identity, upgrade_folder(settings, identity)):
        return f", such as one of item {day.regions['item_id'][0].as_py()!r} of {day.ds}"
    return ""


def _tell(identity: str, covered: Coverage) -> str:
    """Say how much an extractor describes, so rounded that 100 % means all."""
    missing = covered.described < covered.indexed
    share = min(99.9, math.floor(1000 * covered.share) / 10) if missing else 100
    return f"{identity} describes {covered.described:,} of {covered.indexed:,} images ({share:g} %)"
