"""All settings of the pipeline, and the one place that reads them from the environment."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import os
import textwrap
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feature_store.catalogue.settings import CatalogueSettings
from feature_store.compare.settings import CompareSettings
from feature_store.errors import SettingsError
from feature_store.events.settings import EventsSettings
from feature_store.fresh.settings import FreshSettings
from feature_store.images.settings import ImageSettings
from feature_store.index.settings import IndexSettings
from feature_store.ingest.settings import IngestSettings
from feature_store.quality.settings import QualitySettings
from feature_store.tables.settings import TablesSettings
from feature_store.upgrade.settings import UpgradeSettings
from feature_store.upkeep.settings import UpkeepSettings
from feature_store.vision.settings import VisionSettings

PREFIX = "NITAMONO_"
SERVING = "NITAMONO_SERVING_"
"""Names that begin so belong to the lookup service, which reads them itself."""

STAGES: Mapping[str, type[Any]] = {
    "catalogue": CatalogueSettings,
    "images": ImageSettings,
    "vision": VisionSettings,
    "quality": QualitySettings,
    "tables": TablesSettings,
    "index": IndexSettings,
    "compare": CompareSettings,
    "fresh": FreshSettings,
    "events": EventsSettings,
    "ingest": IngestSettings,
    "upgrade": UpgradeSettings,
    "upkeep": UpkeepSettings,
}


@dataclass(frozen=True)
class Settings:
    """Where state lives, which catalogue is read, and one dataclass of settings for each stage."""

    home: Path = Path("var")
    """The folder that holds all state: feature store, thumbnails, staging, bundles."""

    catalogue_location: str = ""
    """The catalogue, a file or a folder of images; {ds} in it stands for the day, YYYY-MM-DD."""

    bundles_location: str = ""
    """Where bundles are published: a folder, or gs://bucket/prefix; empty: `bundles` under home."""

    catalogue: CatalogueSettings = field(default_factory=CatalogueSettings)
    images: ImageSettings = field(default_factory=ImageSettings)
    vision: VisionSettings = field(default_factory=VisionSettings)
    quality: QualitySettings = field(default_factory=QualitySettings)
    tables: TablesSettings = field(default_factory=TablesSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    compare: CompareSettings = field(default_factory=CompareSettings)
    fresh: FreshSettings = field(default_factory=FreshSettings)
    events: EventsSettings = field(default_factory=EventsSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    upgrade: UpgradeSettings = field(default_factory=UpgradeSettings)
    upkeep: UpkeepSettings = field(default_factory=UpkeepSettings)

    def __post_init__(self) -> None:
        """Tell the models how large the photos are: that moves what they say, so who they are."""
        side_px = self.images.working_long_side_px
        vision = dataclasses.replace(self.vision, photo_long_side_px=side_px)
        object.__setattr__(self, "vision", vision)

    @property
    def thumbnails(self) -> Path:
        """The folder of the small pictures of images that have no address of their own."""
        return self.home / "thumbnails"

    @property
    def staging(self) -> Path:
        """The folder of half-made partitions."""
        return self.home / "staging"

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""
        return self.bundles_location or str(self.home / "bundles")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read NITAMONO_HOME, _CATALOGUE, _BUNDLES and every NITAMONO_<STAGE>_<FIELD>.

        An empty variable counts as one that is not there.
        Raises SettingsError for a value that cannot be read or is out of range, and for a name
        that no setting has.
        """
        given = {name: value for name, value in environ.items() if value and _is_ours(name)}
        _refuse_unknown(given)
        home = Path(given.get("NITAMONO_HOME") or cls.home).expanduser().absolute()
        stages = {stage: _read_stage(stage, kind, given) for stage, kind in STAGES.items()}
        if "NITAMONO_VISION_WEIGHTS_FOLDER" not in given:
            folder = str(home / "weights")
            stages["vision"] = dataclasses.replace(stages["vision"], weights_folder=folder)
        return cls(
            home=home,
            catalogue_location=_absolute(given.get("NITAMONO_CATALOGUE", "")),
            bundles_location=_absolute(given.get("NITAMONO_BUNDLES", "")),
            **stages,
        )

    @classmethod
    def describe(cls) -> list[tuple[str, Any, str]]:
        """Return (variable, default, sentence) of every setting, in the order of the road."""
        own = _sentences(cls)
        listed: list[tuple[str, Any, str]] = [
            ("NITAMONO_HOME", "./var", own["home"]),
            ("NITAMONO_CATALOGUE", "", own["catalogue_location"]),
            ("NITAMONO_BUNDLES", "", own["bundles_location"]),
        ]
        for stage, kind in STAGES.items():
            sentences = _sentences(kind)
            listed += [
                (_variable(stage, entry.name), entry.default, sentences[entry.name])
                for entry in _fields(kind)
            ]
        return listed


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(SERVING)


def _fields(kind: type[Any]) -> list[dataclasses.Field[Any]]:
    """Return the fields that a person sets, without those that follow another one."""
    return [entry for entry in dataclasses.fields(kind) if "follows" not in entry.metadata]


def _variable(stage: str, name: str) -> str:
    return f"{PREFIX}{stage}_{name}".upper()


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = ["NITAMONO_HOME", "NITAMONO_CATALOGUE", "NITAMONO_BUNDLES"]
    for stage, kind in STAGES.items():
        known += [_variable(stage, entry.name) for entry in _fields(kind)]
    for name in sorted(set(given) - set(known)):
        near = _nearest(name, known)
        hint = f"did you mean {near}?" if near else "'nitamono settings' lists them all"
        raise SettingsError(f"there is no setting {name}; {hint}")


def _nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that `name` was probably meant to be."""
    tails = {full.removeprefix(PREFIX): full for full in known}  # what they share proves nothing
    near = difflib.get_close_matches(name.removeprefix(PREFIX), tails, n=1, cutoff=0.7)
    return tails[near[0]] if near else None


def _read_stage(stage: str, kind: type[Any], given: Mapping[str, str]) -> Any:
    hints = typing.get_type_hints(kind)
    values = {}
    for entry in _fields(kind):
        name = _variable(stage, entry.name)
        if name in given:
            values[entry.name] = _parse(name, given[name], hints[entry.name])
    try:
        return kind(**values)
    except SettingsError as error:
        names = ", ".join(_variable(stage, name) for name in values)
        raise SettingsError(f"{error} (set by {names})") from error


def _parse(name: str, text: str, kind: Any) -> Any:
    """Read `text` as the field's type; a tuple is a list with commas, an empty one is ()."""
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(_parse(name, part.strip(), inner) for part in text.split(",") if part.strip())
    readers: dict[Any, Callable[[str], Any]] = {
        int: int,
        float: float,
        str: str,
        bool: _parse_bool,
        Path: Path,
    }
    try:
        return readers[kind](text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}; write {_named(kind)}") from error


def _parse_bool(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _named(kind: Any) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "text")


def _absolute(location: str) -> str:
    """Make a path absolute, so that a task started elsewhere reads the same catalogue."""
    if not location or "://" in location:
        return location
    return str(Path(location).expanduser().absolute())


def _sentences(kind: type[Any]) -> dict[str, str]:
    """Return the string under each field of a settings class, on one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[statement.target.id] = " ".join(str(after.value.value).split())
    return found
