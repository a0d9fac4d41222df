"""The models that a bundle carries so that photos can be asked with: `models/` and its list."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from feature_store.errors import BundleError
from feature_store.photo.detect import Network, Sieve

FOLDER, LIST = "models", "models.json"
"""The folder inside a bundle, and the file in it that says what its other files are."""

FORMAT_VERSION = 1


@dataclass(frozen=True)
class CarriedDetector:
    """The detector: its file, and what the file does not say."""

    file: str
    """Its path inside the folder of models, as all of these are."""
    network: Network


@dataclass(frozen=True)
class CarriedExtractor:
    """One of the extractors whose vectors are joined."""

    file: str
    """What it reads pixels by lies beside it, in `<file>.json`."""
    identity: str
    dim: int
    crop_px: int
    """Side of a crop, for a model that neither fixes nor tells its own."""


@dataclass(frozen=True)
class CarriedModels:
    """All that turns a photo into the vectors that the bundle is searched with."""

    long_side_px: int
    """The long side to which the pipeline reduces larger photos before a model sees them."""
    detector: CarriedDetector | None
    """None: a photo is one region, itself."""
    extractors: tuple[CarriedExtractor, ...]
    """In the order in which their vectors are joined."""

    @property
    def dim(self) -> int:
        """Length of a region's vector: the sum of the extractors'."""
        return sum(extractor.dim for extractor in self.extractors)

    def to_json(self) -> str:
        """Return the text of `models.json`."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=2) + "\n"


def carries_models(bundle: Path) -> bool:
    """Whether the bundle in this folder can be asked with photos."""
    return (bundle / FOLDER / LIST).is_file()


def read_models(bundle: Path) -> CarriedModels:
    """Read what the bundle in this folder carries; BundleError if it is not what it should be."""
    path = bundle / FOLDER / LIST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format_version"] != FORMAT_VERSION:
            raise ValueError(f"its format version is {raw['format_version']!r}")
        return CarriedModels(
            long_side_px=int(raw["long_side_px"]),
            detector=None if raw["detector"] is None else _detector(**raw["detector"]),
            extractors=tuple(_extractor(**each) for each in raw["extractors"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} is missing or damaged ({error}); build the bundle again") from (
            error
        )


def read_network(raw: dict[str, Any]) -> Network:
    """Read a network out of plain values; TypeError and KeyError if it is not what it should be."""
    values = {**raw, "sieve": Sieve(**raw["sieve"]), "labels": tuple(raw["labels"])}
    return Network(**values)


def _detector(file: str, network: dict[str, Any]) -> CarriedDetector:
    return CarriedDetector(_inside(file), read_network(network))


def _extractor(file: str, **values: Any) -> CarriedExtractor:
    return CarriedExtractor(file=_inside(file), **values)


def _inside(file: str) -> str:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file!r} is not inside the folder")
    return file
