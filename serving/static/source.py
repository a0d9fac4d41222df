"""Which bundle is exported, with the fresh tier that is served beside it."""

from __future__ import annotations

from feature_store.bundle.open import Bundle
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.bundle.tier import Tier, TierPointer
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.tiers_remote import RemoteTiers
from feature_store.errors import NoBundleError
from serving.answers import Answers
from serving.settings import ServingSettings


def open_answers(settings: ServingSettings, bundle_id: str | None) -> Answers:
    """Return what a service would answer from: a proven bundle, by default the live one.

    Bundles of a bucket are brought to the service's mirror. Raises BundleError, StorageError.
    """
    opened = _opened_remote if settings.is_remote else _opened
    bundle, tier, pointer = opened(settings, bundle_id)
    return Answers(bundle, shelf=False, popularity=settings.popularity).with_tier(tier, pointer)


def _opened(
    settings: ServingSettings, bundle_id: str | None
) -> tuple[Bundle, Tier | None, TierPointer | None]:
    bundle = BundleRegistry(settings.folder).open(bundle_id)
    shelf = TierShelf(settings.folder)
    return bundle, shelf.open(bundle), shelf.pointer(bundle.bundle_id)


def _opened_remote(
    settings: ServingSettings, bundle_id: str | None
) -> tuple[Bundle, Tier | None, TierPointer | None]:
    remote = RemoteRegistry(settings.bundles, settings.folder)
    bundle_id = bundle_id or remote.current()
    if bundle_id is None:
        raise NoBundleError(f"nothing has been published in {settings.bundles} yet")
    remote.receive(bundle_id, settings.folder)
    tiers = RemoteTiers(settings.bundles)
    if (pointer := tiers.pointer(bundle_id)) is not None:
        tiers.receive(bundle_id, pointer.tier_id, settings.folder)
        TierShelf(settings.folder).point_at(bundle_id, pointer)
    return _opened(settings, bundle_id)
