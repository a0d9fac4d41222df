"""From the bytes of a photo to its regions and their vectors, with the models of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from feature_store.errors import ImageError, VisionError
from feature_store.photo.decode import decode
from feature_store.photo.detect import Detector, WholeImageDetector
from feature_store.photo.extract import Extractor
from feature_store.photo.limits import PhotoLimits
from feature_store.photo.models import FOLDER, CarriedExtractor, read_models
from feature_store.photo.onnx_detector import OnnxDetector
from feature_store.photo.onnx_extractor import OnnxExtractor
from feature_store.photo.onnx_session import OnnxSettings
from feature_store.photo.regions import Region, describe, find_regions

FORMATS = ("JPEG", "PNG", "WEBP")
"""What browsers and telephones send."""


@dataclass(frozen=True, eq=False)
class ReadPhoto:
    """What is known of a photo: its size, its regions, and a vector of each."""

    width_px: int
    """Upright, before anything was reduced."""
    height_px: int
    regions: tuple[Region, ...]
    """The most prominent product first, the whole photo last."""
    vectors: npt.NDArray[np.float32]
    """float32 (regions, dim), as the bundle's own were extracted and joined."""


class PhotoReader:
    """Reads photos one by one with one thread; it loads its models at once."""

    def __init__(self, bundle: Path, limits: PhotoLimits | None = None) -> None:
        """Load the models that the bundle in this folder carries.

        BundleError if they are not what they should be, VisionError if one cannot be loaded.
        """
        models = read_models(bundle)
        limits = limits or PhotoLimits()
        self._folder = bundle / FOLDER
        self._limits = PhotoLimits(models.long_side_px, limits.min_side_px, limits.max_pixels)
        self._detector: Detector = WholeImageDetector()
        if models.detector is not None:
            onnx = OnnxSettings(self._folder / models.detector.file)
            self._detector = OnnxDetector(onnx, models.detector.network)
        self._extractors = [self._load(each) for each in models.extractors]
        self.dim = models.dim
        """Length of a vector."""

    def read(self, data: bytes) -> ReadPhoto:
        """Find and describe the products of a photo, a JPEG, PNG or WebP.

        ImageError if it is none, an animation, damaged, too small or too large.
        """
        photo = decode(data, self._limits, formats=FORMATS, still=True)
        (regions,) = find_regions([photo.pixels], self._detector)
        regions = sorted(regions, key=prominence, reverse=True)
        parts = [describe([photo.pixels], [regions], each)[0] for each in self._extractors]
        vectors = np.concatenate(parts, axis=1)
        usable = np.asarray(np.isfinite(vectors).all(axis=1))
        if not usable.any():
            raise ImageError("not_extracted", "nothing of it can be described")
        kept = tuple(region for region, use in zip(regions, usable, strict=True) if use)
        return ReadPhoto(photo.width_px, photo.height_px, kept, vectors[usable])

    def _load(self, carried: CarriedExtractor) -> Extractor:
        settings = OnnxSettings(self._folder / carried.file, crop_px=carried.crop_px)
        extractor = OnnxExtractor(settings)
        if extractor.dim != carried.dim:
            raise VisionError(
                f"{carried.identity} describes crops by {extractor.dim} numbers, its bundle by "
                f"{carried.dim}"
            )
        return extractor


def prominence(region: Region) -> float:
    """Return how prominent a region is, as bundles weigh it: confidence · √area; whole photos 0."""
    if region.kind != "product":
        return 0.0
    box = region.box
    area = max(0.0, (box.x1 - box.x0) * (box.y1 - box.y0))
    return float(region.confidence * area**0.5 + 1e-6)
