"""
### Similarity index: every night the feature store becomes a proven, published bundle

**changed** skips the night when the live bundle already holds the current snapshot · **build**
makes the ONNG index and the list of neighbours, measures them against exact search and writes a
bundle · **check** holds what was measured against the index gate · **publish** flips one file.

When **check** fails, the live bundle stays live. Roll back by hand with `nitamono rollback`.
"""

import datetime as dt

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param

from operators.index import (
    BuildBundleOperator,
    CheckBundleOperator,
    NeedsBuildOperator,
    PublishBundleOperator,
)

with DAG(
    dag_id="similarity_index",
    schedule=CronDataIntervalTimetable("0 3 * * *", timezone="UTC"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": dt.timedelta(seconds=30)},
    tags=["nitamono"],
    doc_md=__doc__,
    params={
        "rebuild": Param(
            False,
            type="boolean",
            title="Build even if nothing changed",
            description="Build and publish a bundle although the snapshot is the live one's.",
        ),
    },
) as dag:
    changed = NeedsBuildOperator(task_id="changed")
    build = BuildBundleOperator(task_id="build")
    check = CheckBundleOperator(task_id="check", bundle=build.output, retries=0)
    publish = PublishBundleOperator(
        task_id="publish", bundle=build.output, outlets=[Asset("nitamono://bundle")]
    )
    changed >> build >> check >> publish
