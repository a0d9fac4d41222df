"""The thresholds of the index gate: one TOML file of the package, and a shop's own over it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from feature_store.errors import SettingsError

Threshold = float | None
"""A number, or None: measured and shown, but not judged."""

THRESHOLDS = (
    "min_recall_at_10",
    "min_self_retrieval",
    "min_identity",
    "min_vectors_right",
    "min_neighbour_lists",
    "min_coverage",
    "max_shrinkage",
    "max_alike_share",
    "max_far_share",
    "max_score_shift",
    "max_hub_share",
    "max_hub_skewness",
    "min_precision_at_10",
    "min_precision_over_chance",
    "max_precision_drop",
)
"""Every threshold: `min_` or `max_` and the name of what is measured."""

UNBOUNDED = ("max_hub_skewness",)
"""Thresholds that may exceed 1."""

MOST = 1_000_000_000
"""The largest count."""

BRAND, NEWNESS, TAIL = "brand", "newness", "tail"
BUILT_IN = (BRAND, NEWNESS, TAIL)
"""The dimensions that are there besides the attributes."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Sampling:
    """How many regions are asked for."""

    queries: int
    """Of all."""
    slice_queries: int
    """Of each slice."""
    most_queries: int
    """Altogether."""
    min_queries: int
    """A slice with fewer is judged together with others."""


@dataclass(frozen=True)
class Grouping:
    """How items are grouped into slices."""

    attributes: tuple[str, ...]
    """Columns or catalogue attributes with one slice for each value."""
    most_values: int
    """The commonest values of an attribute that are slices of their own."""
    brand_sizes: tuple[int, ...]
    """Items of a brand with which each bucket begins, ascending."""
    tail_share: float
    """The share of the items (0..1) that the rare categories, or brands, hold at most."""


@dataclass(frozen=True)
class IndexGate:
    """What the index gate asks for; see `index_gate.toml` for the meaning of each value."""

    confidence: float
    label: str
    allow_shrinking_from: str
    sampling: Sampling
    grouping: Grouping
    overall: Mapping[str, Threshold]
    slices: Mapping[str, Threshold]
    """For every slice that nothing else is said of."""
    dimensions: Mapping[str, Mapping[str, Threshold]] = field(default_factory=dict)
    """Dimension → threshold → number, where it differs."""
    single: Mapping[tuple[str, str], Mapping[str, Threshold]] = field(default_factory=dict)
    """(dimension, value) → threshold → number, where it differs."""

    def of_slice(self, dimension: str, value: str, threshold: str) -> Threshold:
        """Return what holds for one slice: its own word, its dimension's, or that of all."""
        for said in (self.single.get((dimension, value)), self.dimensions.get(dimension)):
            if said is not None and threshold in said:
                return said[threshold]
        return self.slices[threshold]


def read_index_gate(path: str | Path = "") -> IndexGate:
    """Read the package's thresholds and those of the file at `path`, which says what differs.

    Raises SettingsError, naming the file and the key, for a file that cannot be read, a key that
    is none, and a value of another kind or out of range.
    """
    packaged = files("feature_store.quality").joinpath("index_gate.toml").read_text("utf-8")
    said, own = tomllib.loads(packaged), {}
    where = "index_gate.toml"
    if path:
        where = str(path)
        try:
            own = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"the thresholds of the index gate: {error}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SettingsError(f"{where} is no TOML: {error}") from error
        _refuse_unknown(own, said, where)
        said = _over(said, own)
    said_of = own.get("slices", {})
    return _Reader(where, frozenset(said_of if isinstance(said_of, dict) else ())).read(said)


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with what `own` says, table by table."""
    merged = dict(base)
    for key, value in own.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = _over(known, value)
        else:
            merged[key] = value
    return merged


def _refuse_unknown(own: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """Raise SettingsError for a key that the package's file does not have, outside the slices."""
    for key, value in own.items():
        if key not in known:
            raise SettingsError(f"{where}: {_no_key(key, known)}")
        if isinstance(known[key], dict) and key != "slices":
            if not isinstance(value, dict):
                raise SettingsError(f"{where}: {key} must be a table, [{key}]")
            for inner in value:
                if inner not in known[key]:
                    raise SettingsError(f"{where}: {_no_key(f'{key}.{inner}', known[key])}")


