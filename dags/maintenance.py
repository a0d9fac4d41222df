"""
### Maintenance: every day the feature store, the bundles and the leftovers are put in order

**store** puts small files together and removes rows that were superseded longer ago than history
is kept · **bundles** removes old bundles, never the live one, the one before it, or one that a
reader holds · **leftovers** removes half-made partitions that nobody finishes, thumbnails that
nothing shows, what killed programs left behind, and old runs from the log.

Every step may run beside ingests, builds and readers; run again, it finds nothing to do. How long
what is kept: NITAMONO_UPKEEP_HISTORY_DAYS, _STAGING_DAYS and _RUNS_DAYS,
NITAMONO_INDEX_KEEP_BUNDLES, or the trigger form. `nitamono upkeep --dry-run` says beforehand what
would go.
"""

import datetime as dt

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from operators.upkeep import (
    UpkeepBundlesOperator,
    UpkeepLeftoversOperator,
    UpkeepStoreOperator,
)

with DAG(
    dag_id="maintenance",
    schedule=CronDataIntervalTimetable("0 5 * * *", timezone="UTC"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": dt.timedelta(seconds=30)},
    tags=["nitamono"],
    doc_md=__doc__,
    params={
        "history_days": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Days of history",
            description="Keep superseded rows so many days this time. Empty: as the settings say.",
        ),
    },
) as dag:
    UpkeepStoreOperator(task_id="store")
    bundles = UpkeepBundlesOperator(task_id="bundles")
    leftovers = UpkeepLeftoversOperator(task_id="leftovers")
    bundles >> leftovers  # a thumbnail goes with the last bundle that shows it
