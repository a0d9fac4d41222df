"""When an image that failed is asked for again, and which failures only a person can end."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from feature_store.ingest.settings import IngestSettings
from feature_store.schemas import PASSING_REASONS

MOST_DOUBLINGS = 10
"""From then on, a year and more after the default settings' first try, waits grow no longer: there
is an end to what a date can hold."""

WRONG_CLOCK = dt.timedelta(days=1)
"""A try further in the future than this was written down by a clock that was wrong: to wait for
that time might take years."""


def is_due(
    reason: str | None,
    attempts: int | None,
    tried_at: dt.datetime | None,
    now: dt.datetime,
    settings: IngestSettings,
) -> bool:
    """Tell whether a failed image has waited long enough: twice as long after every further try.

    Never one whose reason lasts, or that was tried `max_attempts` times.
    """
    if is_dead(reason, attempts, settings):
        return False
    if tried_at is None:  # of an older version, which kept no books
        return True
    if tried_at - now > WRONG_CLOCK:
        return True
    doublings = min(max(1, attempts or 1), MOST_DOUBLINGS) - 1
    return now >= tried_at + dt.timedelta(hours=settings.retry_after_hours * 2**doublings)


def is_dead(reason: str | None, attempts: int | None, settings: IngestSettings) -> bool:
    """Tell whether no run asks for a failed image by itself any more."""
    return reason not in PASSING_REASONS or (attempts or 1) >= settings.max_attempts


def dead_letters(ledger: pa.Table, settings: IngestSettings) -> pa.Table:
    """Return the rows (schema LEDGER) of the images that stay failed until a person requeues them.

    Rejected catalogue rows are none: they are mended in the catalogue.
    """
    columns = (ledger[name].to_pylist() for name in ("image_index", "status", "reason", "attempts"))
    chosen = [
        number
        for number, (index, status, reason, attempts) in enumerate(zip(*columns, strict=True))
        if index >= 0 and status == "failed" and is_dead(reason, attempts, settings)
    ]
    return ledger.take(pa.array(chosen, pa.int64()))
