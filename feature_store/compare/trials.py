"""What is put before a judge: an item and two rows, of which nobody says which is which."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_store.compare.causes import Causes
from feature_store.compare.churn import compare_rows, measure_churn
from feature_store.compare.figures import places_of
from feature_store.compare.judgements import Judgements
from feature_store.compare.pictures import draw_region, thumbnail
from feature_store.compare.sides import Pair, Side

SIDE_PX = 320
"""Of a picture: large enough to see what decides."""
SIDES = ("before", "after")
_WHOLE_BOX = {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0}


@dataclass(frozen=True)
class Trial:
    """One question: which of two rows is better."""

    item_id: str
    left: str
    """`before` or `after`: whose row stands on the left."""
    shown: dict[str, Any]
    """What the page is told: `query`, `left`, `right`."""


class Trials:
    """Draws trials from two open bundles, and keeps what is said of them."""

    def __init__(
        self, pair: Pair, judgements: Judgements, hits: int, thumbnails: Path, asked: Sequence[str]
    ) -> None:
        """Take `asked` items in their order, else all that changed in a random one.

        Items that have been judged are left out. UnknownItemError for an asked item that not both
        bundles hold.
        """
        self.judgements = judgements
        self._pair, self._hits, self._thumbnails = pair, hits, thumbnails
        self._causes = Causes(pair)
        judged = {entry["item_id"] for entry in judgements.read()}
        self._places = [
            place for place in self._chosen(asked) if self._item_id(place) not in judged
        ]
        self._pictures: dict[str, dict[str, Any]] = {}
        self._open: dict[str, Trial] = {}
        self._done = 0

    @property
    def left(self) -> int:
        """How many have not been judged."""
        return len(self._places) - self._done

    def next(self) -> dict[str, Any] | None:
        """Return what the page is shown next, or None when all have been judged."""
        if not self.left:
            return None
        place = self._places[self._done]
        swapped = secrets.randbelow(2)
        trial = self._trial(place, swapped=bool(swapped))
        name = secrets.token_urlsafe(12)
        self._open = {name: trial}  # only the question on the screen can be answered
        return {"trial": name, "number": self._done + 1, "of": len(self._places), **trial.shown}

    def answer(self, name: str, verdict: str) -> bool:
        """Keep `left`, `right`, `equal` or `skip` for an open trial; False if it is not open."""
        trial = self._open.get(name)
        if trial is None or verdict not in ("left", "right", "equal", "skip"):
            return False
        other = SIDES[1 - SIDES.index(trial.left)]
        meant = {"left": trial.left, "right": other}.get(verdict, verdict)
        self.judgements.add(trial.item_id, meant, left=trial.left)
        self._open.clear()
        self._done += 1
        return True

    def picture(self, name: str) -> bytes | None:
        """Return a picture that a trial has named, as JPEG."""
        row = self._pictures.get(name)
        return draw_region(row, self._thumbnails, SIDE_PX) if row else None

    def _chosen(self, asked: Sequence[str]) -> list[int]:
        if asked:
            chosen: list[int] = places_of(self._pair, asked).tolist()
            return chosen
        changed = np.flatnonzero(measure_churn(self._pair, self._causes, self._hits).changed)
        drawn: list[int] = np.random.default_rng().permutation(changed).tolist()
        return drawn

    def _item_id(self, place: int) -> str:
        side = self._pair.after
        number = int(side.places[self._pair.both[place]])
        return str(side.bundle.items["item_id"][number].as_py())

    def _trial(self, place: int, *, swapped: bool) -> Trial:
        pair = self._pair
        items = pair.both[place : place + 1]
        rows = compare_rows(pair, self._causes, items, self._hits)
        told = [
            self._row(side, row.items[0], row.regions[0])
            for side, row in zip((pair.before, pair.after), rows, strict=True)
        ]
        query = self._query(int(items[0]))
        left, right = reversed(told) if swapped else told
        return Trial(
            item_id=self._item_id(place),
            left=SIDES[int(swapped)],
            shown={"query": query, "left": left, "right": right},
        )

    def _query(self, item: int) -> dict[str, Any]:
        """Describe the asked item; its box is outlined if both bundles ask with the same one."""
        asked = []
        for side in (self._pair.before, self._pair.after):
            number = int(side.places[item])
            asked += side.bundle.region_rows([int(side.bundle.primary_region[number])])
        row = asked[1]
        if asked[0]["region_id"] != row["region_id"]:
            row = {**row, "region_id": f"{row['region_id']}-whole", **_WHOLE_BOX}
        return self._cell(self._pair.after, number, row)

    def _row(self, side: Side, items: Any, regions: Any) -> list[dict[str, Any]]:
        there = [place for place, item in enumerate(items) if item >= 0]
        rows = side.bundle.region_rows([int(regions[place]) for place in there])
        return [
            self._cell(side, int(side.places[items[place]]), row)
            for place, row in zip(there, rows, strict=True)
        ]

    def _cell(self, side: Side, item: int, row: dict[str, Any]) -> dict[str, Any]:
        """Describe one picture, without anything that tells the bundle: no score, no number."""
        [told] = side.bundle.item_rows([item])
        name = str(row["region_id"])  # of the photo and the box alone, so alike in both bundles
        address = str(row["image_url"] or "")
        if thumbnail(row, self._thumbnails).is_file():
            self._pictures[name] = row
            address = f"/picture/{name}"
        elif not address.startswith("https://"):
            address = ""
        text = " · ".join(filter(None, (told["title"] or told["item_id"], told["category"])))
        return {"picture": address, "text": text}
