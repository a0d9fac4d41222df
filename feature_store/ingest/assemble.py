"""The shards of a day put together into one batch, in the order of their items."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from feature_store.errors import StoreError
from feature_store.ingest.plan import DELETED, PLAN, REJECTED, Plan
from feature_store.ingest.shard import ShardResult
from feature_store.ingest.staging import planned_folder, read_json, read_table
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables import PartitionBatch


@dataclass(frozen=True)
class Assembled:
    """A whole partition before it is committed, the folder it lies in, and its vectors' length."""

    folder: Path
    plan: Plan
    batch: PartitionBatch
    dim: int


def assemble(day: Path) -> Assembled:
    """Put the shards of the day whose staging folder is `day` together, in their order.

    Raises StoreError if the day has not been planned, or a shard has not been described, or was
    described by other models than the rest.
    """
    folder = planned_folder(day)
    plan = _read_plan(folder)
    shards = [Path(path) for path in plan.shards]
    results = [_result(shard) for shard in shards]
    keys = {result.key for result in results}
    if len(keys) > 1:
        raise StoreError(
            f"the shards of {plan.ds} were described under {len(keys)} different models or image "
            "settings; describe all of them again"
        )
    tables = [result.tables(folder) for result in results]
    items = [read_table(shard, ITEMS) for shard in shards]
    batch = PartitionBatch(
        items=pa.concat_tables([*items, read_table(folder / DELETED, ITEMS)]),
        ledger=pa.concat_tables(
            [*(ledger for ledger, _ in tables), read_table(folder / REJECTED, LEDGER)]
        ),
        features=pa.concat_tables([FEATURES.empty_table(), *(features for _, features in tables)]),
    )
    return Assembled(folder, plan, batch, results[0].dim if results else 1)


def assemble_ledger(day: Path) -> pa.Table:
    """Put together only the ledger (schema LEDGER) of the day whose staging folder is `day`.

    Raises StoreError if the day has not been planned, or a shard has not been described.
    """
    folder = planned_folder(day)
    shards = [_result(Path(path)) for path in _read_plan(folder).shards]
    tables = [read_table(folder / shard.ledger, LEDGER) for shard in shards]
    return pa.concat_tables([*tables, read_table(folder / REJECTED, LEDGER)])


def _read_plan(folder: Path) -> Plan:
    values = read_json(folder / PLAN)
    if values is None:
        raise StoreError(f"{folder / PLAN} is missing; plan the day again")
    return Plan(**{**values, "shards": tuple(values["shards"])})


def _result(shard: Path) -> ShardResult:
    result = ShardResult.of(shard)
    if result is None:
        raise StoreError(f"{shard} has not been described yet; run its extract step")
    return result
