"""A host of photos that answers as bad hosts do: late, never, cut short, swapped, without end."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class BadHost(ThreadingHTTPServer):
    """Serves the files of a folder; those named in `trouble` with the trouble that stands there."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.trouble: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()

    def url(self, name: str) -> str:
        """The address of a photo."""
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that hang up are what this is about; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BadHost

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.server.asked[name] += 1
        photo = (self.server.folder / name).read_bytes()
        trouble = self.server.trouble.get(name, "")
        with contextlib.suppress(OSError):
            if trouble:
                getattr(self, "_" + trouble.replace(" ", "_"))(photo)
            else:
                self._send(200, photo)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _silence(self, _: bytes) -> None:
        self.close_connection = True
        self.server.closing.wait(20)

    def _drops_without_end(self, _: bytes) -> None:
        self._begin_chunks()
        while not self.server.closing.wait(0.1):
            self.wfile.write(b"1\r\nx\r\n")

    def _a_reset(self, photo: bytes) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", str(len(photo)))
        self.end_headers()
        self.wfile.write(photo[: len(photo) // 2])
        self.wfile.flush()
        # No lingering: the connection ends with a reset, not with a goodbye.
        gone = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, gone)
        self.connection.close()

    def _status_500(self, _: bytes) -> None:
        self._send(500, b"trouble")

    def _status_429(self, _: bytes) -> None:
        self._send(429, b"slower, please", Retry_After="1")

    def _status_503_for_hours(self, _: bytes) -> None:
        self._send(503, b"tomorrow", Retry_After="7200")

    def _status_404(self, _: bytes) -> None:
        self._send(404, b"no")

    def _status_500_once(self, photo: bytes) -> None:
        if self.server.asked[self.path.strip("/")] == 1:
            self._send(500, b"trouble")
        else:
            self._send(200, photo)

    def _a_truncated_body(self, photo: bytes) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Length", str(len(photo)))
        self.end_headers()
        self.wfile.write(photo[: len(photo) // 2])

    def _half_a_file(self, photo: bytes) -> None:
        self._send(200, photo[: len(photo) // 2])

    def _swapped_bytes(self, photo: bytes) -> None:
        middle = len(photo) // 2
        swapped = photo[middle : middle + 8][::-1]
        self._send(200, photo[:middle] + swapped + photo[middle + 8 :])

    def _a_page_called_JPEG(self, _: bytes) -> None:
        self._send(200, b"<!doctype html><p>please log in", Content_Type="image/jpeg")

    def _a_body_without_end(self, photo: bytes) -> None:
        self._begin_chunks()
        while not self.server.closing.is_set():
            self.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def _begin_chunks(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[BadHost]:
    """The host, answering for the length of the block."""
    host = BadHost(folder)
    thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        host.closing.set()
        host.shutdown()
        host.server_close()
        thread.join()
