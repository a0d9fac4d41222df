"""A commit that is to be: what it counts, and whether it may replace what it was made from."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.tables.commits import LoggedCommit, overtaken
from feature_store.tables.content import content_hash, rows_hash
from feature_store.tables.store import Commit, PartitionBatch

REGION_KEY = ["item_id", "image_index", "region_id"]


def draft_of(ds: str, batch: PartitionBatch, base: str) -> LoggedCommit:
    """Return the commit of a batch in canonical order, without version, time and pins."""
    deleted = pc.sum(batch.items["deleted"]).as_py() or 0
    commit = Commit(
        version=0,
        ds=ds,
        content_hash=content_hash(batch),
        items=batch.items.num_rows - deleted,
        images=pc.sum(pc.greater_equal(batch.ledger["image_index"], 0)).as_py() or 0,
        regions=batch.features.select(REGION_KEY).group_by(REGION_KEY).aggregate([]).num_rows,
        deleted=deleted,
        base=base,
    )
    return LoggedCommit(commit, {}, rows_hash(batch))


def check_replaces(
    log: Sequence[LoggedCommit], newest: LoggedCommit | None, replaces: int, ds: str
) -> None:
    """Raise CommitConflictError unless the day still holds what it did in version `replaces`.

    Upkeep commits the same rows again: that is no conflict.
    """
    made_from = [e for e in log if e.commit.ds == ds and e.commit.version == replaces]
    if replaces and not made_from:
        raise StoreError(f"no commit of {ds} has the version {replaces}, which is to be replaced")
    if newest and (not made_from or made_from[0].holds != newest.holds):
        raise overtaken(newest.commit)
