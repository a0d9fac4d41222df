"""The figures of a comparison, and the items that are worth a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.bundle.scores import scores_of
from feature_store.compare.causes import Causes
from feature_store.compare.churn import Churn, Row, compare_rows, measure_churn
from feature_store.compare.comparison import (
    CAUSES,
    CategoryChurn,
    Cause,
    Comparison,
    ItemChange,
    Shown,
)
from feature_store.compare.settings import CompareSettings
from feature_store.compare.sides import Ints, Pair, Side, facts
from feature_store.errors import UnknownItemError

SEED = 20260101
"""Of the random sample: the same two bundles show the same items."""

Places = npt.NDArray[np.intp]


def compare_pair(
    pair: Pair, settings: CompareSettings, report: Path, asked: Sequence[str] = ()
) -> Comparison:
    """Compare two open bundles; `report` is where the contact sheet will be.

    `asked` names items to show besides. UnknownItemError for one that not both bundles hold.
    """
    wanted = places_of(pair, asked)
    causes = Causes(pair)
    churn = measure_churn(pair, causes, settings.hits)
    worst, random = choose_samples(churn, settings.sheet_rows)
    show = _Sheet(pair, causes, churn, settings.hits)
    old, new = (side.bundle for side in (pair.before, pair.after))
    return Comparison(
        before=old.bundle_id,
        after=new.bundle_id,
        hits=settings.hits,
        items_before=len(old.items),
        items_after=len(new.items),
        items_both=len(pair.both),
        items_changed=int((churn.changed > 0).sum()),
        churn=churn.share() if len(pair.both) else 1.0,
        limit=settings.max_churn,
        causes=_shares(churn),
        categories=_by_category(pair, churn),
        distribution=tuple(
            np.bincount(churn.changed, minlength=settings.hits + 1).astype(int).tolist()
        ),
        facts=_differing_facts(pair),
        asked=show.changes(wanted),
        worst=show.changes(worst),
        random=show.changes(random),
        report=report,
    )


def places_of(pair: Pair, asked: Iterable[str]) -> Places:
    """Return where the named items are among those of both bundles."""
    numbers = []
    for item_id in dict.fromkeys(asked):
        for side in (pair.before, pair.after):
            number = int(side.numbers[side.bundle.item_number(item_id)])
        if not pair.in_both[number]:
            raise UnknownItemError(f"item {item_id!r} is not in both bundles")
        numbers.append(number)
    return np.searchsorted(pair.both, np.asarray(numbers, np.int32))


def _shares(churn: Churn) -> Mapping[str, Cause]:
    total = int(churn.causes_lost.sum() + churn.causes_gained.sum())
    found = {}
    for number, name in enumerate(CAUSES, start=1):
        lost, gained = int(churn.causes_lost[number]), int(churn.causes_gained[number])
        found[name] = Cause(lost, gained, round((lost + gained) / total, 4) if total else 0.0)
    return found


def _by_category(pair: Pair, churn: Churn) -> tuple[CategoryChurn, ...]:
    """Measure each category by itself, as the later bundle has it, most changed first."""
    column = pair.after.bundle.items["category"].combine_chunks().fill_null("")
    encoded = column.dictionary_encode()
    codes = encoded.indices.to_numpy()[pair.after.places[pair.both]]
    found = []
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    for number, name in enumerate(encoded.dictionary.to_pylist()):
        members = order[starts[number] : starts[number + 1]]
        if len(members):
            found.append(CategoryChurn(name, len(members), round(churn.share(members), 4)))
    return tuple(sorted(found, key=lambda entry: (-entry.churn, -entry.items, entry.category)))


def _differing_facts(pair: Pair) -> Mapping[str, tuple[str, str]]:
    old, new = (facts(side.bundle.manifest) for side in (pair.before, pair.after))
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}


def choose_samples(churn: Churn, rows: int) -> tuple[Places, Places]:
    """Choose the most changed items, and some at random of all others that changed.

    Among equally changed ones those come first that lost the nearest look-alikes.
    """
    changed = np.flatnonzero(churn.changed)
    share = churn.changed[changed] / np.maximum(1, churn.shown[changed])
    order = changed[np.lexsort((-churn.weight[changed], -share))]
    worst, rest = order[: (rows + 1) // 2], order[(rows + 1) // 2 :]
    random = np.random.default_rng(SEED).permutation(rest)[: rows // 2]
    return worst, np.sort(random)


class _Sheet:
    """Puts into words what is shown of an item."""

    def __init__(self, pair: Pair, causes: Causes, churn: Churn, hits: int) -> None:
        self._pair = pair
        self._causes = causes
        self._churn = churn
        self._hits = hits

    def changes(self, places: Places) -> tuple[ItemChange, ...]:
        """Return what changed for the items at these places of `Pair.both`."""
        pair, items = self._pair, self._pair.both[places]
        before, after = compare_rows(pair, self._causes, items, self._hits)
        return tuple(
            self._change(int(place), int(item), line, (before, after))
            for line, (place, item) in enumerate(zip(places, items, strict=True))
        )

    def _change(self, place: int, item: int, line: int, rows: tuple[Row, Row]) -> ItemChange:
        sides = (self._pair.before, self._pair.after)
        numbers = [int(side.places[item]) for side in sides]
        [told] = sides[1].bundle.item_rows([numbers[1]])
        asked = [
            int(side.bundle.primary_region[number])
            for side, number in zip(sides, numbers, strict=True)
        ]
        shown = [
            tuple(_shown(side, row, line, (region, fate)))
            for side, row, region, fate in zip(sides, rows, asked, ("lost", "gained"), strict=True)
        ]
        changed, of = self._churn.changed[place], self._churn.shown[place]
        return ItemChange(
            item_id=told["item_id"],
            title=told["title"] or "",
            category=told["category"] or "",
            churn=round(float(changed / of), 4) if of else 0.0,
            before=shown[0],
            after=shown[1],
            asked_before=asked[0],
            asked_after=asked[1],
        )


def _shown(side: Side, row: Row, line: int, asked: tuple[int, str]) -> Iterable[Shown]:
    """Describe the look-alikes of the asked region, as they are called if they are not kept."""
    region, fate = asked
    there = np.flatnonzero(row.items[line] >= 0)
    scores = scores_of(row.scores[line, there], side.bundle.background_of(region))
    numbers: Ints = side.places[row.items[line][there]]
    told: list[dict[str, Any]] = side.bundle.item_rows(numbers.tolist())
    names = ["", *CAUSES]
    for place, item, score in zip(there, told, scores.tolist(), strict=True):
        code = int(row.codes[line, place])
        yield Shown(
            item_id=item["item_id"],
            title=item["title"] or "",
            score=round(score, 1),
            fate=fate if code else "kept",
            cause=names[code],
            region=int(row.regions[line, place]),
        )
