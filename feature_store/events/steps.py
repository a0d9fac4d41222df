"""The steps from the service's files to the report, each of which can be done again at any time."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.opening import Registry, registry_of
from feature_store.events.days import Compacted, EventDays
from feature_store.events.overview import Overview, read_overview
from feature_store.events.page import draw_page
from feature_store.events.settings import EventsSettings
from feature_store.events.sound import sift
from feature_store.events.summary import Summaries, summarise
from feature_store.events.verdict import Verdict, compare_shown
from feature_store.schemas import EVENTS, DataInterval
from feature_store.storage import open_files

log = logging.getLogger(__name__)

SHOPPERS, PAGE = "shoppers", "report.html"
"""The folder under home that holds the counted days, and the report in it."""

COMPARED = 8
"""How many bundles the report compares with the one that was shown most."""


class EventsHome(Protocol):
    """The part of the settings that these steps read."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""

    @property
    def events(self) -> EventsSettings:
        """Where events are, and which of them count."""


@dataclass(frozen=True)
class Gathered:
    """The days that have to be counted, and what putting them together did."""

    days: tuple[str, ...]
    files: int
    unreadable: int


def gather_events(settings: EventsHome, ds: str) -> Gathered:
    """Put together the events of a day, and of earlier ones that got more since they were counted.

    A service that could not write for a while writes later: then its day is counted anew.
    """
    days = _days(settings)
    late = [day for day in days.loose_days() if day < ds]
    done: list[Compacted] = [days.compact(day) for day in (*late, ds)]
    there = set(days.days())
    found = tuple(day for day in (*late, ds) if day in there)
    return Gathered(found, sum(d.files for d in done), sum(d.unreadable for d in done))


def summarise_events(settings: EventsHome, ds: str) -> dict[str, Any]:
    """Count a day's events, and keep the counts; the same events give the same counts.

    Returns how many events there are, how many count, and why the others do not.
    """
    days, rules = _days(settings), settings.events
    events = days.read(ds)
    found = sift(
        events,
        _earlier(days, ds, events, rules.window_days),
        known_bundles(registry_of(settings)),
        rules.max_clicks,
    )
    open_summaries(settings).write(summarise(ds, found.events, found.aside))
    log.info("%s: %d of %d events count", ds, len(found.events), len(events))
    return {"ds": ds, "events": len(events), "counted": len(found.events), "aside": found.aside}


def report_events(settings: EventsHome) -> Path:
    """Draw the newest days that were counted; return where the page is."""
    summaries = open_summaries(settings)
    days = summaries.days()[-settings.events.report_days :]
    overview = read_overview(summaries, days)
    html = draw_page(overview, _against_most_shown(summaries, overview))
    open_files(str(settings.home / SHOPPERS)).write(PAGE, html.encode())
    return report_path(settings.home)


def forget_events(settings: EventsHome, ds: str) -> list[str]:
    """Remove the events older than they are kept, as of a day; return their days."""
    oldest = dt.date.fromisoformat(ds) - dt.timedelta(days=settings.events.keep_days)
    return _days(settings).forget(oldest.isoformat())


def report_path(home: Path) -> Path:
    """Return where the report is."""
    return home / SHOPPERS / PAGE


def open_summaries(settings: EventsHome) -> Summaries:
    """Return the counted days."""
    return Summaries(open_files(str(settings.home / SHOPPERS)))


def known_bundles(registry: Registry) -> set[str]:
    """Return every bundle that shoppers can have been shown, as far as the registry remembers."""
    named = {row.bundle_id for row in registry.list()}
    for entry in registry.journal():
        told = (entry.get(name) for name in ("bundle_id", "canary", "pinned"))
        named |= {bundle_id for bundle_id in told if isinstance(bundle_id, str)}
    return named


def _days(settings: EventsHome) -> EventDays:
    return EventDays(open_files(settings.events.folder or str(settings.home / "events")))


def _earlier(days: EventDays, ds: str, events: pa.Table, window_days: int) -> pa.Table:
    """Return the events of the days before, on those answers of `events` that were given then.

    A query_id begins with the time of asking, in milliseconds and twelve digits, so that texts
    compare as times do.
    """
    midnight = int(DataInterval.day(ds).start.timestamp() * 1000)
    given_before = events.filter(pc.less(events["query_id"], f"{midnight:012x}"))["query_id"]
    wanted = pc.unique(given_before)
    if not len(wanted):
        return EVENTS.empty_table()
    first = (dt.date.fromisoformat(ds) - dt.timedelta(days=window_days)).isoformat()
    found = [days.read(day, wanted) for day in days.days() if first <= day < ds]
    return pa.concat_tables([EVENTS.empty_table(), *found])


def _against_most_shown(summaries: Summaries, overview: Overview) -> Sequence[Verdict]:
    most = sorted(overview.bundles, key=lambda shown: -shown.clicks.of)[: COMPARED + 1]
    return [
        compare_shown(summaries, most[0].bundle, other.bundle, overview.days) for other in most[1:]
    ]
