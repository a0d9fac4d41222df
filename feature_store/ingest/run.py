"""A whole day without Airflow: plan, every shard, check, commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from feature_store.errors import StoreError
from feature_store.ingest.commit import check_partition, commit_partition
from feature_store.ingest.describe import Models
from feature_store.ingest.plan import plan_partition
from feature_store.ingest.shard import process_shard
from feature_store.ingest.staging import planned_folder
from feature_store.schemas import DataInterval
from feature_store.tables import Commit

if TYPE_CHECKING:
    from feature_store.settings import Settings

Progress = Callable[[int, int], None]
"""Is told how many steps of how many are done."""


def ingest_partition(
    interval: DataInterval,
    settings: Settings,
    progress: Progress | None = None,
    models: Models | None = None,
) -> Commit:
    """Write the partition of `interval`; raises GateError if its batch does not pass the gate.

    StoreError if another run planned the same day from other rows meanwhile.
    The models are loaded once, and only if there is anything to describe.
    """
    plan = plan_partition(interval, settings)
    steps = len(plan.shards) + 2  # the check and the commit
    report = progress or _silence
    report(0, steps)
    if plan.shards:
        models = models or Models.load(settings)
        for done, shard in enumerate(plan.shards, start=1):
            process_shard(shard, settings, models.detector, models.extractor)
            report(done, steps)
    if str(planned_folder(settings.staging / plan.ds)) != plan.folder:
        raise StoreError(
            f"another run has planned {plan.ds} from other rows meanwhile; let it finish, then run "
            "the day again if yours should count"
        )
    check_partition(plan.ds, settings).raise_if_failed()
    report(steps - 1, steps)
    commit = commit_partition(plan.ds, settings)
    report(steps, steps)
    return commit


def _silence(done: int, total: int) -> None:
    """Report nothing."""
    del done, total
