"""What a build starts from: its settings, the extractor it indexes, whether it must run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.format import FORMAT_VERSION, Part
from feature_store.bundle.opening import registry_of
from feature_store.compare.settings import CompareSettings
from feature_store.errors import BundleError, IndexBuildError, VisionError
from feature_store.fresh.settings import FreshSettings
from feature_store.index.settings import IndexSettings
from feature_store.models import ModelRegistry
from feature_store.quality.settings import QualitySettings
from feature_store.tables import FeatureStore, Snapshot, open_store
from feature_store.tables.settings import TablesSettings
from feature_store.vision.settings import VisionSettings

log = logging.getLogger(__name__)

_SHAPELESS = {"extractor", "threads", "keep_bundles", "memory_budget_mb"}
"""Settings that change neither the answers nor how they are measured, or are held otherwise."""

HASHED_ROWS = 65_536
"""Rows hashed at once."""

_REGION_COLUMNS = (
    *("item_id", "image_index", "image_id", "image_uri", "region_id", "kind", "confidence"),
    *("x0", "y0", "x1", "y1", "width_px", "height_px", "detector"),
)
"""All that a bundle takes from a region's row; its vector follows from them."""


@dataclass(frozen=True)
class Share:
    """An extractor, and how much its features count among those of all parts (0..1)."""

    extractor: str
    weight: float


class NightlySettings(Protocol):
    """The part of the settings that the nightly build reads."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""

    @property
    def fresh(self) -> FreshSettings:
        """How large the tier beside a bundle may be."""

    @property
    def index(self) -> IndexSettings:
        """How to build."""

    @property
    def quality(self) -> QualitySettings:
        """What is good enough to be published."""

    @property
    def compare(self) -> CompareSettings:
        """How much may change for shoppers unseen."""

    @property
    def tables(self) -> TablesSettings:
        """Which store holds the features."""

    @property
    def vision(self) -> VisionSettings:
        """Which extractor is wanted."""


def choose_parts(snapshot: Snapshot, settings: NightlySettings) -> tuple[Share, ...]:
    """Return the extractors to index with their weights: one alone, or those of the settings.

    IndexBuildError if the store holds no features of one of them.
    """
    shares = settings.index.shares()
    if not shares:
        return (Share(choose_extractor(snapshot, settings), 1.0),)
    parts = tuple(
        Share(_identity_of(name, snapshot, settings), weight) for name, weight in shares.items()
    )
    identities = [part.extractor for part in parts]
    if len(set(identities)) < len(identities):
        raise IndexBuildError(
            f"NITAMONO_INDEX_WEIGHTS names one extractor twice: {', '.join(identities)}"
        )
    return parts


def describe_parts(parts: Sequence[Share | Part]) -> str:
    """Return the identity of the only part, or all with their weights, for people."""
    if len(parts) == 1:
        return parts[0].extractor
    return " + ".join(f"{part.extractor}*{part.weight:.4g}" for part in parts)


def _identity_of(name: str, snapshot: Snapshot, settings: NightlySettings) -> str:
    """Return the identity in the store that a name, or an identity, means."""
    extractors = snapshot.extractors()
    if name in extractors:
        return name
    called = [identity for identity in extractors if identity.startswith(f"{name}@")]
    if len(called) > 1:
        now = _identity_by_settings(name, settings)
        called = [now] if now in called else called
    if len(called) == 1:
        return called[0]
    listed = ", ".join(called or extractors) or "none at all"
    raise IndexBuildError(
        f"NITAMONO_INDEX_WEIGHTS names {name!r}, which is {'not one' if called else 'none'} of the "
        f"extractors whose features the store holds: {listed}"
    )


def _identity_by_settings(name: str, settings: NightlySettings) -> str:
    from feature_store.vision.identity import extractor_identity

    try:
        return extractor_identity(settings.vision, name)
    except VisionError:  # a model that is no longer known may still have features
        return ""


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


def features_hash(snapshot: Snapshot, extractors: Sequence[str]) -> str:
    """Hash all that a bundle takes from a snapshot: the rows of its items, and of its regions.

    64 hex digits. No vector is read: image, box and extractor say which one it is. So a million
    regions take seconds, and features of other extractors, as of an upgrade under way, count for
    nothing.
    """
    digest = hashlib.sha256(b"nitamono features 1")
    items = snapshot.items()
    _add(digest, items, ("item_id", "row_digest"))
    for extractor in extractors:
        digest.update(extractor.encode())
        _add(digest, snapshot.regions(extractor), _REGION_COLUMNS)
    return digest.hexdigest()


def _add(digest: Any, rows: pa.Table, columns: Sequence[str]) -> None:
    """Add columns of a table, each value with its length or of a fixed size."""
    for name in columns:
        column = rows[name]
        digest.update(f"{name} {len(column)}\n".encode())
        for start in range(0, len(column), HASHED_ROWS):
            part = column.slice(start, HASHED_ROWS)
            whole = pa.concat_arrays([pa.array([], part.type), *part.chunks])
            if pa.types.is_string(whole.type):
                text = whole.cast(pa.large_binary())
                digest.update(pc.binary_length(text).to_numpy(zero_copy_only=False).tobytes())
                digest.update(b"".join(text.to_pylist()))
            else:
                digest.update(whole.to_numpy(zero_copy_only=False).tobytes())


def needs_build(settings: NightlySettings, store: FeatureStore | None = None) -> bool:
    """Whether the live bundle is missing, or of other rows, extractors or parameters.

    A bundle of release 0.1.0 does not say of which rows it is: then any change of the snapshot is
    a reason.
    """
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
    parts = choose_parts(snapshot, settings)
    held = [(part.extractor, round(part.weight, 6)) for part in manifest.parts]
    if held != [(part.extractor, round(part.weight, 6)) for part in parts]:
        return True
    if manifest.parameters_digest != parameters_digest(settings.index):
        return True
    if manifest.snapshot_content_hash == snapshot.content_hash:
        return False
    return manifest.features_hash != features_hash(snapshot, [part.extractor for part in parts])
