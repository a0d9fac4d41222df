"""What every engine answers: the nearest regions by name; and how well two engines agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float32]

NEIGHBOURS = pa.schema(
    [
        pa.field("query", pa.int64(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("region_id", pa.string(), nullable=False),
        pa.field("cosine", pa.float32(), nullable=False),
    ]
)
"""One answer: `query` is the number of the asked vector, from 0. Sorted by query, then the best
first. A region that an item shows twice is one answer."""

TIE = 1e-5
"""Cosines closer than this are equal: float32 rounding over a thousand terms is about 1e-6."""


@dataclass(frozen=True)
class Only:
    """Which regions may be answers at all: those of items that have every value that is given."""

    in_stock: bool | None = None
    """Whether the item is in stock; None: it does not matter. An item that does not say is not."""
    segment: str | None = None
    """The item's segment, letter for letter; None: it does not matter."""


ALL = Only()


class Engine(Protocol):
    """Something that knows every region of one bundle and which of them are near to a vector."""

    def nearest(self, vectors: Floats, k: int, only: Only = ALL) -> pa.Table:
        """Return the k nearest regions (NEIGHBOURS) of centred unit vectors, float32 (q, dim).

        Fewer where there are no k. Raises ValueError for a question that cannot be asked, and
        EngineError or StoreError where the engine fails.
        """

    def count(self) -> int:
        """Return how many regions the engine knows: fewer than the bundle's means that it lags."""


def check_question(vectors: Floats, k: int, dim: int) -> Floats:
    """Return the asked vectors as float32 (q, dim); ValueError if no engine could answer them."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"vectors of {dim} numbers are compared, not {vectors.shape[1:]}")
    norms = np.linalg.norm(vectors, axis=1)
    if not (np.abs(norms - 1) < 1e-3).all():  # also refuses what is not finite
        raise ValueError("only unit vectors can be asked for; centre them with the bundle's mean")
    if not 1 <= k <= 10_000:
        raise ValueError(f"{k} neighbours cannot be asked for; write 1 to 10000")
    return vectors


def answers(
    query: npt.NDArray[np.int64], item_ids: pa.Array, region_ids: pa.Array, cosines: Floats
) -> pa.Table:
    """Return columns as NEIGHBOURS, sorted; among equal cosines by name."""
    cosines = np.clip(np.asarray(cosines, np.float32), -1, 1)
    table = pa.table(
        [pa.array(query, pa.int64()), item_ids, region_ids, pa.array(cosines)], schema=NEIGHBOURS
    )
    keys = [
        ("query", "ascending"),
        ("cosine", "descending"),
        ("item_id", "ascending"),
        ("region_id", "ascending"),
    ]
    return table.sort_by(keys)


def recall(truth: pa.Table, found: pa.Table, queries: int, at: int = 10) -> Floats:
    """Return each query's recall (0..1), float32 (queries,): how much of `truth` was `found`.

    Both are NEIGHBOURS. A region counts if `truth` names it among its first `at`, or as near as
    the last of them: ask `truth` for a few more than `at`, so that ties count. What `found` says
    of its cosines is not believed.
    """
    values = np.ones(queries, np.float32)
    right, said = _by_query(truth, queries), _by_query(found, queries)
    for query in range(queries):
        rows = right[query]
        if not rows:
            continue
        expected = min(at, len(rows))
        floor = rows[expected - 1][1] - TIE
        names = {name for name, cosine in rows if cosine >= floor}
        hits = names & set(list(dict.fromkeys(name for name, _ in said[query]))[:at])
        values[query] = min(len(hits), expected) / expected
    return values


Named = tuple[tuple[str, str], float]


def _by_query(table: pa.Table, queries: int) -> list[list[Named]]:
    """The names and cosines of each query's answers, the best first."""
    lists: list[list[Named]] = [[] for _ in range(queries)]
    for row in table.to_pylist():
        lists[row["query"]].append(((row["item_id"], row["region_id"]), row["cosine"]))
    return lists
