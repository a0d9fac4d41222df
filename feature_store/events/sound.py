"""Which events count: a person's, on an answer that can have been given, of a hit that was seen.

Nothing is thrown away: what does not count stays in the day's file, and is counted by its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.events.days import KEY
from feature_store.schemas import CLICK, VIEW

ASIDE: dict[str, str] = {
    "unknown_bundle": "their bundle was never published",
    "impossible": "no answer can be like that",
    "program": "their visit clicks more than a person does",
    "unseen": "their hit had not been seen",
}
"""Why an event does not count: the closed list, in the order in which it is looked at."""


@dataclass(frozen=True)
class Sifted:
    """The events that count, and how many do not, by reason."""

    events: pa.Table
    aside: dict[str, int]


def sift(events: pa.Table, earlier: pa.Table, known: Collection[str], max_clicks: int) -> Sifted:
    """Choose of one day's `events` those that count.

    `earlier` are events of the days before on answers of then, `known` the bundles that there have
    been, `max_clicks` how often a person clicks in one visit and day at most. What an earlier day
    was told already is left out without being counted.
    """
    checks: dict[str, Callable[[pa.Table], pa.ChunkedArray]] = {
        "unknown_bundle": lambda rows: pc.is_in(rows["bundle"], _texts(known)),
        "impossible": _possible,
        "program": lambda rows: _by_people(rows, max_clicks),
        "unseen": lambda rows: _of_seen_hits(rows, earlier),
    }
    events = events.filter(pc.invert(_isin_rows(events, earlier, KEY)))
    aside = {}
    for reason, sound in checks.items():
        kept = events.filter(sound(events))
        aside[reason] = len(events) - len(kept)
        events = kept
    return Sifted(events, aside)


def _possible(events: pa.Table) -> pa.ChunkedArray:
    """No item is its own hit; an answer is of one bundle and item, with one hit at a place."""
    answers = events.group_by("query_id").aggregate(
        [("bundle", "count_distinct"), ("item_id", "count_distinct", pc.CountOptions(mode="all"))]
    )
    alike = pc.and_(
        pc.equal(answers["bundle_count_distinct"], 1),
        pc.equal(answers["item_id_count_distinct"], 1),
    )
    # A photo shows several things: its answer has several hits in the first place.
    of_items = events.filter(pc.is_valid(events["item_id"]))
    places = of_items.group_by(["query_id", "position"])
    places = places.aggregate([("hit_item_id", "count_distinct")])
    crowded = places.filter(pc.greater(places["hit_item_id_count_distinct"], 1))["query_id"]
    sound = pc.and_(
        _isin(events["query_id"], answers.filter(alike)["query_id"]),
        pc.invert(_isin(events["query_id"], crowded)),
    )
    own = pc.fill_null(pc.equal(events["item_id"], events["hit_item_id"]), False)
    return pc.and_(sound, pc.invert(own))


def _by_people(events: pa.Table, max_clicks: int) -> pa.ChunkedArray:
    clicks = events.filter(pc.equal(events["type"], CLICK)).group_by("session")
    counted = clicks.aggregate([("type", "count")])
    busy = counted.filter(pc.greater(counted["type_count"], max_clicks))["session"].drop_null()
    return pc.invert(_isin(events["session"], busy))


def _of_seen_hits(events: pa.Table, earlier: pa.Table) -> pa.ChunkedArray:
    hit = ["query_id", "bundle", "position", "hit_item_id"]
    both = pa.concat_tables([events, earlier])
    views = both.filter(pc.equal(both["type"], VIEW))
    return pc.or_(pc.equal(events["type"], VIEW), _isin_rows(events, views, hit))


def _isin_rows(rows: pa.Table, others: pa.Table, columns: list[str]) -> pa.ChunkedArray:
    """Whether each row is among `others`, going by some columns that are never null."""
    numbered = rows.select(columns).append_column("row", pa.array(range(len(rows)), pa.int64()))
    found = numbered.join(others.select(columns), columns, join_type="left semi")["row"]
    return pc.is_in(numbered["row"], found.combine_chunks())


def _isin(values: pa.ChunkedArray, wanted: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(values, wanted.combine_chunks())


def _texts(values: Collection[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())
