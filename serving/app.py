"""The HTTP door: its routes, and what each answers."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from feature_store.errors import FilterError, UnknownItemError
from serving.answers import Answers
from serving.board import Board
from serving.doors import Events, Photos
from serving.metrics import Counters, Shown, exposition
from serving.observed import NOTES, Draining, Observed
from serving.openapi import openapi_document
from serving.pages import SHOP_POLICY, YEAR, Asset, Widgets, photo_path, shop_files
from serving.parameters import FILTER_FORMS, listing_page, no_parameters, similar_question
from serving.problems import ProblemError, on_http_exception, on_problem
from serving.routes import AsSentRoute
from serving.served import Served
from serving.settings import ServingSettings

_JSON = "application/json"


@dataclass(frozen=True)
class Service:
    """What one worker answers from: what is `served` may change, the counters are its own."""

    served: Served
    settings: ServingSettings
    board: Board
    counters: Counters
    draining: Draining
    photos: Photos | None = None
    """Answers photos; None where the service does not."""
    events: Events | None = None
    """Takes what shoppers did; None where the service does not."""


def build_app(service: Service) -> Starlette:
    """Return the ASGI application of one worker."""
    door = _Door(service)
    routes = [
        AsSentRoute("/v1/items/{item_id:item_id}/similar", door.similar),
        AsSentRoute("/v1/items/{item_id:item_id}", door.item),
        Route("/v1/search/image", door.photo, methods=["POST"]),
        Route("/v1/events", door.events, methods=["POST"]),
        Route("/v1/bundle", door.bundle),
        Route("/healthz", door.health),
        Route("/readyz", door.ready),
        Route("/metrics", door.metrics),
        Route("/openapi.json", door.openapi),
        Route("/widget/", door.widget_index),
        Route("/widget/{version}/similar-items.js", door.widget),
        Route("/images/{image_id}.jpg", door.image),
    ]
    if service.settings.demo:
        routes += [
            Route("/", _to_shop),
            Route("/demo", _to_shop),
            Route("/demo/items.json", door.listing),
            Route("/demo/{name:path}", door.shop),
        ]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(service.settings.cors_origins),
        allow_methods=["GET", "POST"],
        expose_headers=["ETag", "Server-Timing"],
        max_age=86400,
    )
    observed = Middleware(
        Observed,
        counters=service.counters,
        draining=service.draining,
        access_log=service.settings.access_log,
    )
    return Starlette(
        routes=routes,
        middleware=[cors, observed],
        exception_handlers={ProblemError: on_problem, HTTPException: on_http_exception},
    )


class _Door:
    """The endpoints; each method's name is the route's name in the metrics."""

    def __init__(self, service: Service) -> None:
        self._served = service.served
        self._settings = service.settings
        self._board = service.board
        self._counters = service.counters
        self._photos = service.photos
        self._events = service.events
        self._widgets = Widgets()
        self._shop = shop_files() if service.settings.demo else {}
        self._openapi = json.dumps(openapi_document()).encode()
        self._program = version("nitamono")

    async def similar(self, request: Request) -> Response:
        """Answer with the look-alikes of an item."""
        question = similar_question(request.query_params)
        item_id: str = request.path_params["item_id"]
        role, answers = self._served.choose(item_id, question.region_id)
        if (known := self._not_modified(request, answers, "private")) is not None:
            return known
        notes = request.scope[NOTES]
        notes["query_id"] = query_id = new_query_id()
        begun = time.perf_counter()
        try:
            found = answers.similar(query_id, item_id, question)
        except FilterError as error:
            detail = f"filter cannot be used: {error}"
            members = {"parameter": "filter", "allowed": FILTER_FORMS}
            raise ProblemError(400, "bad-parameter", detail, **members) from error
        except UnknownItemError as error:
            kind = "unknown-region" if answers.has(item_id) else "unknown-item"
            raise ProblemError(404, kind, str(error)) from error
        notes["search_seconds"] = time.perf_counter() - begun
        self._counters.answer(role, found.hits, fallback=found.fallback is not None)
        return self._fresh(found.body, answers, "private")

    async def item(self, request: Request) -> Response:
        """Answer with an item, its images and their regions."""
        no_parameters(request.query_params)
        item_id: str = request.path_params["item_id"]
        answers = self._served.choose(item_id).answers
        if (known := self._not_modified(request, answers, "public")) is not None:
            return known
        try:
            body = answers.item(item_id)
        except UnknownItemError as error:
            raise ProblemError(404, "unknown-item", str(error)) from error
        return self._fresh(body, answers, "public")

    async def photo(self, request: Request) -> Response:
        """Answer with the look-alikes of the products in a photo."""
        if self._photos is None:
            raise _not_offered("photo search", "install nitamono[photo] where it runs")
        return await self._photos.answer(request)

    async def events(self, request: Request) -> Response:
        """Take what shoppers saw, clicked and bought."""
        if self._events is None:
            raise _not_offered("taking events", "give it a folder to keep them in")
        return await self._events.answer(request)

    async def bundle(self, _request: Request) -> Response:
        """Answer with what is being served."""
        canary, share = self._served.canary, self._served.share
        body = {
            **self._served.live.summary,
            "canary": None if canary is None else {"share": share, **canary.summary},
            "widget": self._widgets.index(),
        }
        return self._json(body, {"Cache-Control": "no-cache"})

    async def health(self, _request: Request) -> Response:
        """Answer that this worker lives."""
        return self._json({"status": "ok"}, {"Cache-Control": "no-store"})

    async def ready(self, _request: Request) -> Response:
        """Answer that items can be asked for, and what was refused that should be served."""
        notice, served = self._board.notice(), self._served
        tier, canary = served.live.tier, served.canary
        refusals = [
            {"bundle": answers.bundle_id, "tier": refusal.tier_id, "reason": refusal.reason}
            for role, answers in served.each()
            if (refusal := served.refusals.get(role)) is not None
        ]
        body = {
            "ready": True,
            "bundle": served.live.bundle_id,
            "tier": None if tier is None else tier.tier_id,
            "canary": None
            if canary is None
            else {"bundle": canary.bundle_id, "share": served.share},
            "refused": notice.get("refused"),
            "canary_refused": notice.get("canary_refused"),
            "tier_refused": next(iter(refusals), notice.get("tier_refused")),
        }
        return self._json(body, {"Cache-Control": "no-store"})

    async def metrics(self, _request: Request) -> Response:
        """Answer with what has been counted by all workers."""
        served = self._served
        bundles = {role: answers.summary for role, answers in served.each()}
        refused = bool(served.refusals or self._board.notice().get("tier_refused"))
        text = exposition(self._board, Shown(bundles, served.share, refused))
        return Response(text, media_type="text/plain; version=0.0.4")

    async def openapi(self, _request: Request) -> Response:
        """Answer with the description of this door."""
        return Response(self._openapi, media_type=_JSON, headers={"Cache-Control": "no-cache"})

    async def widget_index(self, _request: Request) -> Response:
        """Answer with the widget's versions and their digests."""
        return self._json(self._widgets.index(), {"Cache-Control": "no-cache"})

    async def widget(self, request: Request) -> Response:
        """Answer with one version of the widget, which never changes."""
        wanted = request.path_params["version"]
        asset = self._widgets.versions.get(wanted)
        if asset is None:
            known = ", ".join(self._widgets.versions)
            detail = f"there is no version {wanted!r} of the widget; there are: {known}"
            raise ProblemError(404, "not-found", detail)
        return _asset(request, asset, {"Cache-Control": YEAR})

    async def image(self, request: Request) -> Response:
        """Answer with a photo out of the thumbnails."""
        image_id = request.path_params["image_id"]
        missing = ProblemError(404, "not-found", f"there is no image {image_id[:80]!r}")
        try:
            path = photo_path(self._settings.thumbnails, image_id)
        except ValueError as error:
            raise missing from error
        headers = {"Cache-Control": YEAR, "ETag": f'"{image_id}"'}
        if _has(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        try:
            body = await anyio.to_thread.run_sync(path.read_bytes)
        except FileNotFoundError as error:
            raise missing from error
        return Response(body, media_type="image/jpeg", headers=headers)

    async def listing(self, request: Request) -> Response:
        """Answer with one page of the demo shop's shelf."""
        page, answers = listing_page(request.query_params), self._served.live
        if (known := self._not_modified(request, answers, "public")) is not None:
            return known
        body = answers.listing(page.offset, page.limit, page.category)
        return self._fresh(json.dumps(body, ensure_ascii=False).encode(), answers, "public")

    async def shop(self, request: Request) -> Response:
        """Answer with a file of the demo shop."""
        asset = self._shop.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": SHOP_POLICY}
        return _asset(request, asset, headers)

    def _headers(self, answers: Answers, scope: str) -> dict[str, str]:
        # What is answered at an address changes only with the bundle, its tier, or this program.
        etag = f'W/"{answers.edition}.{self._program}"'
        age = self._settings.cache_seconds
        return {"Cache-Control": f"{scope}, max-age={age}", "ETag": etag}

    def _not_modified(self, request: Request, answers: Answers, scope: str) -> Response | None:
        headers = self._headers(answers, scope)
        if _has(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return None

    def _fresh(self, body: bytes, answers: Answers, scope: str) -> Response:
        return Response(body, media_type=_JSON, headers=self._headers(answers, scope))

    def _json(self, body: dict[str, Any], headers: dict[str, str]) -> Response:
        encoded = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return Response(encoded, media_type=_JSON, headers=headers)


def _not_offered(what: str, remedy: str) -> ProblemError:
    return ProblemError(404, "not-offered", f"this service does not offer {what}; {remedy}")


async def _to_shop(_request: Request) -> Response:
    return RedirectResponse("/demo/", status_code=307)


def new_query_id() -> str:
    """Return a new name for an answer: 32 hexadecimal digits that sort by time of asking."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def _asset(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    headers = {**headers, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if _has(request, asset.etag):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = asset.zipped, "gzip"
    return Response(body, media_type=asset.media_type, headers=headers)


def _has(request: Request, etag: str) -> bool:
    """Whether the client says that it has this already (RFC 9110, section 13.1.2: weakly)."""
    known = request.headers.get("if-none-match", "").split(",")
    return etag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in known)
