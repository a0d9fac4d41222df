"""A new extractor for the whole store, in bounded chunks, while nightly runs go on.

In the order of an upgrade: `settings`, `missing` (which regions lack a vector), `plan` (cut into
chunks), `extract` (the vectors of a chunk; boxes are taken from the store), `commit` (into the
partitions, through a gate), `switch` (the new extractor answers, once nothing is missing; and
back), `run` (all of it). This is a composer: it may import every stage.

Killed anywhere and started again, an upgrade ends with the same store.
"""

from feature_store.upgrade.commit import CommitSummary, commit_upgrade
from feature_store.upgrade.extract import ChunkSummary, extract_chunk
from feature_store.upgrade.plan import UpgradePlan, nothing_to_do, plan_upgrade
from feature_store.upgrade.run import UpgradeSummary, run_upgrade
from feature_store.upgrade.switch import coverage, figure, switch, undo

__all__ = [
    "ChunkSummary",
    "CommitSummary",
    "UpgradePlan",
    "UpgradeSummary",
    "commit_upgrade",
    "coverage",
    "extract_chunk",
    "figure",
    "nothing_to_do",
    "plan_upgrade",
    "run_upgrade",
    "switch",
    "undo",
]
