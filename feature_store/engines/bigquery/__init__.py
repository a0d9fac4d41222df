"""BigQuery as an engine: VECTOR_SEARCH over the features that the store already holds there.

`sql` writes the statements, `engine` runs them. No vector of a bundle is uploaded: BigQuery takes
the live features of the very snapshot that the bundle was built from, subtracts the bundle's mean
and brings them to unit length itself. Only that mean, and the questions, travel.
"""

from feature_store.engines.bigquery.engine import BigQueryEngine
from feature_store.engines.bigquery.sql import EXACT, How

__all__ = ["EXACT", "BigQueryEngine", "How"]
