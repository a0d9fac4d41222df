"""The three steps that keep a home in order, each of which may run beside everything else."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from airflow.sdk import BaseOperator

from operators.context import Context, settings_for


class UpkeepStoreOperator(BaseOperator):
    """Compact the feature store, and remove rows superseded longer ago than history is kept."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many partitions, commits, files and bytes."""
        from feature_store.upkeep import upkeep_store

        settings = settings_for(context)
        days = context.get("params", {}).get("history_days") or settings.upkeep.history_days
        upkeep = replace(settings.upkeep, history_days=int(days))
        return asdict(upkeep_store(replace(settings, upkeep=upkeep)))


class UpkeepBundlesOperator(BaseOperator):
    """Remove old bundles: never the live one, its predecessor, or one that a reader holds."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the removed bundles and their bytes."""
        from feature_store.upkeep import upkeep_bundles

        return asdict(upkeep_bundles(settings_for(context)))


class UpkeepLeftoversOperator(BaseOperator):
    """Remove stale staging, thumbnails that nothing shows, unfinished files, and old runs."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many of each, and their bytes."""
        from feature_store.upkeep import upkeep_leftovers

        return asdict(upkeep_leftovers(settings_for(context)))
