"""
### Catalogue features: one day of catalogue changes becomes one partition of the feature store

**plan** reads the day's catalogue and finds new, changed and vanished items · **extract** (one
mapped task per shard, bounded by the pool `gpu`) fetches the images, finds the products in them and
describes each by a vector, but nothing that the store knows already · **check** holds the batch
against the quality gate · **commit** replaces the partition, all at once · **replay** plans later
days anew that were planned before this one came.

Running a day again changes nothing: every task is a transaction on its partition.
Backfill: `airflow backfill create --dag-id catalogue_features --from-date … --to-date …`.
When **check** fails, nothing has been written: its message names the check, the items and the
remedy.
"""

import datetime as dt

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param

from operators.ingest import (
    CheckPartitionOperator,
    CommitPartitionOperator,
    ExtractShardOperator,
    PlanPartitionOperator,
    ReplayLaterDaysOperator,
)

with DAG(
    dag_id="catalogue_features",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": dt.timedelta(seconds=30)},
    tags=["nitamono"],
    doc_md=__doc__,
    params={
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The partition to write (UTC). Empty: the day of this run's interval.",
        ),
        "catalogue": Param(
            None,
            type=["null", "string"],
            title="Catalogue",
            description="A file or folder to read instead of NITAMONO_CATALOGUE; "
            "{ds} stands for the day.",
        ),
        "min_indexed_share": Param(
            None,
            type=["null", "number"],
            minimum=0,
            maximum=1,
            title="Least share of images indexed",
            description="Let a batch through the gate that has more failed images than usual.",
        ),
    },
) as dag:
    plan = PlanPartitionOperator(task_id="plan")
    extract = ExtractShardOperator.partial(
        task_id="extract", pool="gpu", map_index_template="{{ task.shard.rsplit('/', 1)[-1] }}"
    ).expand(shard=plan.output)
    check = CheckPartitionOperator(task_id="check", trigger_rule="none_failed", retries=0)
    commit = CommitPartitionOperator(task_id="commit", outlets=[Asset("nitamono://features")])
    replay = ReplayLaterDaysOperator(task_id="replay", pool="gpu")
    plan >> extract >> check >> commit >> replay
