"""Errors as RFC 9457 problem details: what was wrong, with what, and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

_MAX_CHARACTERS = 2500
_UNREAD = (408, 413)
"""After these the rest of the body may still come: the connection ends instead."""


class ProblemError(Exception):
    """An answer that is an error: `status`, a `kind` that programs read, and a `detail`.

    Of the other members, `retry_after_seconds` also becomes a header.
    """

    def __init__(self, status: int, kind: str, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.members = members


TITLES = {
    "unknown-item": "No such item",
    "unknown-region": "No such region",
    "bad-parameter": "A parameter cannot be used",
    "not-found": "Nothing is here",
    "not-offered": "This service does not offer that",
    "bad-body": "The body cannot be used",
    "body-too-long": "The body is too long",
    "body-too-slow": "The body did not arrive in time",
    "unsupported-media-type": "The body is of a kind that is not read here",
    "bad-photo": "The photo cannot be used",
    "too-many-requests": "Too many requests",
    "busy": "The service is busy",
    "cors-refused": "Pages of another origin may not do this",
    "method-not-allowed": "This method is not allowed here",
    "bad-request": "This is not HTTP",
    "head-too-long": "The request's head is too long",
    "head-too-slow": "The request's head did not arrive in time",
    "internal": "The service failed",
}
"""The kinds of problem; the `type` member is `urn:nitamono:problem:` and the kind."""


def bad_parameter(name: str, got: str, allowed: str) -> ProblemError:
    """Say that the parameter `name` has the unusable value `got`, and what is allowed."""
    detail = f"{name}={got[:200]!r} cannot be used; allowed: {allowed}"
    return ProblemError(400, "bad-parameter", detail, parameter=name, allowed=allowed)


def problem_response(problem: ProblemError, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem as a response that no cache keeps."""
    about = {**(headers or {}), "Cache-Control": "no-store"}
    if "retry_after_seconds" in problem.members:
        about["Retry-After"] = str(problem.members["retry_after_seconds"])
    if problem.status == 405:
        about["Allow"] = str(problem.members["allowed"])
    if problem.status in _UNREAD:
        about["Connection"] = "close"
    return Response(
        json.dumps(problem_members(problem), ensure_ascii=False).encode("utf-8", "replace"),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=about,
    )


def problem_members(problem: ProblemError) -> dict[str, object]:
    """Return the members of a problem: what its JSON consists of."""
    return {
        "type": f"urn:nitamono:problem:{problem.kind}",
        "title": TITLES[problem.kind],
        "status": problem.status,
        "detail": _short(problem.detail),
        **{name: _short(value) for name, value in problem.members.items()},
    }


def _short(value: object) -> object:
    """Cut a text that repeats what was asked; the longest id of an item fits."""
    if isinstance(value, str) and len(value) > _MAX_CHARACTERS:
        return value[:_MAX_CHARACTERS] + "…"
    return value


async def on_problem(_request: Request, error: Exception) -> Response:
    """Answer a ProblemError raised by an endpoint."""
    assert isinstance(error, ProblemError)
    return problem_response(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router raises: no such path, or not this method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "GET").split(", ")))
        return problem_response(not_allowed(request.method, allowed))
    return problem_response(ProblemError(404, "not-found", f"nothing is at {request.url.path}"))


def not_allowed(method: str, allowed: str) -> ProblemError:
    """Say that a method is not one of the `allowed`, which become a header too."""
    detail = f"{method[:200]} is not allowed here; allowed: {allowed}"
    return ProblemError(405, "method-not-allowed", detail, allowed=allowed)


def internal() -> Response:
    """Answer a failure without telling what failed: that is in the service's log."""
    detail = "the service failed to answer; its log says why"
    return problem_response(ProblemError(500, "internal", detail))
