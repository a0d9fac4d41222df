"""The nightly road from a snapshot to the live bundle, composed of the stages.

In the order in which they run: `needs` (must it run, on what), `gather` and `join` (the snapshot's
rows, of one extractor or several), `build` (the steps, which are `build_plan`, `build_segments`
with `build_neighbours`, and `build_assembly`; they meet in the files of `build_scratch` and are
timed by `stopwatch`), `photo_models` (what a photo can be asked with), `measure` and `pictures`
(with the code that will serve), `page` (the summary for people, with `page_gate` and `page_build`),
`publish` (gate, go live), `record` (what became of it, in the log of runs).
"""

from feature_store.nightly.build import (
    Candidate,
    Plan,
    assemble,
    build_candidate,
    build_segment,
    plan_build,
)
from feature_store.nightly.needs import needs_build
from feature_store.nightly.publish import build_and_publish, check_candidate, publish_candidate

__all__ = [
    "Candidate",
    "Plan",
    "assemble",
    "build_and_publish",
    "build_candidate",
    "build_segment",
    "check_candidate",
    "needs_build",
    "plan_build",
    "publish_candidate",
]
