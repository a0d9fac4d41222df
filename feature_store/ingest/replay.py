"""Days that were planned from what an earlier day said before it changed: they are planned anew.

A late or corrected day changes what was live before the days after it. What those took for new or
changed, and what they deleted, may be something else by now. Each is planned again from its own
catalogue, which is cheap, because nothing is described twice; the first day that comes out as it
was ends it. So the store is the same in whatever order its days were ingested.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from feature_store.errors import CatalogueError
from feature_store.ingest.base import base_of
from feature_store.ingest.models import Models
from feature_store.ingest.plan import plan_partition
from feature_store.ingest.run import ingest_plan
from feature_store.ingest.staging import read_json, understanding, write_json
from feature_store.schemas import DataInterval
from feature_store.tables import Commit, FeatureStore, open_store

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)

FOLDER = "replay"


def replay_later_days(
    ds: str,
    settings: Settings,
    models: Models | None = None,
    *,
    now: dt.datetime | None = None,
) -> list[Commit]:
    """Commit anew the days from `ds` on that were planned from other live items than there are now.

    Only where the catalogue's location names the day, with {ds}: of one file that is written over
    and over the past is not known. Nothing is looked at again or retried, and days written by
    versions that kept no base stay as they are. Raises GateError if a day does not pass its gate
    any more, CatalogueError if its catalogue is gone; run again, it goes on from there.
    """
    if "{ds}" not in settings.catalogue_location:
        return []
    store = open_store(settings)
    mark = settings.home / FOLDER / f"{ds}.json"
    with understanding(mark):
        unfinished = str((read_json(mark) or {"until": ""})["until"])
    days = [commit for commit in store.commits() if commit.ds >= ds and commit.base]
    replayed = []
    for commit, following in zip(days, [*days[1:], None], strict=True):
        if _is_settled(commit, store):
            if ds < commit.ds and commit.ds >= unfinished:
                break
            continue
        if following is not None:  # should this run die before it gets there
            unfinished = max(unfinished, following.ds)
            write_json(mark, {"until": unfinished})
        models = models or Models.load(settings)
        replayed.append(_replay(commit.ds, settings, models, now))
    mark.unlink(missing_ok=True)
    return replayed


def _is_settled(commit: Commit, store: FeatureStore) -> bool:
    """Tell whether a day was planned from the items that are live before it now."""
    return commit.base == base_of(store.snapshot(before=commit.ds).items())


def _replay(ds: str, settings: Settings, models: Models, now: dt.datetime | None) -> Commit:
    log.info("%s was planned before an earlier day changed: planning it again", ds)
    try:
        plan = plan_partition(DataInterval.day(ds), settings, now=now, settled=True)
    except CatalogueError as error:
        raise CatalogueError(
            f"{ds} has to be planned again, because an earlier day has changed: {error}"
        ) from error
    return ingest_plan(plan, settings, models).commit
