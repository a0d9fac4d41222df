"""Write the demo shop's catalogue: one full CSV dump for each day."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from feature_store.demo.listings import BRANDS
from feature_store.demo.plan import ItemPlan, chance_of, moment

COLUMNS = (
    "item_id",
    "image",
    "title",
    "category",
    "segment",
    "brand",
    "price",
    "currency",
    "url",
    "in_stock",
    "updated_at",
    "colour",
    "pattern",
    "material",
)


@dataclass(frozen=True)
class Words:
    """How the designer described an item."""

    style: str
    colour: str
    pattern: str
    material: str


def image_path(item: ItemPlan, photo: str) -> str:
    """A photo's path, relative to the demo's folder."""
    return f"images/{item.listing.category}/{item.item_id}-{photo}.jpg"


def day_text(
    items: Sequence[ItemPlan],
    words: Mapping[int, Words],
    dates: Sequence[dt.date],
    day: int,
    seed: int,
) -> str:
    """The whole catalogue of one day (0 is the first) as CSV."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for item in items:
        if item.live(day):
            table.writerow(_row(item, words[item.number], dates, day, seed))
    return out.getvalue()


def _row(
    item: ItemPlan, words: Words, dates: Sequence[dt.date], day: int, seed: int
) -> list[object]:
    chance = chance_of(seed, "listing", item.number)
    brand, segment = chance.choice(BRANDS), chance.choice(item.listing.segments)
    low, high = item.listing.prices
    price = low * (high / low) ** chance.random()
    in_stock = chance.random() > 0.06
    for change in item.changes:
        if change.day <= day:
            price *= change.price_factor
            in_stock = change.in_stock
    price = max(0.99, round(price) - (0.05 if price < 200 else 0.0))
    shown = [
        p for p in item.photos if p.first_day <= day and (p.last_day is None or day < p.last_day)
    ]
    touched = {item.first_day, *(c.day for c in item.changes), *(p.first_day for p in item.photos)}
    latest = max(d for d in touched if d <= day)
    updated_at = moment(dates[latest], chance_of(seed, "moment", item.number, latest))
    return [
        item.item_id,
        "|".join(f"../{image_path(item, p.name)}" for p in shown),
        _title(words),
        item.listing.category,
        segment,
        brand,
        f"{price:.2f}",
        "EUR",
        f"https://demo.example/p/{item.item_id}",
        "true" if in_stock else "false",
        updated_at,
        words.colour,
        words.pattern,
        words.material,
    ]


def _title(words: Words) -> str:
    pattern = "" if words.pattern in ("plain", words.material) else f"{words.pattern} "
    material = "" if words.material in words.style else f" in {words.material}"
    title = f"{words.colour} {pattern}{words.style}{material}"
    return title[0].upper() + title[1:]
