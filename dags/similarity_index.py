"""
### Similarity index: every night the feature store becomes a proven, published bundle

**changed** skips the night when the live bundle already holds what would be indexed · **plan**
reads the snapshot, forecasts what the build will take, and cuts it into segments · **segment** (one
mapped task per segment) builds and tunes the ONNG index and lists every region's neighbours ·
**assemble** puts the bundle together and measures it against exact search · **check** holds what
was measured against the index gate · **compare** draws what shoppers would see change, and why ·
**approve** waits for a person if that is too much, else passes at once · **publish** flips one
file.

Every task can be run again. When one fails, or nobody approves, the live bundle stays live. Roll
back by hand with `nitamono rollback`.
"""

import datetime as dt

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param

from operators.compare import ApproveBundleOperator, CompareBundleOperator
from operators.index import (
    AssembleBundleOperator,
    BuildSegmentOperator,
    CheckBundleOperator,
    NeedsBuildOperator,
    PlanBundleOperator,
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
    plan = PlanBundleOperator(task_id="plan")
    segment = BuildSegmentOperator.partial(
        task_id="segment",
        max_active_tis_per_dagrun=2,
        map_index_template="{{ task.folder.rsplit('/', 1)[-1] }}",
    ).expand(folder=plan.output)
    assemble = AssembleBundleOperator(
        task_id="assemble", folder="{{ ti.xcom_pull(task_ids='plan', key='folder') }}"
    )
    check = CheckBundleOperator(task_id="check", bundle=assemble.output, retries=0)
    compare = CompareBundleOperator(task_id="compare", bundle=assemble.output)
    approve = ApproveBundleOperator(task_id="approve", comparison=compare.output)
    publish = PublishBundleOperator(
        task_id="publish",
        bundle=assemble.output,
        comparison=compare.output,
        approval=approve.output,
        outlets=[Asset("nitamono://bundle")],
    )
    changed >> plan >> segment >> assemble >> check >> compare >> approve >> publish
