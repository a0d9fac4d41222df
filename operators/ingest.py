"""The steps that turn one day's catalogue into one partition of the feature store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseOperator

from operators.context import Context, interval_of, replay_settings_for, settings_for, started_at


class PlanPartitionOperator(BaseOperator):
    """Read the catalogue, find what changed, and cut it into shards."""

    def execute(self, context: Context) -> list[str]:
        """Return the shards' paths, to be mapped over; the counts go to the XCom `plan`."""
        from feature_store.ingest import plan_partition

        interval, settings = interval_of(context), settings_for(context)
        plan = asdict(plan_partition(interval, settings, now=started_at(context)))
        shards: list[str] = list(plan.pop("shards"))
        plan["requests"] = len(plan["requests"])
        context["ti"].xcom_push(key="plan", value=plan)
        return shards


class ExtractShardOperator(BaseOperator):
    """Fetch the images of one shard, find their regions and extract a feature for each."""

    template_fields: Sequence[str] = ("shard",)

    def __init__(self, *, shard: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the shard's counts: images, reused, detected, embedded, failed, seconds."""
        from feature_store.ingest import process_shard

        return asdict(process_shard(self.shard, settings_for(context)))


class CheckPartitionOperator(BaseOperator):
    """Hold the whole batch against the quality gate; fails the task when a check fails."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many checks passed; raises GateError naming the failed ones."""
        from feature_store.ingest import check_partition

        report = check_partition(interval_of(context).ds, settings_for(context))
        report.raise_if_failed()
        return {"checks": len(report.checks)}


class CommitPartitionOperator(BaseOperator):
    """Replace the day's partition in the feature store, all at once or not at all."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the commit, and what the run did: images, reused, detected, embedded, failed."""
        from feature_store.ingest import commit_partition

        done = commit_partition(interval_of(context).ds, settings_for(context))
        return {
            **asdict(done.commit),
            "committed_at": str(done.commit.committed_at),
            "changed": done.changed,
            "run": asdict(done.summary),
        }


class ReplayLaterDaysOperator(BaseOperator):
    """Plan and commit anew the later days that were planned before this day changed."""

    def execute(self, context: Context) -> list[str]:
        """Return the days that were replaced; skips if every later day is as it should be."""
        from airflow.sdk.exceptions import AirflowSkipException

        from feature_store.ingest import replay_later_days

        settings, now = replay_settings_for(context), started_at(context)
        days = [c.ds for c in replay_later_days(interval_of(context).ds, settings, now=now)]
        if not days:
            raise AirflowSkipException("no later day depends on what this one changed")
        return days
