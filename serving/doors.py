"""What can be hung into the HTTP door: parts that a service may have or lack."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response


class Photos(Protocol):
    """Answers `POST /v1/search/image`."""

    async def answer(self, request: Request) -> Response:
        """Return the look-alikes of the products in a photo; ProblemError."""
        ...


class Events(Protocol):
    """Answers `POST /v1/events`."""

    async def answer(self, request: Request) -> Response:
        """Take what shoppers saw, clicked and bought; ProblemError."""
        ...
