"""
### Shopper events: what shoppers saw, clicked and bought, counted day by day

The lookup service writes what the widget reports as small Parquet files. **gather** puts those of a
day into one, and those that came late for earlier days · **summarise** counts them, by bundle,
position and item, and says how many do not count and why · **report** draws the newest days (*What
shoppers did*) · **forget** removes events older than NITAMONO_EVENTS_KEEP_DAYS; their counts stay.

Running a day again gives the same counts. A day without an event skips. Two bundles are compared
by `nitamono events BEFORE AFTER`; give one of them a share beforehand: `nitamono canary`.
Backfill: `airflow backfill create --dag-id shopper_events --from-date … --to-date …`.
"""

import datetime as dt

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from operators.events import (
    ForgetEventsOperator,
    GatherEventsOperator,
    ReportEventsOperator,
    SummariseEventsOperator,
)

with DAG(
    dag_id="shopper_events",
    schedule=CronDataIntervalTimetable("0 1 * * *", timezone="UTC"),  # the last files have come
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
            description="The day to count (UTC). Empty: the one on which this run's interval "
            "begins.",
        ),
    },
) as dag:
    gather = GatherEventsOperator(task_id="gather")
    summarise = SummariseEventsOperator(task_id="summarise", days=gather.output)
    report = ReportEventsOperator(task_id="report")
    forget = ForgetEventsOperator(task_id="forget", trigger_rule="none_failed")
    summarise >> report >> forget
