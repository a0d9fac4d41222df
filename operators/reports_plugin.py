"""Airflow plugin: its API server shows the reports of bundles and of shoppers' events.

They are those under <home>/reports and <home>/shoppers; whoever sees the DAG of a report sees it.

Airflow loads it in each of its processes, so the web part is only imported with the first request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from operators.reports import PLUGIN, URL_PREFIX

DAG_ID, SHOPPERS_DAG_ID = "similarity_index", "shopper_events"
FILES = {"compare.html": "text/html", "compare.json": "application/json"}
"""The only files of a bundle's report that are served, with their types."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


async def reports(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: the ASGI application that Airflow mounts."""
    await _application()(scope, receive, send)


class ReportsPlugin(AirflowPlugin):
    """Mounts the reports under Airflow's own address."""

    name = PLUGIN
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": reports, "url_prefix": URL_PREFIX, "name": "Nitamono reports"}
    ]


@cache
def _application() -> Any:
    """Build the application; every answer needs a user who may see the DAG."""
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.responses import FileResponse, RedirectResponse, Response

    application = FastAPI(title="Nitamono reports", docs_url=None, redoc_url=None, openapi_url=None)
    may_see = Depends(requires_access_dag("GET", param_dag_id=DAG_ID))
    may_see_shoppers = Depends(requires_access_dag("GET", param_dag_id=SHOPPERS_DAG_ID))

    @application.get("/reports/shoppers/report.html", dependencies=[may_see_shoppers])
    def shoppers() -> Response:
        path = find_shoppers()
        if path is None:
            raise HTTPException(404, "no day has been counted yet")
        return FileResponse(path, media_type="text/html", headers=HEADERS)

    @application.get("/reports/{bundle_id}/{name}", dependencies=[may_see])
    def report(bundle_id: str, name: str) -> Response:
        path = find_report(bundle_id, name)
        if path is None:
            raise HTTPException(404, "there is no such report here; it may have been removed")
        return FileResponse(path, media_type=FILES[name], headers=HEADERS)

    @application.exception_handler(401)
    async def log_in(request: Request, error: HTTPException) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            root = str(request.scope.get("app_root_path", "")).removesuffix(URL_PREFIX)
            return RedirectResponse(f"{root}/api/v2/auth/login?next={request.url.path}")
        return Response(str(error.detail), 401)

    return application


def find_shoppers() -> Path | None:
    """Return the path of the report of what shoppers did, or None where there is none."""
    from feature_store.events.steps import report_path
    from feature_store.settings import Settings

    path = report_path(Settings.from_environment().home)
    return path if path.is_file() else None


def find_report(bundle_id: str, name: str) -> Path | None:
    """Return the path of a report's file, or None for whatever is no file of a report."""
    from feature_store.compare.report import report_path
    from feature_store.errors import BundleError
    from feature_store.settings import Settings

    if name not in FILES:
        return None
    home = Settings.from_environment().home
    try:
        path = report_path(home, bundle_id).with_name(name)
    except BundleError:
        return None
    inside = path.resolve().is_relative_to((home / "reports").resolve())
    return path if inside and path.is_file() else None
