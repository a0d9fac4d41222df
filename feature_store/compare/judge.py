"""A page on this machine alone, on which a person says which of two rows is better, blindly."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from feature_store.compare.trials import Trials

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_BODY_BYTES = 4096


class JudgeServer(ThreadingHTTPServer):
    """Serves one judge at a time; listens on the loopback address only."""

    daemon_threads = True

    def __init__(self, trials: Trials, port: int = 0) -> None:
        """Listen on 127.0.0.1:`port`, or on a free port; OSError if it is taken."""
        super().__init__((HOST, port), _Handler)
        self.trials = trials
        self.turn = threading.Lock()
        self.page, self.policy = _page()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong with a request; a browser that hangs up is nothing to speak of."""
        hung_up = isinstance(sys.exception(), ConnectionError)
        level = logging.DEBUG if hung_up else logging.ERROR
        log.log(level, "a request of %s failed: %r", client_address, request, exc_info=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        """What a browser opens."""
        return f"http://{HOST}:{self.port}/"


@contextmanager
def running(server: JudgeServer) -> Iterator[JudgeServer]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Four addresses: the page, the next question, an answer, a picture."""

    server: JudgeServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "nitamono", ""

    def do_GET(self) -> None:
        """Answer with the page, the next question or a picture."""
        if not self._is_ours():
            return
        trials = self.server.trials
        if self.path == "/":
            self._send(200, "text/html; charset=utf-8", self.server.page)
        elif self.path == "/next":
            with self.server.turn:
                self._send_json(self._state())
        elif self.path.startswith("/picture/"):
            picture = trials.picture(self.path.removeprefix("/picture/"))
            self._send(200 if picture else 404, "image/jpeg", picture or b"")
        else:
            self._send(404, "text/plain", b"no such address\n")

    def do_POST(self) -> None:
        """Keep an answer, and tell the next question."""
        if not self._is_ours(writing=True):
            return
        body = self._body()
        if self.path != "/answer" or body is None:
            self._send(400, "text/plain", b"an answer is a small JSON object to /answer\n")
            return
        with self.server.turn:
            try:
                kept = self.server.trials.answer(str(body.get("trial")), str(body.get("verdict")))
            except OSError as error:  # the question stays open, to be answered again
                log.error("an answer cannot be kept: %s", error)
                self._send(507, "text/plain", b"the answer cannot be kept\n")
            else:
                self._send_json(self._state(), 200 if kept else 409)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log requests where the library logs."""
        log.debug(format, *args)

    def _is_ours(self, *, writing: bool = False) -> bool:
        """Refuse whoever got here by another name, or from another page.

        A name that somebody else's DNS points here is not ours; and a page of another origin can
        send a request, but not without its browser saying where it comes from.
        """
        names = {f"{HOST}:{self.server.port}", f"localhost:{self.server.port}"}
        origin = self.headers.get("Origin")
        own = self.headers.get("Host") in names
        here = origin in {f"http://{name}" for name in names} or (origin is None and not writing)
        fetched = self.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
        if own and here and fetched:
            return True
        self.close_connection = True  # whatever body there is stays unread
        self._send(403, "text/plain", b"this page is for this machine alone\n")
        return False

    def _body(self) -> dict[str, Any] | None:
        length = self.headers.get("Content-Length", "")
        json_sent = self.headers.get_content_type() == "application/json"
        if not (length.isdecimal() and int(length) <= MAX_BODY_BYTES and json_sent):
            self.close_connection = True
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None

    def _state(self) -> dict[str, Any]:
        trials = self.server.trials
        return {"question": trials.next(), "tally": trials.judgements.tally().to_dict()}

    def _send_json(self, value: Any, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def _page() -> tuple[bytes, str]:
    """Return the page, and the policy that lets its own script and style run and nothing else.

    Photos without a thumbnail come from the addresses that the catalogue itself names.
    """
    text = files("feature_store.compare").joinpath("judge.html").read_text(encoding="utf-8")
    digests = {}
    for tag in ("style", "script"):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digests[tag] = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digests['script']}'; "
        f"style-src 'sha256-{digests['style']}'; img-src 'self' data: https:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy
