"""What became of a build, in the log of runs."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_store.bundle.format import Manifest
from feature_store.runs import Run, record_run


def note(home: Path, manifest: Manifest, outcome: str) -> None:
    """Note that a bundle was published, or refused by its gate, and how long its build took."""
    counts = manifest.counts
    run = Run(
        kind="index",
        ds="",
        started_at=manifest.created_at,
        seconds=round(sum(manifest.measurements.get("seconds", {}).values()), 3),
        outcome=outcome,
        images=counts.images,
        detail={
            "bundle": manifest.bundle_id,
            "snapshot_version": manifest.snapshot_version,
            "extractor": manifest.extractor,
            "items": counts.items,
            "regions": counts.regions,
        },
    )
    record_run(home, run)


@contextmanager
def noting_failure(home: Path) -> Iterator[None]:
    """Note a build that fails, with its error, which is raised on."""
    started, clock = dt.datetime.now(dt.UTC), time.monotonic()
    try:
        yield
    except Exception as error:
        begun = started.isoformat(timespec="milliseconds")
        seconds = round(time.monotonic() - clock, 3)
        record_run(home, Run("index", "", begun, seconds, "failed", detail={"error": str(error)}))
        raise
