"""What shoppers did with the answers: gathered day by day, counted, compared, drawn.

In the order in which an event meets them: `settings`, `days` (the files that the lookup service
wrote, put together), `sound` (which events count, and why others do not), `summary` (the counts of
one day), `shares` (shares with their intervals, and their difference), `overview` (many days,
bundle by bundle), `verdict` (two bundles side by side), `charts` and `page` (for people), `steps`
(what the DAG `shopper_events` and the command `nitamono events` call).

Nothing here knows a person: an event has no address and no browser, only a random name of a visit
if the shop sends one.
"""

from feature_store.events.overview import Overview, read_overview
from feature_store.events.settings import EventsSettings
from feature_store.events.steps import (
    EventsHome,
    Gathered,
    forget_events,
    gather_events,
    known_bundles,
    open_summaries,
    report_events,
    report_path,
    summarise_events,
)
from feature_store.events.verdict import Verdict, compare_shown

__all__ = [
    "EventsHome",
    "EventsSettings",
    "Gathered",
    "Overview",
    "Verdict",
    "compare_shown",
    "forget_events",
    "gather_events",
    "known_bundles",
    "open_summaries",
    "read_overview",
    "report_events",
    "report_path",
    "summarise_events",
]
