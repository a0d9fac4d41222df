"""What each server is asked, and how much of the truth it finds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.serving_load import Load, write_questions
from tests.benchmarks.serving_servers import Server, chroma_question
from tests.benchmarks.serving_shop import Catalogue, Floats, item_id, nearest_exact, recall_of

K, COMPARED = 12, 10
"""Look-alikes that are asked for, and those by which recall is counted."""
JUDGED = 2000
"""Questions by which recall is counted: as many as the search is set by."""
NAMED = 60_000
"""Items that are asked for, where there are more."""
CONNECTIONS = 8

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One server with the questions that it is asked."""

    server: Server
    lookups: Path
    vectors: Path
    recall: float
    """Of vector queries."""
    lookup_recall: float

    def measure(self, questions: Path, seconds: float) -> dict[str, float]:
        """Ask for so long; return rates, times and failures."""
        busy = self.server.processor_seconds()
        answered = Load(self.server.address, questions, CONNECTIONS).run(seconds)
        busy = self.server.processor_seconds() - busy
        return {
            "per_second": answered.per_second,
            "per_processor_second": answered.requests / max(busy, 0.01),
            "mean_ms": answered.mean_ms,
            "p99_ms": answered.p99_ms,
            "failed": answered.failed,
        }


def plain(vector: Floats) -> list[float]:
    """Return a vector as numbers that are as short as float32 allows."""
    return [float(f"{number:.7g}") for number in vector]


def nearest_numbers(names: list[str], own: int = -1) -> list[int]:
    """Return the numbers of the items that are compared, padded by -1; `own` is left out."""
    numbers = [int(name.rpartition("-")[2]) for name in names]
    return ([number for number in numbers if number != own] + [-1] * COMPARED)[:COMPARED]


def their_side(server: Server, path: str, catalogue: Catalogue, folder: Path) -> Side:
    """Return chromadb's server with its questions."""

    def asking(vectors: Floats) -> list[str]:
        bodies = (json.dumps(chroma_question(plain(vector), K)) for vector in vectors)
        return [f"POST {path} {body}" for body in bodies]

    def answers(vectors: Floats) -> list[list[str]]:
        found: list[list[str]] = []
        for start in range(0, len(vectors), 50):
            wanted = [plain(vector) for vector in vectors[start : start + 50]]
            body = {"query_embeddings": wanted, "n_results": K, "include": ["distances"]}
            found += server.ask(path, body)["ids"]
        return found

    items, vectors = sample(catalogue), np.asarray(catalogue.vectors)
    named = [nearest_numbers(*row) for row in zip(answers(vectors[items]), items, strict=True)]
    asked = [nearest_numbers(row) for row in answers(catalogue.queries[:JUDGED])]
    drawn = np.random.default_rng(3).permutation(len(vectors))[: len(catalogue.queries)]
    return Side(
        server,
        write_questions(folder / "their-lookups.txt", asking(vectors[drawn])),
        write_questions(folder / "their-vectors.txt", asking(catalogue.queries)),
        recall_of(asked, nearest_exact(catalogue.vectors, catalogue.queries[:JUDGED], COMPARED)),
        recall_of(named, truth_of_items(catalogue)),
    )


def our_side(server: Server, catalogue: Catalogue, folder: Path) -> Side:
    """Return the lookup service with its questions."""

    def address(number: int) -> str:
        return f"/v1/items/{item_id(number)}/similar?limit={K}"

    def body(vector: Floats) -> str:
        return json.dumps({"queries": [{"vector": plain(vector), "limit": K}]})

    def names(answer: dict[str, Any]) -> list[str]:
        return [hit["item_id"] for hit in answer["hits"]]

    items = sample(catalogue)
    named = [nearest_numbers(names(server.ask(address(number)))) for number in items]
    asked = []
    for start in range(0, JUDGED, 50):
        rows = catalogue.queries[start : min(JUDGED, start + 50)]
        queries = [{"vector": plain(row), "limit": K} for row in rows]
        answered = server.ask("/v1/search", {"queries": queries})["answers"]
        asked += [nearest_numbers(names(answer)) for answer in answered]
    known = range(min(NAMED, len(catalogue.vectors)))
    return Side(
        server,
        write_questions(folder / "lookups.txt", (f"GET {address(number)}" for number in known)),
        write_questions(
            folder / "vectors.txt", (f"POST /v1/search {body(row)}" for row in catalogue.queries)
        ),
        recall_of(asked, nearest_exact(catalogue.vectors, catalogue.queries[:JUDGED], COMPARED)),
        recall_of(named, truth_of_items(catalogue)),
    )


def sample(catalogue: Catalogue) -> list[int]:
    """Return the items by which the recall of look-ups is counted."""
    count = len(catalogue.vectors)
    drawn: list[int] = np.random.default_rng(7).permutation(count)[:JUDGED].tolist()
    return drawn


def truth_of_items(catalogue: Catalogue) -> Numbers:
    """Return the nearest of each sampled item, itself left out."""
    items = np.asarray(sample(catalogue))
    near = nearest_exact(catalogue.vectors, np.asarray(catalogue.vectors)[items], COMPARED + 1)
    others = [row[row != own][:COMPARED] for row, own in zip(near, items, strict=True)]
    return np.asarray(others)
