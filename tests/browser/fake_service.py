"""A lookup service whose answers a test writes itself, and which keeps what it was sent."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload

from serving.pages import HERE
from tests.browser.local_server import LocalServer

WIDGET = HERE / "widget" / "similar-items.js"
WORKER = b"""
import { VERSION } from "/widget/newest/similar-items.js";
postMessage({ version: VERSION, elements: typeof HTMLElement });
"""
Json = dict[str, Any]


class FakeService(LocalServer):
    """Answers `answers[path]` (JSON, or bytes as they are); use as a context manager.

    A path that is not there is 404. It allows any page to ask, as the lookup service does.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Json | bytes | int] = {}
        """By path without the query; a number is an error's status."""
        self.slow_seconds = 0.0
        """How long each answer about items or photos takes."""
        self.asked: list[str] = []
        """Every `GET`, with its query."""
        self.sent: list[tuple[str, dict[str, str], bytes]] = []
        """Every `POST`: its path with the query, headers and body."""
        self.cookies: list[str] = []
        """Every question that came with a cookie."""
        self._photo = _photo()
        super().__init__(self._handler())
        self.offers()
        self.answers["/v1/events"] = {"accepted": 1}

    def offers(self, *, photo: bool = False, events: bool = False) -> None:
        """Say in `/v1/bundle` what the service can do."""
        capabilities = {"photo": photo, "events": events, "fallback": None}
        self.answers["/v1/bundle"] = {
            "filters": ["category", "brand", "price", "colour"],
            "capabilities": capabilities,
        }

    def similar(self, item_id: str, hits: list[Json], **more: object) -> None:
        """Set the look-alikes of an item."""
        about = {"query_id": "0" * 32, "item_id": item_id, "region_id": None, "bundle": "fake-1"}
        self.answers[f"/v1/items/{item_id}/similar"] = {
            **about,
            "fallback": None,
            "hits": hits,
            **more,
        }

    def events(self) -> list[Json]:
        """Every event that it was told of."""
        return [
            event
            for path, _, body in self.sent
            if path == "/v1/events"
            for event in json.loads(body)["events"]
        ]

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path.startswith(("/v1/items/", "/v1/search/")):
            time.sleep(self.slow_seconds)
        if path.endswith("/similar-items.js"):
            return 200, "text/javascript", WIDGET.read_bytes()
        if path == "/worker.js":
            return 200, "text/javascript", WORKER
        if "/images/" in path:
            return 200, "image/jpeg", self._photo
        answer = self.answers.get(path, 404)
        if isinstance(answer, int):
            return answer, "application/problem+json", b'{"title":"a problem"}'
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return 200, "application/json", body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.asked.append(self.path)
                self._note_cookies()
                self._send(*fake._answer(unquote(urlsplit(self.path).path)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.sent.append((self.path, dict(self.headers), body))
                self._note_cookies()
                self._send(*fake._answer(urlsplit(self.path).path))

            def _note_cookies(self) -> None:
                if "Cookie" in self.headers and self.path.startswith("/v1/"):
                    fake.cookies.append(self.path)

            def do_OPTIONS(self) -> None:
                self._send(204, "text/plain", b"")

            def _send(self, status: int, media_type: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Access-Control-Allow-Headers", "content-type")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler


def hit(number: int, **more: object) -> Json:
    """Return a hit such as the service gives."""
    return {
        "item_id": f"hit-{number}",
        "title": f"Look-alike {number}",
        "url": f"https://shop.example/{number}",
        "price": 1000.0 + number,
        "currency": "JPY",
        "brand": "Kumo",
        "category": "shoes",
        "in_stock": True,
        "image_url": f"/images/{number:064x}.jpg",
        "box": [0.2, 0.25, 0.8, 0.95],
        "score": 90.0 - number,
        **more,
    }


def hits(count: int, first: int = 0, **more: object) -> list[Json]:
    """Return that many hits."""
    return [hit(number, **more) for number in range(first, first + count)]


def photo_answer() -> Json:
    """Return what the service says of a photo of two products."""
    boxes = [[0.2, 0.25, 0.8, 0.95], [0.55, 0.5, 0.98, 0.8], [0.0, 0.0, 1.0, 1.0]]
    kinds = ["product", "product", "whole"]
    return {
        "query_id": "1" * 32,
        "bundle": "fake-1",
        "width_px": 819,
        "height_px": 1024,
        "regions": [
            {"kind": kind, "box": box, "confidence": 0.5, "hits": hits(6 + n, 100 * n)}
            for n, (kind, box) in enumerate(zip(kinds, boxes, strict=True))
        ],
    }


def shoppers_photo(width: int = 1600, height: int = 2000) -> FilePayload:
    """Return a photo for a file input: JPEG with an EXIF note of where it was taken."""
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    photo = _photo(width, height, exif)
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}


def _photo(width: int = 320, height: int = 400, exif: Image.Exif | None = None) -> bytes:
    image = Image.new("RGB", (width, height), (232, 226, 214))
    box = (width // 5, height // 4, width * 4 // 5, height * 19 // 20)
    ImageDraw.Draw(image).rounded_rectangle(box, width // 8, fill=(164, 72, 31))
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=85, exif=exif or Image.Exif())
    return encoded.getvalue()
