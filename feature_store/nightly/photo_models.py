"""The models that a bundle carries, so that the service can be asked with a photo."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_store.bundle.format import Part
from feature_store.errors import SettingsError, StoreError, VisionError
from feature_store.models import ModelRegistry
from feature_store.nightly.needs import NightlySettings
from feature_store.photo.models import (
    FOLDER,
    LIST,
    CarriedDetector,
    CarriedExtractor,
    CarriedModels,
    read_network,
)
from feature_store.vision.settings import VisionSettings

log = logging.getLogger(__name__)

CACHE = "onnx"
"""The folder under home of what was exported."""


def carry_models(bundle: Path, parts: Sequence[Part], settings: NightlySettings) -> dict[str, Any]:
    """Put detector and extractors into a bundle in the making, as ONNX.

    Returns what the manifest says of it: whether it `carried` them, and if not, the `reason`; then
    it is a bundle as good as any, but for photos.
    """
    if not settings.index.photo_models:
        return {"carried": False, "reason": "NITAMONO_INDEX_PHOTO_MODELS is off"}
    folder = bundle / FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # of a step that was killed
    try:
        # First of all, because an export takes its time.
        visions = [_settings_of(part.extractor, settings) for part in parts]
        folder.mkdir()
        models = CarriedModels(
            long_side_px=settings.vision.photo_long_side_px,
            detector=_detector(folder, settings),
            extractors=tuple(
                _extractor(folder / f"extractor-{number}", part, vision, settings.home)
                for number, (part, vision) in enumerate(zip(parts, visions, strict=True))
            ),
        )
        (folder / LIST).write_text(models.to_json(), encoding="utf-8")
    except (VisionError, SettingsError, StoreError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        log.warning("the bundle cannot be asked with photos: %s", error)
        return {"carried": False, "reason": str(error)}
    return {"carried": True, "reason": ""}


def _detector(folder: Path, settings: NightlySettings) -> CarriedDetector | None:
    if settings.vision.detector == "none":
        return None
    from feature_store.vision.export import MODEL, NETWORK, exported_detector

    found = exported_detector(settings.vision, settings.home / CACHE)
    (folder / "detector").mkdir()
    shutil.copyfile(found / MODEL, folder / "detector" / MODEL)
    network = read_network(json.loads((found / NETWORK).read_text(encoding="utf-8")))
    return CarriedDetector(f"detector/{MODEL}", network)


def _extractor(place: Path, part: Part, vision: VisionSettings, home: Path) -> CarriedExtractor:
    place.mkdir()
    if vision.extractor.endswith(".onnx"):
        model = _copy_onnx(Path(vision.extractor), place)
    else:
        from feature_store.vision.export import MODEL, exported_extractor

        model = MODEL
        shutil.copytree(exported_extractor(vision, home / CACHE), place, dirs_exist_ok=True)
    return CarriedExtractor(f"{place.name}/{model}", part.extractor, part.dim, vision.crop_px)


def _copy_onnx(model: Path, place: Path) -> str:
    """Copy a model in ONNX with all that lies beside it for its sake; return its name."""
    from feature_store.photo.onnx_extractor import external_files

    beside = model.with_name(f"{model.name}.json")
    names = [model.name, *external_files(model.read_bytes())]
    for name in [*names, beside.name] if beside.is_file() else names:
        if Path(name).name != name:
            raise VisionError(f"{str(model)!r} keeps weights in {name!r}: it must lie beside it")
        shutil.copyfile(model.with_name(name), place / name)
    return model.name


def _settings_of(identity: str, settings: NightlySettings) -> VisionSettings:
    """Return the vision settings under which an extractor has this identity; VisionError if none.

    It is the one of the settings, one that the home has in use, or a packaged one.
    """
    from feature_store.vision.identity import extractor_identity

    for name in _names(settings):
        try:
            if extractor_identity(settings.vision, name) == identity:
                return replace(settings.vision, extractor=name)
        except VisionError:
            continue  # its file is gone, say: then it is none that could be carried
    raise VisionError(
        f"the model of {identity} is not at hand: no extractor in use has this identity by now"
    )


def _names(settings: NightlySettings) -> Iterator[str]:
    from feature_store.vision.packaged import SIZES

    yield settings.vision.extractor
    yield from ModelRegistry(settings.home).look(settings.vision.extractor).in_use.all
    yield from SIZES
