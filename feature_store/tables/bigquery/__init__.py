"""The feature store in BigQuery, through Google's own clients.

In the order in which a partition meets them: `layout` (the tables, and how their rows are written
in BigQuery's types), `service` (queries, their parameters, and what goes wrong with them),
`staging` (Parquet in Cloud Storage, load jobs), `commits` (the transaction that replaces a
partition, and the log), `snapshot` (the live rows), `ordered` (features in order within little
memory), `known` (what need not be computed again), `store` (all of it behind the protocol).
"""

from feature_store.tables.bigquery.store import BigQueryFeatureStore

__all__ = ["BigQueryFeatureStore"]
