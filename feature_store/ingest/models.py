"""The models that a shard is described by: one detector, and every extractor in use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from feature_store.errors import VisionError
from feature_store.models import ModelRegistry

if TYPE_CHECKING:
    from feature_store.photo.detect import Detector
    from feature_store.photo.extract import Extractor
    from feature_store.settings import Settings


@dataclass(frozen=True)
class Models:
    """The detector, the active extractor, and the extractors that are kept beside it."""

    detector: Detector
    extractor: Extractor
    kept: tuple[Extractor, ...] = ()

    @classmethod
    def load(cls, settings: Settings, extractors: Sequence[str] = ()) -> Models:
        """Name the models in use, which load when they are first used; VisionError for no model.

        With `extractors` those, the active one first, whichever are in use by now. A name in the
        settings that is no model is not remembered: mended, it does no harm.
        """
        from feature_store.vision.models import load_detector, load_extractor

        vision, registry = settings.vision, ModelRegistry(settings.home)
        first, *others = extractors or registry.look(vision.extractor).in_use.all
        active = load_extractor(vision, first)
        kept = [_load_kept(name, settings) for name in others]
        registry.in_use(vision.extractor)
        # Two names may be of one and the same model.
        distinct = {one.identity: one for one in kept if one.identity != active.identity}
        return cls(load_detector(vision), active, tuple(distinct.values()))

    @property
    def extractors(self) -> tuple[Extractor, ...]:
        """The active extractor, then the kept ones."""
        return (self.extractor, *self.kept)

    def key(self, settings: Settings) -> str:
        """Name everything besides the items that a shard's rows depend on: 16 hex digits."""
        identities = [self.detector.identity, *(one.identity for one in self.extractors)]
        return _digest([identities, limits_of(settings)])


def _load_kept(name: str, settings: Settings) -> Extractor:
    from feature_store.vision.models import load_extractor

    try:
        return load_extractor(settings.vision, name)
    except VisionError as error:
        if name == settings.vision.extractor:  # misspelt, perhaps, and not kept yet
            raise
        raise VisionError(
            f"{error}; it is kept beside the one that answers: put it back, or let go of it by "
            f"'nitamono models retire {name}', and run the day again"
        ) from error


def limits_of(settings: Settings) -> str:
    """Name the settings that decide how an image is read: 16 hex digits."""
    return _digest(asdict(settings.images))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
