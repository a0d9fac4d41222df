"""The two steps between the index gate and the flip: what would change, and who agrees to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, BaseOperatorLink

from operators.context import Context, settings_for
from operators.reports import report_address


class WhatChangedLink(BaseOperatorLink):
    """The button that opens the contact sheet of a comparison."""

    name = "What changed"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Return the report's address; without the plugin its path; "" where there is none."""
        from airflow.sdk.execution_time.xcom import XCom

        summary = XCom.get_value(ti_key=ti_key, key="return_value")
        return report_link(summary) if isinstance(summary, dict) else ""


class CompareBundleOperator(BaseOperator):
    """Compare a proven candidate with the live bundle, and draw what shoppers would see change."""

    template_fields: Sequence[str] = ("bundle",)
    operator_extra_links = (WhatChangedLink(),)

    def __init__(self, *, bundle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> dict[str, Any]:
        """Return churn, causes and the report's path; nothing but the id if nothing is live."""
        from pathlib import Path

        from feature_store.compare import compare_with_live

        bundle_id = Path(self.bundle).name
        found = compare_with_live(settings_for(context), bundle_id)
        return found.summary() if found else {"before": None, "after": bundle_id}


class ApproveBundleOperator(ApprovalOperator):
    """Wait for a person where too much would change; otherwise pass at once.

    A rejection skips what comes after; nobody's answer in time fails the task. Either way the live
    bundle stays. Nobody is asked while a pin holds, since nothing is published then.
    """

    template_fields: Sequence[str] = ("comparison",)

    def __init__(self, *, comparison: Any, **kwargs: Any) -> None:
        super().__init__(subject="Publish this bundle?", **kwargs)
        self.comparison = comparison

    def execute(self, context: Context) -> Any:
        """Return at once, or ask and wait."""
        from feature_store.bundle.opening import registry_of
        from feature_store.compare import explain

        found, settings = self.comparison, settings_for(context)
        if not found.get("needs_approval"):
            self.log.info("nobody has to agree: %s", explain(found) if found["before"] else "first")
            return {"asked": False}
        if registry_of(settings).pinned() is not None:
            self.log.info("a pin holds: nothing is published, nobody is asked")
            return {"asked": False}
        hours = settings.compare.approval_hours
        self.response_timeout = dt.timedelta(hours=hours)
        self.subject = f"Publish {found['after']}? {explain(found)}"
        self.body = _question(found, hours)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on if somebody agreed; else say so, leave the live bundle live and skip the rest."""
        from airflow.providers.standard.exceptions import HITLTimeoutError
        from airflow.sdk.exceptions import AirflowFailException

        found = self.comparison
        by_hand = f"'nitamono publish {found['after']}' publishes it after all"
        who = (event.get("responded_by_user") or {}).get("name", "somebody")
        if event.get("chosen_options") == [self.REJECT]:  # now: skipping the rest ends the task
            _note_declined(found, context)
            self.log.warning("rejected by %s: %s stays live. %s", who, found["before"], by_hand)
        try:
            super().execute_complete(context, event)
        except HITLTimeoutError:
            _note_declined(found, context)
            raise AirflowFailException(
                f"nobody answered in time: {found['before']} stays live. {by_hand}"
            ) from None
        self.log.info("approved by %s", who)
        return {"asked": True, "approved": True, "by": who}


def report_link(summary: dict[str, Any]) -> str:
    """Return where a browser finds a comparison's report, and "" where there is none."""
    if not summary.get("report"):
        return ""
    return report_address(str(summary["after"]), "compare.html", str(summary["report"]))


def _question(found: dict[str, Any], hours: float) -> str:
    """Put the question in Markdown; nothing in it is text of the catalogue."""
    from feature_store.compare import CAUSES, explain

    rows = "\n".join(
        f"| {name} | {100 * cause['share']:.1f} % | {cause['lost']:,} | {cause['gained']:,} "
        f"| {CAUSES[name]} |"
        for name, cause in found["causes"].items()
    )
    return (
        f"{explain(found)}. [**See what changed**]({report_link(found)})\n\n"
        "| cause | share | lost | gained | |\n|---|---:|---:|---:|---|\n"
        f"{rows}\n\nLive: `{found['before']}`. Waiting: `{found['after']}`. "
        f"Without an answer within {hours:g} hours, or if you reject it, the live bundle stays."
    )


def _note_declined(found: dict[str, Any], context: Context) -> None:
    """Note in the log of runs that the bundle was not approved."""
    from feature_store.bundle.format import read_manifest
    from feature_store.bundle.opening import registry_of
    from feature_store.nightly.record import note

    settings = settings_for(context)
    manifest = read_manifest(registry_of(settings).folder / found["after"])
    note(settings.home, manifest, "not approved")
