"""One day's catalogue becomes one partition of the feature store: plan → shard → check → commit.

In the order of a run: `settings`, `plan` (what changed, cut into shards), `staging` (where a
half-made partition lies), `outcomes` (what became of each image), `shard` (images, regions and
features of one shard), `assemble` (the shards together), `commit` (the gate, and the store), `run`
(all of it). This is a composer: it may import every stage.

Killed anywhere and started again, a run ends with the same partition.
"""

from feature_store.ingest.commit import check_partition, commit_partition, read_ledger
from feature_store.ingest.plan import Plan, plan_partition
from feature_store.ingest.run import ingest_partition
from feature_store.ingest.shard import ShardSummary, process_shard

__all__ = [
    "Plan",
    "ShardSummary",
    "check_partition",
    "commit_partition",
    "ingest_partition",
    "plan_partition",
    "process_shard",
    "read_ledger",
]
