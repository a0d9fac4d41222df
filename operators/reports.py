"""Where a browser finds a report: through Airflow's own address, if the plugin is there."""

from __future__ import annotations

PLUGIN_GROUP, PLUGIN = "airflow.plugins", "nitamono_reports"
URL_PREFIX = "/nitamono"
"""Where the plugin serves under Airflow's own address."""


def report_address(folder: str, name: str, path: str) -> str:
    """Return the address of the report `folder`/`name`; without the plugin its `path`."""
    from importlib.metadata import entry_points

    from airflow.sdk.configuration import conf

    if PLUGIN not in entry_points(group=PLUGIN_GROUP).names:
        return path
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return f"{base}{URL_PREFIX}/reports/{folder}/{name}"
