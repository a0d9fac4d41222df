"""The demo shop's life in days: which items come, change and go, and which photos each has."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from feature_store.demo.listings import LISTINGS, Listing


@dataclass(frozen=True)
class PhotoPlan:
    """One photo to take: its name, the days (first, last exclusive or None) it is listed on, the
    other items in it, and whether it is a close view."""

    name: str
    first_day: int
    last_day: int | None = None
    others: tuple[int, ...] = ()
    close: bool = False


@dataclass(frozen=True)
class Change:
    """A new price or stock on a day (0 is the first)."""

    day: int
    price_factor: float
    in_stock: bool


@dataclass(frozen=True)
class ItemPlan:
    """One item: when it is sold, what changes, and its photos in the shop's order."""

    number: int
    first_day: int
    last_day: int | None
    changes: tuple[Change, ...]
    photos: tuple[PhotoPlan, ...]

    @property
    def item_id(self) -> str:
        """The shop's name of the item."""
        return f"N{self.number + 1:05d}"

    @property
    def listing(self) -> Listing:
        """Its category."""
        return LISTINGS[self.number % len(LISTINGS)]

    def live(self, day: int) -> bool:
        """Whether it is in the catalogue of that day."""
        return self.first_day <= day and (self.last_day is None or day < self.last_day)


def chance_of(seed: int, *words: object) -> random.Random:
    """The random source of one thing: the same for the same seed and words, on every machine."""
    return random.Random(":".join(map(str, (seed, *words))))  # noqa: S311 -- no secrets here


def plan_items(count: int, days: int, seed: int) -> list[ItemPlan]:
    """Plan `count` items over `days` days: most come on the first, a few come and go later."""
    chance = chance_of(seed, "plan")
    later = [n for n in range(count) if chance.random() < 0.04 * (days - 1)] if days > 1 else []
    first_day = {n: chance.randrange(1, days) for n in later}
    early = [n for n in range(count) if n not in first_day]
    gone = set(chance.sample(early, max(1, round(0.03 * len(early)))) if days > 1 else [])
    last_day = {n: chance.randrange(1, days) for n in sorted(gone)}
    stable = [n for n in early if n not in gone]
    return [
        _plan_item(n, first_day.get(n, 0), last_day.get(n), days, stable, seed)
        for n in range(count)
    ]


def _plan_item(
    number: int, first: int, last: int | None, days: int, stable: list[int], seed: int
) -> ItemPlan:
    chance = chance_of(seed, "life", number)
    changes, new_photo = _changes(first, days if last is None else min(last, days), chance)
    photos = [PhotoPlan("1", first, new_photo)]
    if new_photo is not None:
        photos.append(PhotoPlan("1b", new_photo))
    draw = chance.random()
    if draw < 0.17:
        photos.append(PhotoPlan("2", first))
    if draw < 0.045:
        photos.append(PhotoPlan("3", first, close=True))
    if chance.random() < 0.08:
        others = _company(number, stable, chance)
        if others:
            photos.append(PhotoPlan("scene", first, others=others))
    return ItemPlan(number, first, last, tuple(changes), tuple(photos))


def _changes(first: int, end: int, chance: random.Random) -> tuple[list[Change], int | None]:
    """What changes on the days after the first and before `end`, and the day of a new photo."""
    changes = []
    new_photo: int | None = None
    for day in range(first + 1, end):
        draw = chance.random()
        if draw < 0.04:
            changes.append(Change(day, chance.choice((0.7, 0.8, 0.9, 1.05, 1.1)), True))
        elif draw < 0.055:
            changes.append(Change(day, 1.0, False))
        elif draw < 0.075 and new_photo is None:
            new_photo = day
    return changes, new_photo


def _company(number: int, stable: list[int], chance: random.Random) -> tuple[int, ...]:
    """One to three other items, of other categories, that go with this one."""
    mine = LISTINGS[number % len(LISTINGS)]
    taken = {mine.category}
    chosen: list[int] = []
    wanted = chance.choice((1, 1, 1, 2, 2, 3))
    for other in chance.sample(stable, min(len(stable), 60)):
        listing = LISTINGS[other % len(LISTINGS)]
        if listing.company == mine.company and listing.category not in taken:
            chosen.append(other)
            taken.add(listing.category)
        if len(chosen) == wanted:
            break
    return tuple(chosen)


def moment(day: dt.date, chance: random.Random) -> str:
    """A second inside the UTC day, ISO-8601."""
    second = chance.randrange(6 * 3600, 22 * 3600)
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    return (midnight + dt.timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
