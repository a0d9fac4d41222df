"""What shoppers did over many days: by bundle, and by position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.events.shares import Share, design_effect
from feature_store.events.summary import COUNTS, Summaries
from feature_store.schemas import CLICK, CONVERSION, EVENT_TYPES, VIEW

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """What happened to the hits at one position (from 1)."""

    position: int
    clicks: Share
    conversions: Share


@dataclass(frozen=True)
class Shown:
    """What happened to the answers of one bundle: of how many a hit was clicked, or bought."""

    bundle: str
    days: tuple[str, ...]
    clicks: Share
    conversions: Share
    places: tuple[Place, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "bundle": self.bundle,
            "days": list(self.days),
            "answers": self.clicks.of,
            "clicked": self.clicks.to_dict(),
            "converted": self.conversions.to_dict(),
            "positions": _plain(self.places),
        }


@dataclass(frozen=True)
class Overview:
    """All that was counted on some days; bundles in the order of their first day."""

    days: tuple[str, ...]
    bundles: tuple[Shown, ...] = ()
    places: tuple[Place, ...] = ()
    """The positions, whatever the bundle."""
    aside: Mapping[str, int] = field(default_factory=dict)
    """How many events do not count, by reason."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "days": list(self.days),
            "bundles": [shown.to_dict() for shown in self.bundles],
            "positions": _plain(self.places),
            "aside": dict(self.aside),
        }


def read_overview(summaries: Summaries, days: Sequence[str]) -> Overview:
    """Add up the counts of some days."""
    aside: Counter[str] = Counter()
    shown_on: dict[str, list[str]] = {}
    tables = [COUNTS.empty_table()]
    for ds in days:
        summary = summaries.read(ds)
        aside.update(summary.aside)
        tables.append(summary.counts)
        seen = summary.counts.filter(pc.greater(summary.counts[VIEW], 0))
        for bundle in pc.unique(seen["bundle"]).to_pylist():
            shown_on.setdefault(bundle, []).append(ds)
    counts = _added(pa.concat_tables(tables))
    bundles = tuple(
        _shown(bundle, tuple(on), counts.filter(pc.equal(counts["bundle"], bundle)))
        for bundle, on in sorted(shown_on.items(), key=lambda entry: (entry[1][0], entry[0]))
    )
    return Overview(tuple(days), bundles, _places(counts), dict(aside))


def _added(counts: pa.Table) -> pa.Table:
    by = ["bundle", "position", "item_id"]
    added = counts.group_by(by).aggregate([(name, "sum") for name in EVENT_TYPES])
    return added.rename_columns([name.removesuffix("_sum") for name in added.column_names])


def _shown(bundle: str, days: tuple[str, ...], counts: pa.Table) -> Shown:
    answers = counts.filter(pc.is_null(counts["position"]))
    # Photos have nothing in common but that they are photos: they are no cluster.
    of_items = answers.filter(pc.is_valid(answers["item_id"]))
    trials = _column(of_items, VIEW)
    clicks, conversions = (
        Share(
            int(_column(answers, name).sum()),
            int(_column(answers, VIEW).sum()),
            design_effect(_column(of_items, name), trials),
        )
        for name in (CLICK, CONVERSION)
    )
    return Shown(bundle, days, clicks, conversions, _places(counts))


def _places(counts: pa.Table) -> tuple[Place, ...]:
    placed = counts.filter(pc.is_valid(counts["position"])).group_by("position")
    added = placed.aggregate([(name, "sum") for name in EVENT_TYPES]).sort_by("position")
    return tuple(
        Place(
            row["position"],
            Share(row[f"{CLICK}_sum"], row[f"{VIEW}_sum"]),
            Share(row[f"{CONVERSION}_sum"], row[f"{VIEW}_sum"]),
        )
        for row in added.to_pylist()
    )


def _column(table: pa.Table, name: str) -> Ints:
    return np.asarray(table[name].to_numpy(), np.int64)


def _plain(places: Sequence[Place]) -> list[dict[str, Any]]:
    return [
        {
            "position": place.position,
            "clicked": place.clicks.to_dict(),
            "converted": place.conversions.to_dict(),
        }
        for place in places
    ]
