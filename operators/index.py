"""The four steps that turn a snapshot of the feature store into a published bundle."""

from __future__ import annotations

from collections.abc import Sequence
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


class BuildBundleOperator(BaseOperator):
    """Build the ONNG index of the current snapshot and write it as a candidate bundle."""

    def execute(self, context: Context) -> str:
        """Return the candidate's folder; what was measured goes to the XCom `measured`."""
        from feature_store.nightly import build_candidate

        candidate = build_candidate(settings_for(context))
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
    """Point CURRENT at a bundle that passed its gate."""

    template_fields: Sequence[str] = ("bundle",)

    def __init__(self, *, bundle: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle = bundle

    def execute(self, context: Context) -> str:
        """Return the id of the bundle that is live now."""
        from feature_store.nightly import publish_candidate

        return publish_candidate(self.bundle, settings_for(context))
