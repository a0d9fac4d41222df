"""A Vald cluster as an engine: names that it takes, calls that survive it, the export, the search.

In the order in which an export meets them: `names`, `calls` (patience with a cluster that fails),
`cluster` (the connection), `export`, `engine`. Needs `vald-client-python`, which is in neither
environment unless somebody asks for it: `pip install "nitamono[vald]"`.
"""

from feature_store.engines.vald.calls import Pace, Refusal
from feature_store.engines.vald.cluster import Cluster
from feature_store.engines.vald.engine import ValdEngine
from feature_store.engines.vald.export import Exported, export

__all__ = ["Cluster", "Exported", "Pace", "Refusal", "ValdEngine", "export"]
