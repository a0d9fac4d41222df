"""What the searcher answers in one process without any server, in a second of processor time.

Run in the serving environment: `python -m tests.benchmarks.serving_inside FOLDER SECONDS`.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from feature_store.bundle import BundleRegistry, Searcher
from feature_store.bundle.rules import Rules

ASKED = 512
"""Questions between two looks at the clock."""


def rate(ask: Callable[[int], object], count: int, seconds: float) -> float:
    """Ask for random numbers below `count`; return answers in a second of processor time."""
    answered, begun = 0, time.process_time()
    while True:
        for _ in range(ASKED):
            ask(random.randrange(count))
        answered += ASKED
        taken = time.process_time() - begun
        if taken >= seconds:
            return answered / taken


def main() -> int:
    """Print both rates as one line of JSON."""
    bundles, seconds = Path(sys.argv[1]), float(sys.argv[2])
    searcher = Searcher(BundleRegistry(bundles).open())
    names = searcher.bundle.items["item_id"].to_pylist()
    queries = np.load(sys.argv[3])
    rules = Rules()
    said = {
        "items": rate(lambda n: searcher.similar(names[n], rules), len(names), seconds),
        "vectors": rate(lambda n: searcher.by_vector(queries[n], rules), len(queries), seconds),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
