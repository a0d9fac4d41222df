"""One day's catalogue becomes one partition of the feature store: plan → shard → check → commit.

In the order of a run: `settings`, `staging` (where a half-made partition lies), `base` (what a day
is planned from), `requeue`, `retry`, `looks` and `revisit` (which unchanged images are looked at
again),
`plan` (what changed, cut into shards), `models`, `result`, `siblings` and `knowledge` (what need
not be computed), `books` (what the ledger says of an address), `describe`, `outcomes` and `shard`
(images, regions and features of one shard), `assemble` (the shards together), `merge` (what other
extractors made), `audit` (whether the ledger adds up), `commit` (the gate, and the store), `run`
(all of it), `replay` (the days after a late one). This is a composer: it may import every stage.

Killed anywhere and started again, a run ends with the same partition.
"""

from feature_store.ingest.audit import Audit, audit_snapshot
from feature_store.ingest.commit import (
    CommittedDay,
    check_partition,
    commit_partition,
    read_ledger,
)
from feature_store.ingest.plan import Plan, plan_partition
from feature_store.ingest.replay import replay_later_days
from feature_store.ingest.requeue import requeue_items
from feature_store.ingest.result import ShardSummary
from feature_store.ingest.retry import dead_letters
from feature_store.ingest.run import ingest_partition
from feature_store.ingest.shard import process_shard

__all__ = [
    "Audit",
    "CommittedDay",
    "Plan",
    "ShardSummary",
    "audit_snapshot",
    "check_partition",
    "commit_partition",
    "dead_letters",
    "ingest_partition",
    "plan_partition",
    "process_shard",
    "read_ledger",
    "replay_later_days",
    "requeue_items",
]
