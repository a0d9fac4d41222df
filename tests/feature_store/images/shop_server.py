"""A real HTTP server on 127.0.0.1 that answers as good and bad hosts of images do."""

from __future__ import annotations

import contextlib
import functools
import gzip
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ShopServer(ThreadingHTTPServer):
    """Serves `photo` under /photo.jpg and trouble elsewhere; counts requests and connections."""

    daemon_threads = True

    def __init__(self, photo: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.photo = photo
        self.requests: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.times: list[float] = []
        self.connections = 0
        self.closing = threading.Event()
        self.etag: str | None = None
        self.modified: str | None = None
        self.let_go = threading.Event()
        self.held: Counter[str] = Counter()
        self.most_held: Counter[str] = Counter()
        self.counting = threading.Lock()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up early is what many tests are about; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ShopServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, _, argument = self.path.partition("?")
        with self.server.counting:
            self.server.requests[path] += 1
            self.server.headers = dict(self.headers)
            self.server.asked.append((self.path, dict(self.headers)))
            self.server.times.append(time.monotonic())
        answer = getattr(self, "_" + path.strip("/").partition(".")[0].replace("-", "_"), None)
        with contextlib.suppress(ConnectionError):
            if answer is None:
                self._send(404, b"no")
            else:
                answer(argument)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _photo(self, _: str) -> None:
        self._send(200, self.server.photo, Set_Cookie="tracking=1; Path=/")

    def _status(self, argument: str) -> None:
        self._send(int(argument), b"trouble")

    def _flaky(self, argument: str) -> None:
        if self.server.requests["/flaky"] < int(argument):
            self._send(503, b"later")
        else:
            self._photo("")

    def _reset(self, argument: str) -> None:
        if self.server.requests["/reset"] < int(argument):
            self.close_connection = True
            return
        self._photo("")

    def _redirect(self, argument: str) -> None:
        self._send(302, b"", Location=argument)

    def _loop(self, argument: str) -> None:
        self._send(301, b"", Location=f"/loop?{int(argument or 0) + 1}")

    def _announced(self, argument: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", argument)
        self.end_headers()
        self.close_connection = True

    def _endless(self, _: str) -> None:
        self._start_chunks()
        while not self.server.closing.is_set():
            self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def _drip(self, _: str) -> None:
        self._start_chunks()
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"1\r\nx\r\n")

    def _drip_headers(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"X-Wait: 1\r\n")

    def _silent(self, _: str) -> None:
        self.server.closing.wait(5)
        self.close_connection = True

    def _gzip(self, argument: str) -> None:
        self._send(200, _gzip_bomb(), Content_Encoding=argument or "gzip", Content_Type="image/png")

    def _versioned(self, _: str) -> None:
        """Answer as an honest host does: 304 to whoever has the newest version."""
        etag, modified = self.server.etag, self.server.modified
        known = self.headers["If-None-Match"] == etag if etag else False
        if known or (modified and self.headers["If-Modified-Since"] == modified):
            self._send(304, b"", **_present(ETag=etag))
        else:
            self._send(200, self.server.photo, **_present(ETag=etag, Last_Modified=modified))

    def _other_versioned(self, _: str) -> None:
        self._versioned(_)

    def _stubborn(self, _: str) -> None:
        """Tell the version, and send the bytes whatever was asked."""
        headers = _present(ETag=self.server.etag, Last_Modified=self.server.modified)
        self._send(200, self.server.photo, **headers)

    def _busy(self, argument: str) -> None:
        """Ask to be asked again later, the first time."""
        if self.server.requests["/busy"] == 1:
            self._send(429, b"", Retry_After=urllib.parse.unquote(argument))
        else:
            self._photo("")

    def _cut(self, argument: str) -> None:
        """Announce the whole photo, in a length or in chunks or not at all, and send half of it."""
        half = self.server.photo[: len(self.server.photo) // 2]
        if argument == "chunks":
            self._start_chunks()
            self.wfile.write(f"{len(half):x}\r\n".encode() + half + b"\r\n")
        else:
            self.send_response(200)
            if argument == "length":
                self.send_header("Content-Length", str(len(self.server.photo)))
            self.end_headers()
            self.wfile.write(half)
        self.close_connection = True

    def _swapped(self, _: str) -> None:
        """Send the photo's head, and its bytes in another order."""
        photo = self.server.photo
        self._send(200, photo[: len(photo) // 3] + photo[: len(photo) // 3 - 1 : -1])

    def _disguised(self, argument: str) -> None:
        body = {
            "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "html": b"<!doctype html><script>alert(1)</script>",
            "pdf": b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj",
            "zip": b"PK\x03\x04" + bytes(200),
            "elf": b"\x7fELF" + bytes(200),
        }[argument]
        self._send(200, body, Content_Type="image/jpeg", Content_Disposition="inline")

    def _endless_body(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.is_set():
            self.wfile.write(bytes(0x10000))

    def _endless_headers(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.closing.is_set():
            self.wfile.write(b"X-Many: " + b"x" * 4000 + b"\r\n")

    def _endless_hints(self, _: str) -> None:
        while not self.server.closing.wait(0.001):
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    def _moved_and_closed(self, argument: str) -> None:
        self.close_connection = True
        self._send(302, b"", Location=argument, Connection="close")

    def _held(self, _: str) -> None:
        """Answer once `let_go` is set; count how many of each host's requests wait for it."""
        host = self.headers["Host"].partition(":")[0]
        with self.server.counting:
            for name in (host, "all"):
                self.server.held[name] += 1
                most = max(self.server.most_held[name], self.server.held[name])
                self.server.most_held[name] = most
        self.server.let_go.wait(30)
        with self.server.counting:
            self.server.held.subtract([host, "all"])
        self._photo("")

    def _page(self, _: str) -> None:
        self._send(200, b"<!doctype html><p>gone", Content_Type="image/jpeg")

    def _empty(self, _: str) -> None:
        self._send(200, b"")

    def _slow_photo(self, argument: str) -> None:
        time.sleep(float(argument))
        self._photo("")

    def _start_chunks(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()


@functools.cache
def _gzip_bomb() -> bytes:
    return gzip.compress(bytes(50 * 2**20))


def _present(**headers: str | None) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value is not None}


@contextlib.contextmanager
def running(photo: bytes) -> Iterator[ShopServer]:
    """The server, answering for the length of the block."""
    server = ShopServer(photo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
