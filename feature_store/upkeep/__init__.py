"""What keeps a home in order: compaction, retention, and what killed runs left behind.

In the order of an upkeep: `settings`, `removal` (how files go, so that nobody is hurt), `staging`
(half-made partitions that nobody finishes), `thumbnails` (that nothing shows any more),
`leftovers` (of killed programs), `steps` (the three steps, each recorded as a run). This is a
composer: it may import every stage.

Every step may run beside ingests, builds, readers and other upkeeps; a second one finds nothing
to do.
"""

from feature_store.upkeep.steps import (
    BundlesUpkeep,
    LeftoversUpkeep,
    upkeep_bundles,
    upkeep_leftovers,
    upkeep_store,
)

__all__ = [
    "BundlesUpkeep",
    "LeftoversUpkeep",
    "upkeep_bundles",
    "upkeep_leftovers",
    "upkeep_store",
]
