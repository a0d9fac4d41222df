"""A folder as a CDN serves it: plain files, readable from pages of any origin."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from tests.browser.local_server import LocalServer


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class StaticSite(LocalServer):
    """Serves a folder on a port of its own; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        super().__init__(partial(_Handler, directory=str(folder)))
