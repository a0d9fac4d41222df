"""The last two steps of a day: the gate for the whole batch, then the replaced partition."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from feature_store.errors import CommitConflictError, GateError, StoreError
from feature_store.ingest.assemble import Assembled, assemble, assemble_ledger
from feature_store.ingest.audit import audit_snapshot
from feature_store.ingest.looks import Looks
from feature_store.ingest.merge import with_other_extractors
from feature_store.ingest.requeue import forget_requests
from feature_store.ingest.result import ShardSummary
from feature_store.ingest.staging import (
    forget_day,
    is_planned,
    read_json,
    understanding,
    write_json,
)
from feature_store.quality import Check, Expected, GateReport, check_batch
from feature_store.runs import Run, record_run
from feature_store.tables import Commit, FeatureStore, open_store
from feature_store.tables.check import check_ds
from feature_store.tables.content import canonical, content_hash

if TYPE_CHECKING:
    import pyarrow as pa

    from feature_store.settings import Settings

log = logging.getLogger(__name__)

GATE = "gate.json"
ATTEMPTS = 5


@dataclass(frozen=True)
class CommittedDay:
    """The commit that holds a day, what the run did for it, and whether it wrote anything."""

    commit: Commit
    summary: ShardSummary
    changed: bool


def check_partition(ds: str, settings: Settings) -> GateReport:
    """Hold the described shards of day `ds` against the batch gate; the report is kept beside them.

    Content that the day's commit holds already has passed it, and is not measured again. Raises
    StoreError if a shard is not described yet. A failed check raises nothing by itself (see
    `GateReport.raise_if_failed`), but is recorded as a run that failed.
    """
    started = time.monotonic()
    assembled = assemble(settings.staging / check_ds(ds))
    report = _committed_before(assembled, open_store(settings)) or _measure(assembled, settings)
    content = _content(assembled) if report.passed else ""
    write_json(assembled.folder / GATE, {"content_hash": content, "report": report.to_dict()})
    for check in report.checks:
        log.info("%s %s", ds, check.message)  # whoever wants it to pass raises what failed
    if not report.passed:
        failed = [check.name for check in report.checks if not check.passed]
        _record(assembled, "failed", started, settings, {"failed_checks": failed})
    return report


def _measure(assembled: Assembled, settings: Settings) -> GateReport:
    return check_batch(
        assembled.batch.items,
        assembled.batch.ledger,
        assembled.batch.features,
        expected=Expected(
            previous_live_items=assembled.plan.previous_live_items,
            dims=assembled.dims,
            active=assembled.active,
            planned=assembled.planned,
            revisited=assembled.revisited,
        ),
        settings=settings.quality,
    )


def _committed_before(assembled: Assembled, store: FeatureStore) -> GateReport | None:
    """Return a report that says so if the day's commit holds this very content; else None."""
    stored = _commit_of(assembled.plan.ds, store)
    if stored is None:
        return None
    batch, _ = with_other_extractors(assembled.batch, stored, set(assembled.dims), store)
    if content_hash(canonical(batch)) != stored.content_hash:
        return None
    told = f"content: the same as in version {stored.version} of the store, which passed this gate"
    check = Check("content", True, float(stored.version), "the content of the day's commit", told)
    return GateReport("batch", (check,))


def read_ledger(ds: str, settings: Settings) -> pa.Table:
    """Read what the last run of day `ds` made of each image and bad row (schema LEDGER).

    It is there whether or not the day passed its gate. StoreError if the day was never described.
    """
    day = settings.staging / check_ds(ds)
    try:
        return assemble_ledger(day)
    except StoreError:
        batch, version = open_store(settings).partition(ds)
        if not version:
            raise
        return batch.ledger


def commit_partition(ds: str, settings: Settings) -> CommittedDay:
    """Replace the partition `ds` by what its shards hold; done again, it changes nothing.

    What other extractors have made of the same regions stays. The run is recorded, what it staged
    is removed, and the ledger of the whole store is held against its items. Raises GateError unless
    this very content has passed the gate, CommitConflictError if another run has replaced the same
    day by other rows meanwhile, StoreError if the ledger does not add up.
    """
    started = time.monotonic()
    day = settings.staging / check_ds(ds)
    store = open_store(settings)
    if not is_planned(day) and (done := _commit_of(ds, store)):
        return CommittedDay(done, ShardSummary.total(()), changed=False)
    assembled = assemble(day)
    _require_passed(assembled)
    before = _commit_of(ds, store)
    commit = _replace(ds, assembled, store)
    changed = before is None or before.version != commit.version
    audit_snapshot(store.snapshot()).raise_if_wrong()
    forget_requests(settings.home, assembled.plan.requests)
    Looks(settings.home).remember(assembled.seen)
    detail = {"version": commit.version, "replayed": assembled.plan.settled}
    _record(assembled, "committed" if changed else "unchanged", started, settings, detail)
    forget_day(assembled.folder)
    log.info("%s", commit)
    return CommittedDay(commit, assembled.summary, changed)


def _commit_of(ds: str, store: FeatureStore) -> Commit | None:
    return next((commit for commit in store.commits() if commit.ds == ds), None)


def _require_passed(assembled: Assembled) -> None:
    ds = assembled.plan.ds
    gate = read_json(assembled.folder / GATE)
    if gate is None:
        raise GateError("batch", [f"{ds} has not been checked; run its check step first"])
    with understanding(assembled.folder / GATE):
        report, content = GateReport.from_dict(gate["report"]), gate["content_hash"]
    report.raise_if_failed()
    if content != _content(assembled):
        raise GateError("batch", [f"{ds} was described again after its check; check it again"])


def _replace(ds: str, assembled: Assembled, store: FeatureStore) -> Commit:
    """Replace the partition; an upgrade that adds vectors to it at the same time is waited out."""
    first = stored = _commit_of(ds, store)
    for attempt in range(1, ATTEMPTS + 1):
        batch, version = with_other_extractors(assembled.batch, stored, set(assembled.dims), store)
        try:
            return store.replace_partition(ds, batch, base=assembled.plan.base, replaces=version)
        except CommitConflictError:
            stored = _commit_of(ds, store)
            if attempt == ATTEMPTS or _rows(stored) != _rows(first):
                raise
            log.info("vectors were added to %s meanwhile: merging them", ds)
    raise AssertionError("the last attempt returns or raises")


def _rows(commit: Commit | None) -> tuple[object, ...] | None:
    """What a commit that only adds vectors leaves as it was."""
    if commit is None:
        return None
    return commit.base, commit.items, commit.images, commit.deleted


def _record(
    assembled: Assembled, outcome: str, started: float, settings: Settings, detail: dict[str, Any]
) -> None:
    plan, summary = assembled.plan, assembled.summary
    counts = asdict(summary)
    counts["seconds"] = round(summary.seconds + time.monotonic() - started, 3)
    run = Run("ingest", plan.ds, plan.at, outcome=outcome, detail=detail, **counts)
    record_run(settings.home, run)


def _content(assembled: Assembled) -> str:
    return content_hash(canonical(assembled.batch))
