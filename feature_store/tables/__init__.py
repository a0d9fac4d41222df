"""The feature store: partitions that are replaced whole, and snapshots that read them.

In the order in which a partition meets them: `store` (the protocol and its small values), `check`
(what a store refuses to write), `content` (the canonical order and the content hash), `delta` (the
store as Delta tables), `commits` (the log that makes a partition visible), `pinned` (one table as
a snapshot sees it), `snapshot` (the live rows), `spool` (features in order within little memory),
`known` (features that need not be computed again), `opening` (the store of a home).
"""

from feature_store.tables.opening import open_store
from feature_store.tables.store import Commit, Coverage, FeatureStore, PartitionBatch, Snapshot

__all__ = ["Commit", "Coverage", "FeatureStore", "PartitionBatch", "Snapshot", "open_store"]
