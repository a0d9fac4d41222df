"""Made shoppers: events as the lookup service writes them, with truths that tests can ask for."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.schemas import EVENTS

DAY = "2026-03-01"


def query_id(day: str, number: int) -> str:
    """The id of an answer that was given on a day, a second for each number."""
    midnight = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    return f"{int(midnight.timestamp() * 1000) + number * 1000:012x}{number:020x}"


def event(type_: str, answer: str, position: int, **other: Any) -> dict[str, Any]:
    """One event; by default of the hit that belongs at that position."""
    usual = {
        "received_at": dt.datetime.fromisoformat(f"{DAY}T12:00:00+00:00"),
        "type": type_,
        "query_id": answer,
        "item_id": "asked",
        "position": position,
        "hit_item_id": f"hit-{position}",
        "bundle": "b1",
        "session": None,
    }
    return {**usual, **other}


def table(events: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(events), EVENTS)


def encoded(events: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(events, sink)
    return sink.getvalue()


def drop(folder: Path, day: str, name: str, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as a worker of the service does."""
    path = folder / f"ds={day}" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(table(events)))
    return path


def crowd(
    rng: np.random.Generator,
    day: str,
    rates: dict[str, float],
    *,
    answers: int = 400,
    positions: int = 4,
    items: Sequence[float] = (1.0,),
) -> list[dict[str, Any]]:
    """Answers of each bundle in `rates`, of which a hit at position p is clicked at rate / p.

    `items` are factors of the rate: one for each item that is asked about, in turn.
    """
    made = []
    for number, (bundle, rate) in enumerate(sorted(rates.items())):
        for answer in range(answers):
            item = answer % len(items)
            told = {"bundle": bundle, "item_id": f"item-{item}"}
            asked = query_id(day, number * answers + answer)
            for position in range(1, positions + 1):
                made.append(event("view", asked, position, **told))
                if rng.random() < rate * items[item] / position:
                    made.append(event("click", asked, position, **told))
    return made
