"""What each process of the service counts, and where on the board it does.

Every label has a closed list of values: routes, statuses, kinds and reasons, never an item or
anything else that somebody sends. What is not in a list is counted as its last value.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.board import Board

LIVE, CANARY = "live", "canary"
ROLES = (LIVE, CANARY)
"""Whose answers are told apart: the live bundle's and its canary's."""

ROUTES = (
    *("similar", "search", "photo", "events", "item", "bundle", "health", "ready", "metrics"),
    *("openapi", "widget", "image", "shop", "none"),
)
"""The routes that requests are counted by; `none` is for paths that are no route."""

ANSWERING = ("similar", "search", "photo")
"""The routes whose answers are of several kinds."""

STATUSES = (
    *("200", "202", "204", "304", "307", "400", "404", "405", "413", "415", "422", "429", "431"),
    *("500", "503", "2xx", "3xx", "4xx", "5xx", "none"),
)
"""The statuses that requests are counted by; `none` is for a client that left unanswered."""

KINDS = ("neighbours", "graph", "scan", "fallback", "mixed", "none")
"""What can have found an answer; `mixed` is for a batch, `none` for everything without hits."""

REASONS = ("unknown_item", "too_few_hits", "other")
"""Why an answer has stand-ins."""

SHOPPER_EVENTS = ("view", "click", "conversion", "other")
"""What a shopper did, as the widget tells it."""

OUTCOMES = ("accepted", "rejected", "lost")
"""What became of such an event; `lost` ones were accepted and could not be written."""

BOUNDS_SECONDS = (
    *(0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
"""The upper bounds of the latency histogram's buckets; the last bucket is open."""


@dataclass(frozen=True)
class Family:
    """Numbers that are counted under one name, a column for each combination of labels."""

    name: str
    sentence: str
    labels: tuple[tuple[str, Sequence[str]], ...] = ()
    momentary: bool = False
    """Whether it goes down again: then what a dead process left is nothing."""

    def combinations(self) -> Iterator[tuple[str, ...]]:
        """Yield every combination of the labels' values, in the order of the columns."""
        return itertools.product(*(values for _, values in self.labels))


_OF_ROLE = ("role", ROLES)
_BY = ("answered_by", KINDS)
FAMILIES = (
    Family("requests_in_flight", "Requests being answered, this scrape among them.", (), True),
    Family("photos_waiting", "Photos that wait for a process to look at them.", (), True),
    Family("photos_running", "Photos being looked at.", (), True),
    Family("requests", "Requests answered.", (("route", ROUTES), ("status", STATUSES))),
    Family("answers", "Answers about look-alikes.", (_OF_ROLE, _BY)),
    Family("empty_answers", "Such answers that had no hit.", (_OF_ROLE,)),
    Family("hits", "Hits in all answers.", (_OF_ROLE,)),
    Family("fallbacks", "Answers that have stand-ins.", (_OF_ROLE, ("reason", REASONS))),
    Family(
        "shopper_events",
        "Events of shoppers, by what became of them.",
        (("type", SHOPPER_EVENTS), ("outcome", OUTCOMES)),
    ),
    Family("worker_restarts", "Workers that died and were started again."),
    Family("bundle_swaps", "Times other bundles began to be served."),
    Family("bundle_refusals", "Times a published bundle was refused."),
    Family("canary_refusals", "Times a canary was refused."),
    Family("tier_swaps", "Times a worker took up another fresh tier."),
    Family("tier_refusals", "Times a worker refused a fresh tier."),
)
"""Everything counted but the latency, the momentary first."""

TIMED = (
    *itertools.product(ANSWERING, KINDS),
    *((route, "none") for route in ROUTES if route not in ANSWERING),
)
"""Route and kind of answer of each histogram of latency."""

BUCKETS: Final = len(BOUNDS_SECONDS) + 1
_LISTED = [(family, labels) for family in FAMILIES for labels in family.combinations()]
AT = {(family.name, *labels): column for column, (family, labels) in enumerate(_LISTED)}
"""The column of each family's each combination."""

