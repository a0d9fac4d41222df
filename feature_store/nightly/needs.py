"""What a build starts from: its settings, the extractor it indexes, whether it must run."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from feature_store.bundle.format import FORMAT_VERSION
from feature_store.bundle.opening import Registry, open_registry
from feature_store.errors import BundleError, IndexBuildError
from feature_store.index.settings import IndexSettings
from feature_store.models import ModelRegistry
from feature_store.quality.settings import QualitySettings
from feature_store.tables import FeatureStore, Snapshot, open_store
from feature_store.tables.settings import TablesSettings
from feature_store.vision.settings import VisionSettings

log = logging.getLogger(__name__)

_SHAPELESS = {"extractor", "threads", "keep_bundles"}
"""Settings that change neither the answers nor how they are measured."""


class NightlySettings(Protocol):
    """The part of the settings that the nightly build reads."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""

    @property
    def index(self) -> IndexSettings:
        """How to build."""

    @property
    def quality(self) -> QualitySettings:
        """What is good enough to be published."""

    @property
    def tables(self) -> TablesSettings:
        """Which store holds the features."""

    @property
    def vision(self) -> VisionSettings:
        """Which extractor is wanted."""


def registry_of(settings: NightlySettings) -> Registry:
    """Return the registry of bundles of the settings; those for a bucket are built under home."""
    return open_registry(settings.bundles, settings.home / "bundles")


def choose_extractor(snapshot: Snapshot, settings: NightlySettings) -> str:
    """Return the identity of the extractor to index: the one of the settings, or the active one.

    An index never mixes two. Where the store holds features of one alone, it is that one.
    IndexBuildError if the store holds no features, or none of the extractor that is asked for.
    """
    extractors = snapshot.extractors()
    listed = ", ".join(extractors)
    if settings.index.extractor:
        if settings.index.extractor in extractors:
            return settings.index.extractor
        raise IndexBuildError(
            f"the store holds no features of {settings.index.extractor!r}, but: "
            f"{listed or 'none at all'}"
        )
    if not extractors:
        raise IndexBuildError(
            "the store holds no features yet; ingest a catalogue with an image first"
        )
    if len(extractors) == 1:
        return extractors[0]
    model, identity = active_extractor(settings)
    if identity not in extractors:
        raise IndexBuildError(
            f"{identity} answers, but the store holds features of others: {listed}; "
            f"'nitamono models upgrade {model}' describes it all under {identity}"
        )
    return identity


def active_extractor(settings: NightlySettings) -> tuple[str, str]:
    """Return the name and the identity of the extractor that answers.

    The identity is the one of the last switch; before any, what the name means by the settings.
    """
    active = ModelRegistry(settings.home).look(settings.vision.extractor).active
    if not active.identity:
        from feature_store.vision.identity import extractor_identity

        return active.model, extractor_identity(settings.vision, active.model)
    return active.model, active.identity


def parameters_digest(settings: IndexSettings) -> str:
    """Digest of all that shapes a bundle besides its snapshot and its extractor."""
    shaping = {name: value for name, value in asdict(settings).items() if name not in _SHAPELESS}
    text = json.dumps({"format": FORMAT_VERSION, **shaping}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def needs_build(settings: NightlySettings, store: FeatureStore | None = None) -> bool:
    """Whether the live bundle is missing, or of another snapshot, extractor or parameters."""
    registry = registry_of(settings)
    live = registry.current()
    if live is None:
        return True
    try:
        manifest = registry.manifest(live)
    except BundleError as error:
        log.warning("the live bundle cannot be read, building anew: %s", error)
        return True
    snapshot = (store or open_store(settings)).snapshot()
    return (
        manifest.snapshot_content_hash != snapshot.content_hash
        or manifest.parameters_digest != parameters_digest(settings.index)
        or manifest.extractor != choose_extractor(snapshot, settings)
    )
