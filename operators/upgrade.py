"""The four steps that bring a new extractor to the whole store, and let it answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseOperator

from operators.context import Context, interval_of, settings_for


class PlanUpgradeOperator(BaseOperator):
    """Find the regions without a vector under the wanted extractor, and cut them into chunks."""

    def execute(self, context: Context) -> list[str]:
        """Return the chunks' paths, to be mapped over; the counts go to the XCom `plan`.

        A backfilled run takes up its own day, any other the oldest days. Skips the rest of the run
        when the wanted extractor answers and describes everything.
        """
        from airflow.sdk.exceptions import AirflowSkipException

        from feature_store.upgrade import nothing_to_do, plan_upgrade

        settings, params = settings_for(context), context["params"]
        model = params.get("extractor") or None
        if reason := nothing_to_do(settings, model):
            raise AirflowSkipException(reason)
        own_day = interval_of(context).ds if context["dag_run"].run_type == "backfill" else None
        plan = asdict(plan_upgrade(settings, model, own_day, params.get("images")))
        chunks: list[str] = plan.pop("chunks")
        plan["days"] = list(plan["days"])
        context["ti"].xcom_push(key="plan", value=plan if chunks else {**plan, "folder": ""})
        return chunks


class ExtractChunkOperator(BaseOperator):
    """Fetch the images of one chunk and describe their stored boxes under the wanted extractor."""

    template_fields: Sequence[str] = ("chunk",)

    def __init__(self, *, chunk: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chunk = chunk

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the chunk's counts: images, reused, detected (0), embedded, failed, seconds."""
        from feature_store.upgrade import extract_chunk

        return asdict(extract_chunk(self.chunk, settings_for(context)))


class CommitUpgradeOperator(BaseOperator):
    """Add the new vectors to their partitions, each through the gate and all at once."""

    template_fields: Sequence[str] = ("folder",)

    def __init__(self, *, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many days were replaced and regions described; {} if nothing was planned."""
        from feature_store.upgrade import commit_upgrade

        return asdict(commit_upgrade(self.folder, settings_for(context))) if self.folder else {}


class SwitchExtractorOperator(BaseOperator):
    """Let the wanted extractor answer, once it describes every image of every live item."""

    def execute(self, context: Context) -> str:
        """Return the figure of its coverage, also in the XCom `coverage`; skips while not all."""
        from airflow.sdk.exceptions import AirflowSkipException

        from feature_store.upgrade import coverage, figure, switch

        settings, params = settings_for(context), context["params"]
        model = params.get("extractor") or None
        covered = coverage(settings, model)
        told = figure(settings, model)
        counts = {"described": covered.described, "indexed": covered.indexed, "figure": told}
        context["ti"].xcom_push(key="coverage", value=counts)
        if covered.described < covered.indexed:
            raise AirflowSkipException(f"no switch yet: {told}")
        if not params.get("switch", True):
            raise AirflowSkipException(f"{told}, and the trigger form asked for no switch")
        return switch(settings, model, by_hand=model is not None)
