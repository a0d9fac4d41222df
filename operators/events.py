"""The steps of the DAG `shopper_events`: gather a day's events, count, draw, forget old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseOperator, BaseOperatorLink

from operators.context import Context, interval_of, settings_for
from operators.reports import report_address


class WhatShoppersDidLink(BaseOperatorLink):
    """The button that opens the report."""

    name = "What shoppers did"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Return the report's address; without the plugin its path; "" where there is none."""
        from airflow.sdk.execution_time.xcom import XCom

        path = XCom.get_value(ti_key=ti_key, key="return_value")
        return report_address("shoppers", "report.html", str(path)) if path else ""


class GatherEventsOperator(BaseOperator):
    """Put the files of the lookup service's workers together, a file a day."""

    def execute(self, context: Context) -> list[str]:
        """Return the days to be counted; skips where no event has come."""
        from airflow.sdk.exceptions import AirflowSkipException

        from feature_store.events import gather_events

        found = gather_events(settings_for(context), interval_of(context).ds)
        context["ti"].xcom_push(key="gathered", value=asdict(found))
        if not found.days:
            raise AirflowSkipException("no event has come")
        return list(found.days)


class SummariseEventsOperator(BaseOperator):
    """Count what shoppers did on each day, by bundle, position and item."""

    template_fields: Sequence[str] = ("days",)

    def __init__(self, *, days: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days = days

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return of each day how many events there are, how many count, and why others do not."""
        from feature_store.events import summarise_events

        return [summarise_events(settings_for(context), day) for day in self.days]


class ReportEventsOperator(BaseOperator):
    """Draw the newest days."""

    operator_extra_links = (WhatShoppersDidLink(),)

    def execute(self, context: Context) -> str:
        """Return the report's path."""
        from feature_store.events import report_events

        return str(report_events(settings_for(context)))


class ForgetEventsOperator(BaseOperator):
    """Remove the events that are older than they are kept; their counts stay."""

    def execute(self, context: Context) -> list[str]:
        """Return the removed days."""
        from feature_store.events import forget_events

        return forget_events(settings_for(context), interval_of(context).ds)