def _no_key(name: str, known: Iterable[str]) -> str:
    last = name.rsplit(".", 1)[-1]
    near = difflib.get_close_matches(last, list(known), n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    return f"there is no {name}; {hint}"


@dataclass(frozen=True)
class _Reader:
    """Turns the tables of a file into settings; every complaint names the file and the key."""

    where: str
    own_dimensions: frozenset[str]
    """What the shop's own file speaks of in [slices]."""

    def read(self, said: Mapping[str, Any]) -> IndexGate:
        grouping = self._grouping(said["grouping"])
        dimensions: dict[str, dict[str, Threshold]] = {}
        single: dict[tuple[str, str], dict[str, Threshold]] = {}
        slices = self._table(said["slices"], "slices")
        for name, table in _tables(slices):
            if name not in (*grouping.attributes, *BUILT_IN):
                if name not in self.own_dimensions:
                    continue  # the package's word on an attribute that this shop leaves out
                known = (*THRESHOLDS, *grouping.attributes, *BUILT_IN)
                raise self._wrong(_no_key(f"slices.{name}", known))
            dimensions[name] = self._thresholds(table, f"slices.{name}")
            for value, inner in _tables(table):
                single[name, value] = self._thresholds(inner, f"slices.{name}.{_quoted(value)}")
                for deeper, _ in _tables(inner):
                    raise self._wrong(f"there is no slices.{name}.{_quoted(value)}.{deeper}")
        overall = self._table(said["overall"], "overall")
        for name, _ in _tables(overall):
            raise self._wrong(_no_key(f"overall.{name}", THRESHOLDS))
        return IndexGate(
            confidence=self._number(said["confidence"], "confidence", 0.5, 0.9999),
            label=self._text(said["label"], "label"),
            allow_shrinking_from=self._text(said["allow_shrinking_from"], "allow_shrinking_from"),
            sampling=self._sampling(said["sampling"]),
            grouping=grouping,
            overall=self._thresholds(overall, "overall"),
            slices=self._thresholds(slices, "slices"),
            dimensions=dimensions,
            single=single,
        )

    def _thresholds(self, table: Mapping[str, Any], key: str) -> dict[str, Threshold]:
        read: dict[str, Threshold] = {}
        for name, value in table.items():
            if isinstance(value, dict):
                continue
            if name not in THRESHOLDS:
                raise self._wrong(_no_key(f"{key}.{name}", THRESHOLDS))
            highest = 1e6 if name in UNBOUNDED else 1.0
            off = value is False
            read[name] = None if off else self._number(value, f"{key}.{name}", 0.0, highest)
        return read

    def _sampling(self, table: Mapping[str, Any]) -> Sampling:
        counts = {
            entry.name: self._count(table[entry.name], f"sampling.{entry.name}")
            for entry in fields(Sampling)
        }
        return Sampling(**counts)

    def _grouping(self, table: Mapping[str, Any]) -> Grouping:
        attributes, sizes = table["attributes"], table["brand_sizes"]
        if not isinstance(attributes, list) or not all(isinstance(a, str) for a in attributes):
            raise self._wrong("grouping.attributes must be a list of names")
        for name in set(attributes) & {*BUILT_IN, *THRESHOLDS, ""}:
            raise self._wrong(f"grouping.attributes must not hold {name!r}")
        if not isinstance(sizes, list) or not sizes:
            raise self._wrong("grouping.brand_sizes must be a list of whole numbers")
        bounds = tuple(self._count(size, "grouping.brand_sizes") for size in sizes)
        if bounds != tuple(sorted({1, *bounds})):
            raise self._wrong("grouping.brand_sizes must ascend from 1")
        return Grouping(
            attributes=tuple(dict.fromkeys(attributes)),
            most_values=self._count(table["most_values"], "grouping.most_values"),
            brand_sizes=bounds,
            tail_share=self._number(table["tail_share"], "grouping.tail_share", 0.0, 1.0),
        )

    def _number(self, value: Any, key: str, low: float, high: float) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise self._wrong(f"{key} is {value!r}; it must be a number from {low:g} to {high:g}")
        return float(value)

    def _count(self, value: Any, key: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
            raise self._wrong(f"{key} is {value!r}; it must be a whole number from 1 to {MOST:,}")
        return value

    def _text(self, value: Any, key: str) -> str:
        if not isinstance(value, str):
            raise self._wrong(f"{key} is {value!r}; it must be a text in quotes")
        return value

    def _table(self, value: Any, key: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(f"{key} must be a table, [{key}]")
        return value

    def _wrong(self, what: str) -> SettingsError:
        return SettingsError(f"{self.where}: {what}")


def _tables(table: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, value) for name, value in table.items() if isinstance(value, dict)]


def _quoted(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else f'"{name}"'
