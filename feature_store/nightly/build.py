"""From a snapshot to a candidate bundle, in steps that can each be run again: plan, segments, all.

Every step puts what it made in its place by one rename, and finds what was done before: killed at
any moment and run again it ends the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from feature_store.bundle.write import BundleWriter
from feature_store.nightly.build_assembly import Candidate, make_candidate
from feature_store.nightly.build_plan import Plan, make_plan, read_plan
from feature_store.nightly.build_segments import make_segment
from feature_store.nightly.needs import NightlySettings
from feature_store.nightly.record import noting_failure
from feature_store.nightly.stopwatch import Progress, unheard
from feature_store.tables import FeatureStore

__all__ = ["Candidate", "Plan", "assemble", "build_candidate", "build_segment", "plan_build"]


def plan_build(
    settings: NightlySettings, store: FeatureStore | None = None, progress: Progress = unheard
) -> Plan:
    """Read the store's current snapshot into a scratch folder, cut it into segments, forecast.

    Raises IndexBuildError if there is nothing to index, naming the item whose vector cannot be,
    and for a build that does not fit into memory; then nothing is left.
    """
    with noting_failure(settings.home):
        return make_plan(settings, store, progress)


def build_segment(
    folder: str | Path, number: int, settings: NightlySettings, progress: Progress = unheard
) -> dict[str, Any]:
    """Build and tune the index of segment `number` of the plan in `folder`; return a summary.

    Segments of one plan may be built side by side. Raises IndexBuildError naming the segment.
    """
    with noting_failure(settings.home):
        about = make_segment(read_plan(folder, settings.index), number, settings.index, progress)
    measured = about["measured"]
    return {
        "segment": about["name"],
        "regions": about["regions"],
        "reduced_dim": about["reduced_dim"],
        "search": about["search"],
        "recall_at_10": round(measured["recall_at_10"], 5),
        "neighbours": measured["neighbours"]["method"],
        "seconds": round(sum(about["cost"]["seconds"].values()), 1),
        "peak_memory_mb": round(about["cost"]["peak_memory_bytes"] / 1e6),
    }


def assemble(
    folder: str | Path,
    settings: NightlySettings,
    store: FeatureStore | None = None,
    progress: Progress = unheard,
) -> Candidate:
    """Put the built segments of the plan in `folder` together and measure the bundle.

    Nothing goes live. Raises IndexBuildError naming a segment that has not been built.
    """
    with noting_failure(settings.home):
        return make_candidate(folder, settings, store, progress)


def build_candidate(
    settings: NightlySettings, store: FeatureStore | None = None, progress: Progress = unheard
) -> Candidate:
    """Build a bundle from the store's current snapshot and measure it; nothing goes live.

    All steps, one after the other. Leaves nothing if one fails.
    """
    plan = plan_build(settings, store, progress)
    try:
        for number in plan.segments:
            build_segment(plan.folder, number, settings, progress)
        return assemble(plan.folder, settings, store, progress)
    except BaseException:
        BundleWriter.resume(plan.folder).discard()
        raise