SECONDS_AT = {timed: len(_LISTED) + number * (BUCKETS + 1) for number, timed in enumerate(TIMED)}
"""The first column of each histogram: its buckets, not cumulated, and then the sum of seconds."""

COLUMNS = len(_LISTED) + len(TIMED) * (BUCKETS + 1)
"""How many numbers one process counts: the width of a row of the board."""

MOMENTARY = sum(1 for family, _ in _LISTED if family.momentary)
"""How many of them, the first ones, mean nothing once the process is gone."""


def board_for(processes: int) -> Board:
    """Return a board on which so many processes can count at the same time."""
    return Board(processes, COLUMNS, MOMENTARY)


class Counters:
    """One process's row of the board: where it counts. Nothing of it ever raises for a label."""

    def __init__(self, row: npt.NDArray[np.float64]) -> None:
        """Take a row of COLUMNS numbers, which no other living process writes."""
        # Twice as fast as an array where one number at a time is meant.
        self._cells: Any = row.data
        self._lock = threading.Lock()

    def request(self, route: str, status: int, seconds: float, kind: str = "none") -> None:
        """Count one request, how it was answered and how long that took.

        `status` is 0 for a client that left unanswered; `kind` is the answer's `answered_by`,
        `mixed` for a batch of several kinds.
        """
        cells = self._cells
        cells[_REQUEST_AT.get((route, status)) or _other_request(route, status)] += 1
        first = SECONDS_AT.get((route, kind)) or SECONDS_AT[_known(route), "none"]
        cells[first + bisect.bisect_left(BOUNDS_SECONDS, seconds)] += 1
        cells[first + BUCKETS] += seconds

    def in_flight(self, change: int) -> None:
        """Count a request that begins (1), or has ended, however it did (-1)."""
        self._cells[_IN_FLIGHT] += change

    def answer(self, role: str, kind: str, hits: int, fallback_reason: str | None) -> None:
        """Count an answer about look-alikes, given by the bundle of this role.

        Each one of a batch counts; `kind` is its `answered_by`, `fallback_reason` its `fallback`.
        """
        cells = self._cells
        cells[AT["answers", role, kind if kind in KINDS else "none"]] += 1
        cells[AT["hits", role]] += hits
        if not hits:
            cells[AT["empty_answers", role]] += 1
        if fallback_reason is not None:
            reason = fallback_reason if fallback_reason in REASONS else "other"
            cells[AT["fallbacks", role, reason]] += 1

    def shopper_events(self, kind: str, outcome: str, times: int = 1) -> None:
        """Count events of shoppers of one kind: `accepted`, `rejected` or `lost`."""
        kind = kind if kind in SHOPPER_EVENTS else SHOPPER_EVENTS[-1]
        with self._lock:  # both the event loop and the thread that writes them count these
            self._cells[AT["shopper_events", kind, outcome]] += times

    def photos(self, waiting: int, running: int) -> None:
        """Say how many photos wait and how many are being looked at for this process."""
        self._cells[AT["photos_waiting",]] = waiting
        self._cells[AT["photos_running",]] = running

    def event(self, name: str) -> None:
        """Count one of what happens to the service itself, by its family's name."""
        self._cells[AT[name,]] += 1


_IN_FLIGHT = AT["requests_in_flight",]
_REQUEST_AT = {
    (route, int(status)): AT["requests", route, status]
    for route in ROUTES
    for status in STATUSES
    if status.isdigit()
}


def _other_request(route: str, status: int) -> int:
    """Return the column of a route that is not known, or of a status that has none of its own."""
    route = _known(route)
    kind = f"{status // 100}xx"
    of_status = AT["requests", route, kind if kind in STATUSES else "none"]
    return _REQUEST_AT.get((route, status), of_status)


def _known(route: str) -> str:
    return route if route in ROUTES else "none"
