"""A shop of another origin that embeds the widget, under a strict Content-Security-Policy."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from tests.browser.local_server import LocalServer

POLICY = (
    "default-src 'none'; script-src {service}; style-src 'self'; "
    "img-src 'self' {service}; connect-src {service}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'"
)
SHEET = """
body { margin: 2rem; font-family: sans-serif; }
similar-items:not(:defined) { display: block; min-height: 22em; }
similar-items[facets]:not(:defined) { min-height: 25.25em; }
product-photo, product-photo img { display: block; }
.below { height: 40rem; }
"""


class HostPages(LocalServer):
    """Serves one page at `/`, `body` in it, on a port of its own; use as a context manager."""

    def __init__(self, service: str) -> None:
        self.body = ""
        self.language = "en"
        self.direction = "ltr"
        self.version = "0.2.0"
        self.sheet = SHEET
        self._service = service
        super().__init__(self._handler())

    def _page(self) -> str:
        script = f"{self._service}/widget/{self.version}/similar-items.js"
        return (
            f'<!doctype html><html lang="{self.language}" dir="{self.direction}"><head>'
            '<meta charset="utf-8"><title>A shop</title>'
            '<meta name="viewport" content="width=device-width">'
            '<link rel="stylesheet" href="/shop.css"><link rel="icon" href="/icon.svg">'
            f'<script type="module" src="{script}" crossorigin="anonymous"></script></head>'
            f"<body><main><h1>A product</h1>{self.body}"
            '<p class="below">Below</p></main></body></html>'
        )

    def _answer(self, path: str) -> tuple[str, str]:
        if path == "/shop.css":
            return "text/css", self.sheet
        if path == "/icon.svg":
            return "image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"/>'
        return "text/html", self._page()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                media_type, text = pages._answer(self.path)
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", f"{media_type}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                policy = POLICY.format(service=pages._service)
                self.send_header("Content-Security-Policy", policy)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler
