"""The steps that turn a snapshot of the feature store into a published bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator

from operators.context import Context, settings_for


class NeedsBuildOperator(BaseOperator):
    """Skip the rest of the run when the live bundle already holds the current snapshot."""

    def execute(self, context: Context) -> bool:
        """Return True when there is something to build; skips otherwise."""
        from airflow.sdk.exceptions import AirflowSkipException

        from feature_store.nightly import needs_build

        if context["params"].get("rebuild") or needs_build(settings_for(context)):
            return True
        raise AirflowSkipException("the live bundle already holds the current snapshot")


class PlanBundleOperator(BaseOperator):
    """Read the snapshot, forecast the build, and cut it into segments."""

    def execute(self, context: Context) -> list[str]:
        """Return the segments' folders, to be mapped over; the plan's goes to the XCom `folder`."""
        from feature_store.nightly import plan_build

        plan = plan_build(settings_for(context))
        context["ti"].xcom_push(key="folder", value=str(plan.folder))
        context["ti"].xcom_push(key="plan", value=plan.summary())
        return [str(plan.segment_folder(number)) for number in plan.segments]


class BuildSegmentOperator(BaseOperator):
    """Build and tune the index of one segment, and list its regions' neighbours."""

    template_fields: Sequence[str] = ("folder",)

    def __init__(self, *, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what the segment holds, how good its search is, and what it took."""
        from feature_store.nightly import build_segment

        folder = Path(self.folder)  # <plan>/segments/<number>
        return build_segment(folder.parents[1], int(folder.name), settings_for(context))


class AssembleBundleOperator(BaseOperator):
    """Put the finished segments together into a candidate bundle, and measure it."""

    template_fields: Sequence[str] = ("folder",)

    def __init__(self, *, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder

    def execute(self, context: Context) -> str:
        """Return the candidate's folder; what was measured goes to the XCom `measured`."""
        from feature_store.nightly import assemble

        candidate = assemble(self.folder, settings_for(context))
        context["ti"].xcom_push(key="measured", value=candidate.summary())
        return str(candidate.path)


class CheckBundleOperator(BaseOperator):
    """Hold a candidate bundle against the index gate; fails the task when a check fails."""

    template_fields: Sequence[str] = ("bundle",)

    def __init__(self, *, bundle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many checks passed; raises GateError naming the failed ones."""
        from feature_store.nightly import check_candidate

        report = check_candidate(self.bundle, settings_for(context))
        report.raise_if_failed()
        return {"checks": len(report.checks)}


class PublishBundleOperator(BaseOperator):
    """Point CURRENT at a bundle that passed its gate, and to which somebody agreed if need be."""

    template_fields: Sequence[str] = ("bundle", "comparison", "approval")

    def __init__(self, *, bundle: str, comparison: Any, approval: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle
        self.comparison = comparison
        self.approval = approval

    def execute(self, context: Context) -> str:
        """Return the id of the bundle that is live now; skips while another one is pinned.

        Fails if another bundle went live while a person was asked, and too much would change.
        """
        from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

        from feature_store.errors import ApprovalError
        from feature_store.nightly import publish_candidate

        approved = bool(self.approval.get("approved"))
        try:
            live = publish_candidate(
                self.bundle, settings_for(context), compared=self.comparison, approved=approved
            )
        except ApprovalError as error:  # trying again would change no less
            raise AirflowFailException(str(error)) from error
        if live != Path(self.bundle).name:
            raise AirflowSkipException(
                f"{live} is pinned and stays live; 'nitamono unpin' lets builds go live again"
            )
        return live
