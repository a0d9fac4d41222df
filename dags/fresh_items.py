"""
### Fresh items: what was just ingested is found within a minute, what was deleted is gone

**refresh** compares the store with the live bundle (and the canary) and publishes a small tier
beside it: new items with their vectors, new rows of changed ones, and which are gone. The lookup
service merges it with the bundle's index, which stays as it is until the next night.

Runs whenever features were committed or a bundle was published. Whatever arrives while a run goes
on is taken up by one more: each looks at the newest snapshot, and does nothing where the tier holds
it already. Before the first bundle a run skips. When more has changed than a tier may hold
(NITAMONO_FRESH_MAX_REGIONS) it fails, answers stay as they are, and a new bundle is due: trigger
`similarity_index`. By hand: `nitamono refresh`.
"""

import datetime as dt

from airflow.sdk import DAG, Asset

from operators.fresh import RefreshTierOperator

with DAG(
    dag_id="fresh_items",
    schedule=Asset("nitamono://features") | Asset("nitamono://bundle"),
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": dt.timedelta(seconds=5)},
    tags=["nitamono"],
    doc_md=__doc__,
) as dag:
    RefreshTierOperator(task_id="refresh")
