"""The nightly road from a snapshot to the live bundle, composed of the stages.

In the order in which they run: `needs` (must it run, on what), `gather` (the snapshot's rows),
`build` (index, tune, write), `measure` and `pictures` (with the code that will serve), `page` (the
summary for people), `publish` (gate, go live), `record` (what became of it, in the log of runs).
"""

from feature_store.nightly.build import Candidate, build_candidate
from feature_store.nightly.needs import needs_build
from feature_store.nightly.publish import build_and_publish, check_candidate, publish_candidate

__all__ = [
    "Candidate",
    "build_and_publish",
    "build_candidate",
    "check_candidate",
    "needs_build",
    "publish_candidate",
]
