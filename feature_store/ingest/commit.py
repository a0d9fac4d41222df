"""The last two steps of a day: the gate for the whole batch, then the replaced partition."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from feature_store.errors import GateError
from feature_store.ingest.assemble import Assembled, assemble, assemble_ledger
from feature_store.ingest.staging import forget_other_plans, read_json, write_json
from feature_store.quality import Expected, GateReport, Planned, check_batch
from feature_store.tables import Commit, open_store
from feature_store.tables.check import check_ds
from feature_store.tables.content import canonical, content_hash

if TYPE_CHECKING:
    import pyarrow as pa

    from feature_store.settings import Settings

log = logging.getLogger(__name__)

GATE = "gate.json"


def check_partition(ds: str, settings: Settings) -> GateReport:
    """Hold the described shards of day `ds` against the batch gate; the report is kept beside them.

    Raises StoreError if a shard is not described yet. A failed check raises nothing by itself:
    see `GateReport.raise_if_failed`.
    """
    assembled = assemble(settings.staging / check_ds(ds))
    report = check_batch(
        assembled.batch.items,
        assembled.batch.ledger,
        assembled.batch.features,
        expected=_expected(assembled),
        settings=settings.quality,
    )
    content = _content(assembled) if report.passed else ""
    write_json(assembled.folder / GATE, {"content_hash": content, "report": report.to_dict()})
    for check in report.checks:
        log.info("%s %s", ds, check.message)  # whoever wants it to pass raises what failed
    return report


def read_ledger(ds: str, settings: Settings) -> pa.Table:
    """Read what the last run of day `ds` made of each image and bad row (schema LEDGER).

    It is there whether or not the day passed its gate. StoreError if the day was not described.
    """
    return assemble_ledger(settings.staging / check_ds(ds))


def commit_partition(ds: str, settings: Settings) -> Commit:
    """Replace the partition `ds` by what its shards hold; done again, it changes nothing.

    Raises GateError unless this very content has passed the gate.
    """
    assembled = assemble(settings.staging / check_ds(ds))
    gate = read_json(assembled.folder / GATE)
    if gate is None:
        raise GateError("batch", [f"{ds} has not been checked; run its check step first"])
    GateReport.from_dict(gate["report"]).raise_if_failed()
    if gate["content_hash"] != _content(assembled):
        raise GateError("batch", [f"{ds} was described again after its check; check it again"])
    commit = open_store(settings).replace_partition(ds, assembled.batch)
    forget_other_plans(assembled.folder)
    log.info("%s", commit)
    return commit


def _expected(assembled: Assembled) -> Expected:
    found = sorted(assembled.batch.features["extractor"].unique().to_pylist())
    plan = assembled.plan
    return Expected(
        previous_live_items=plan.previous_live_items,
        dims=dict.fromkeys(found, assembled.dim),
        active=found[0] if found else "",
        planned=Planned(plan.items, plan.images, plan.deleted, plan.rejected),
    )


def _content(assembled: Assembled) -> str:
    return content_hash(canonical(assembled.batch))
