"""
### Model upgrade: the whole feature store under a new extractor, while nightly runs go on

**plan** finds the regions that the wanted extractor has not described, the oldest days first ·
**extract** (one mapped task per chunk, in the pool `gpu`, after any ingest that waits) fetches
their images and describes the boxes that the store knows · **commit** adds the vectors to their
partitions, each through the gate · **switch** lets the extractor answer once it describes every
image of every live item, and until then says how many.

Set NITAMONO_VISION_EXTRACTOR and the next run begins; with nothing to do, a run skips. Ingests
describe new images under both. Index builds after the switch use the new one; `nitamono models
undo` goes back. One day: `airflow backfill create --dag-id model_upgrade --from-date … --to-date …
--reprocess-behavior completed`.
"""

import datetime as dt

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, Param

from operators.upgrade import (
    CommitUpgradeOperator,
    ExtractChunkOperator,
    PlanUpgradeOperator,
    SwitchExtractorOperator,
)

with DAG(
    dag_id="model_upgrade",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": dt.timedelta(seconds=30)},
    tags=["nitamono"],
    doc_md=__doc__,
    params={
        "extractor": Param(
            None,
            type=["null", "string"],
            title="Extractor",
            description="Name it as in NITAMONO_VISION_EXTRACTOR, also to choose again one that "
            "was undone. Empty: the configured one.",
        ),
        "switch": Param(
            True,
            type="boolean",
            title="Switch when complete",
            description="Let the extractor answer as soon as it describes every live image.",
        ),
        "images": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Images at most",
            description="Take up so many images in this run. Empty: "
            "NITAMONO_UPGRADE_IMAGES_PER_RUN, or the whole day in a backfill.",
        ),
    },
) as dag:
    plan = PlanUpgradeOperator(task_id="plan")
    extract = ExtractChunkOperator.partial(
        task_id="extract",
        pool="gpu",
        weight_rule="absolute",  # behind ingest's, which more tasks wait for
        map_index_template="{{ task.chunk.rsplit('/', 1)[-1] }}",
    ).expand(chunk=plan.output)
    commit = CommitUpgradeOperator(
        task_id="commit",
        folder="{{ ti.xcom_pull(task_ids='plan', key='plan')['folder'] }}",
        trigger_rule="none_failed_min_one_success",
        outlets=[Asset("nitamono://features")],
    )
    switch = SwitchExtractorOperator(task_id="switch")
    [plan, extract] >> commit >> switch
