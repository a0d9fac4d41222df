"""The step that brings the live bundle up to the store between two nights."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from operators.context import Context, settings_for


class RefreshTierOperator(BaseOperator):
    """Publish what changed since the live bundle was built as a tier beside it."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return what became of each bundle's tier; skips as long as there is no bundle."""
        from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

        from feature_store.errors import FreshTierError, NoBundleError
        from feature_store.fresh import refresh

        try:
            return [done.summary() for done in refresh(settings_for(context))]
        except NoBundleError as error:
            raise AirflowSkipException(str(error)) from error
        except FreshTierError as error:  # trying again would find no less
            raise AirflowFailException(str(error)) from error
