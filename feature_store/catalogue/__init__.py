"""From a shop's file or folder to checked rows, and from two days of rows to what changed.

In the order in which a row meets them: `settings`, `lines` (bytes to numbered lines), `delimited`,
`jsonlines`, `parquet` and `folder` (the four kinds of source), `columns` (what a source must have),
`cells` (one value), `rows` (one row), `read` (the whole catalogue), `changes` (one partition).
"""

from feature_store.catalogue.changes import find_changes
from feature_store.catalogue.read import CatalogueRead, read_catalogue
from feature_store.catalogue.settings import CatalogueSettings

__all__ = ["CatalogueRead", "CatalogueSettings", "find_changes", "read_catalogue"]
