"""A real HTTP server on 127.0.0.1 that answers as good and bad hosts of images do."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
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
        self.connections = 0
        self.closing = threading.Event()

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
        self.server.requests[path] += 1
        self.server.headers = dict(self.headers)
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

    def _gzip(self, _: str) -> None:
        self._send(200, b"\x1f\x8b", Content_Encoding="gzip")

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
        server.shutdown()
        server.server_close()
        thread.join()
