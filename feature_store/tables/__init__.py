"""The feature store: partitions that are replaced whole, and snapshots that read them.

In the order in which a partition meets them: `store` (the protocol and its small values),
`settings` (which store, and where), `check` (what a store refuses to write), `content` (the
canonical order and the content hash), `drafts` (a commit that is to be), `location` (a folder or a
URL), `delta_table` (one Delta table), `delta` (the store as Delta tables), `bigquery` (the store as
BigQuery tables), `commits` (the log that makes a partition visible), `history` (how far back the
log can be read), `pinned` (one table as a snapshot sees it), `snapshot` (the live rows), `spool`
(features in order within little memory), `known` and `sources` (what need not be computed or
fetched again), `upkeep` (small files and old rows), `opening` (the store of a home).
"""

from feature_store.tables.opening import open_store
from feature_store.tables.store import Commit, Coverage, FeatureStore, PartitionBatch, Snapshot

__all__ = ["Commit", "Coverage", "FeatureStore", "PartitionBatch", "Snapshot", "open_store"]
