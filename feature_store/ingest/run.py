"""A whole day without Airflow: plan, every shard, check, commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from feature_store.errors import StoreError
from feature_store.ingest.commit import CommittedDay, check_partition, commit_partition
from feature_store.ingest.models import Models
from feature_store.ingest.plan import Plan, plan_partition
from feature_store.ingest.shard import process_shard
from feature_store.ingest.staging import planned_folder
from feature_store.schemas import DataInterval
from feature_store.tables import Commit, open_store

if TYPE_CHECKING:
    from feature_store.settings import Settings

Progress = Callable[[int, int], None]
"""Is told how many steps of how many are done: one for each image, the check and the commit."""


def ingest_partition(
    interval: DataInterval,
    settings: Settings,
    progress: Progress | None = None,
    models: Models | None = None,
    *,
    now: dt.datetime | None = None,
) -> Commit:
    """Write the partition of `interval`; raises GateError if its batch does not pass the gate.

    StoreError if another run planned the same day from other rows meanwhile. Later days are left as
    they are: see `replay_later_days`. `now` is the time of the run.
    """
    plan = plan_partition(interval, settings, now=now)
    return ingest_plan(plan, settings, models, progress).commit


def ingest_plan(
    plan: Plan,
    settings: Settings,
    models: Models | None = None,
    progress: Progress | None = None,
) -> CommittedDay:
    """Do all that a plan asks for; the models are loaded once, and only if one is needed."""
    images = plan.images + plan.revisited_images
    steps = images + 2  # the check and the commit
    report = progress or _silence
    report(0, steps)
    described = 0

    def on_images(count: int) -> None:
        nonlocal described
        described = min(described + count, images)
        report(described, steps)

    if plan.shards:
        models = models or Models.load(settings, plan.extractors)
        store = open_store(settings)
        for shard in plan.shards:
            before = described
            summary = process_shard(shard, settings, models, store, on_images)
            # Images under several addresses, or described before, are counted once the shard is.
            on_images(summary.images - (described - before))
    if str(planned_folder(settings.staging / plan.ds)) != plan.folder:
        raise StoreError(
            f"another run has planned {plan.ds} from other rows meanwhile; let it finish, then run "
            "the day again if yours should count"
        )
    check_partition(plan.ds, settings).raise_if_failed()
    report(steps - 1, steps)
    committed = commit_partition(plan.ds, settings)
    report(steps, steps)
    return committed


def _silence(done: int, total: int) -> None:
    """Report nothing."""
    del done, total
