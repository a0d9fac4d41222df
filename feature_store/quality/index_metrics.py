"""What the index gate measures: each figure's name, how it is judged, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from feature_store.quality.index_gate import BRAND, NEWNESS, TAIL

MIN, MAX = "min", "max"


@dataclass(frozen=True)
class Metric:
    """One figure.

    `finding` says what it is, after its value: "0.71 … of the ten true nearest were found".
    """

    key: str
    """Its name in the measurements; with `side` before it, that of its threshold."""
    title: str
    """The name of its check."""
    side: str
    """`min`: it must not be below its threshold; `max`: not above."""
    finding: str
    remedy: str
    by_estimate: bool = False
    """Overall it is judged by the estimate; otherwise, and in slices, by the interval."""
    needed: bool = False
    """Without it there is no verdict: overall it must have been measured."""

    @property
    def threshold(self) -> str:
        """The name of its threshold."""
        return f"{self.side}_{self.key}"


_EXTRACTOR = (
    "Look at report/neighbours.jpg in the bundle and at what changed: an extractor that is half "
    "trained, or another preprocessing, does this. 'nitamono models' shows which one answers."
)
_BUILD_AGAIN = "Build the index again; if it happens again, keep the bundle and report it."

METRICS = (
    Metric(
        "recall_at_10",
        "recall at 10",
        MIN,
        "of the ten true nearest neighbours were found",
        "Raise the index's epsilons, edges or candidates, or lower min_recall_at_10 in the file "
        "that NITAMONO_QUALITY_INDEX_GATE names if that is good enough.",
        by_estimate=True,
        needed=True,
    ),
    Metric(
        "self_retrieval",
        "self retrieval",
        MIN,
        "of the vectors were found when asked for themselves",
        "The vectors and their numbers are out of step, or the search is too shallow: build the "
        "index again with a larger epsilon.",
        by_estimate=True,
        needed=True,
    ),
    Metric(
        "identity",
        "identity",
        MIN,
        "of the regions were answered with their own names when asked for with their vectors",
        "Ids and vectors are out of step: answers would name the wrong items. Build the index "
        "again from the current snapshot.",
        by_estimate=True,
        needed=True,
    ),
    Metric(
        "vectors_right",
        "vectors right",
        MIN,
        "of the stored vectors are those of the store",
        "The bundle holds other vectors than the store has for these regions. " + _BUILD_AGAIN,
        needed=True,
    ),
    Metric(
        "neighbour_lists",
        "neighbour lists",
        MIN,
        "of the ten listed items are the nearest by exact search, with their scores",
        "The stored look-alikes are not what a search finds. " + _BUILD_AGAIN,
        by_estimate=True,
    ),
    Metric(
        "coverage",
        "items present",
        MIN,
        "of the live items with an indexed image are in the index",
        "Build the index again from the current snapshot. If its extractor has not described "
        "them, as after a change of its weights or settings, 'nitamono models' says so, and "
        "'nitamono models upgrade' describes them.",
        needed=True,
    ),
    Metric(
        "shrinkage",
        "shrinkage",
        MAX,
        "of the live bundle's items are gone",
        "Look at what the catalogue lost. If it is meant to be so, write allow_shrinking_from = "
        "with the live bundle's id in quotes into the file that NITAMONO_QUALITY_INDEX_GATE "
        "names, and check the candidate again.",
    ),
    Metric(
        "alike_share",
        "scores too alike",
        MAX,
        "of the regions have ten look-alikes that are all but the same",
        _EXTRACTOR,
    ),
    Metric(
        "far_share",
        "scores too far",
        MAX,
        "of the regions have no look-alike at all",
        _EXTRACTOR,
    ),
    Metric(
        "score_shift",
        "score shift",
        MAX,
        "is how far the scores moved since the live bundle (Kolmogorov-Smirnov)",
        "The same photos got other scores from the same extractor: something besides the catalogue "
        "changed. 'nitamono compare' shows the worst of it.",
    ),
    Metric(
        "hub_share",
        "hubs",
        MAX,
        "of the lists hold one and the same item",
        "Look at that item's photo: a blank or damaged one looks like everything. Mend or remove "
        "it in the catalogue; many such items mean that the extractor is at fault.",
    ),
    Metric(
        "hub_skewness",
        "hub skewness",
        MAX,
        "is the skewness of how often items are listed",
        "A few items are in very many lists. " + _EXTRACTOR,
    ),
    Metric(
        "precision_at_10",
        "labelled precision",
        MIN,
        "of the ten nearest items have the same label",
        _EXTRACTOR,
    ),
    Metric(
        "precision_over_chance",
        "labelled precision over chance",
        MIN,
        "is how far look-alikes agree in their label above chance",
        "Look-alikes have nothing in common by their label. If the label has nothing to do with "
        "looks, choose another one, or none, with 'label' in the file that "
        "NITAMONO_QUALITY_INDEX_GATE names. " + _EXTRACTOR,
    ),
    Metric(
        "precision_drop",
        "drop of labelled precision",
        MAX,
        "less of the ten nearest items have the same label than in the live bundle",
        _EXTRACTOR,
    ),
)


def words(dimension: str, value: str) -> str:
    """Name a slice in a sentence: in category 'lamps', in new items."""
    if dimension == NEWNESS:
        return f"in {value} items"
    if dimension == TAIL:
        return f"in {value} categories and brands"
    if dimension == BRAND:
        return "in items without a brand" if value == "no brand" else f"in brands of {value}"
    return f"in {dimension} {value!r}" if value else f"in items without {dimension}"


def with_interval(figure: Mapping[str, float]) -> str:
    """Say a figure with its interval: 0.71 (0.62 to 0.79); one that was counted has none."""
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if low == high:
        return f"{value:.4f}"
    return f"{value:.4f} ({low:.2f} to {high:.2f})"


def judged_with(one: Mapping[str, Any]) -> str:
    """Say with which others a slice is judged; empty if it is judged by itself."""
    merged = [repr(value) if value else "those without" for value in one["merged_with"]]
    if not merged:
        return ""
    more = f" and {len(merged) - 3} more" if len(merged) > 3 else ""
    return f", judged with {', '.join(merged[:3])}{more}"
