"""The HTTP door: its routes, and what each answers."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from feature_store.errors import UnknownItemError
from serving.answers import Answers
from serving.batches import Batches
from serving.caching import Caching
from serving.limits import Limits
from serving.lookups import Lookups
from serving.metrics import Shown, exposition
from serving.observed import Observed, Observer
from serving.openapi import openapi_document
from serving.origins import Origins
from serving.pages import SHOP_POLICY, YEAR, Asset, Widgets, photo_path, shop_files
from serving.parameters import listing_page, no_parameters
from serving.pieces import encode
from serving.problems import ProblemError, on_http_exception, on_problem
from serving.replies import coding_of, has, json_reply
from serving.routes import AsSentRoute
from serving.service import Service

__all__ = ["Service", "build_app"]


def build_app(service: Service) -> ASGIApp:
    """Return the ASGI application of one worker."""
    settings = service.settings
    limits = Limits(settings.rate_per_second, settings.proxies)
    observer = Observer(
        service.counters,
        service.draining,
        Origins(settings.cors_origins),
        access_log=settings.access_log,
    )
    rest = Starlette(
        routes=_routes(_Door(service, limits), demo=settings.demo),
        middleware=[Middleware(Observed, observer=observer)],
        exception_handlers={ProblemError: on_problem, HTTPException: on_http_exception},
    )
    return Lookups(service, observer, limits, rest)


def _routes(door: _Door, *, demo: bool) -> list[Route]:
    """Return the routes of everything but look-ups."""
    routes = [
        Route("/v1/search", door.search, methods=["POST"]),
        Route("/v1/search/image", door.photo, methods=["POST"]),
        Route("/v1/events", door.events, methods=["POST"]),
        AsSentRoute("/v1/items/{item_id:item_id}", door.item),
        Route("/v1/bundle", door.bundle),
        Route("/healthz", door.health),
        Route("/readyz", door.ready),
        Route("/metrics", door.metrics),
        Route("/openapi.json", door.openapi),
        Route("/widget/", door.widget_index),
        Route("/widget/{version}/similar-items.js", door.widget),
        Route("/images/{image_id}.jpg", door.image),
    ]
    if demo:
        routes += [
            Route("/", _to_shop),
            Route("/demo", _to_shop),
            Route("/demo/items.json", door.listing),
            Route("/demo/{name:path}", door.shop),
        ]
    return routes


class _Door:
    """The endpoints; each method's name is the route's name in the metrics."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._served = service.served
        self._settings = service.settings
        self._board = service.board
        self._caching = Caching(service.settings)
        self._batches = Batches(service, limits)
        self._photos = service.photos
        self._events = service.events
        self._widgets = Widgets()
        self._shop = shop_files() if service.settings.demo else {}
        self._openapi = encode(openapi_document())

    async def search(self, request: Request) -> Response:
        """Answer several questions for look-alikes at once."""
        return await self._batches.answer(request)

    async def item(self, request: Request) -> Response:
        """Answer with an item, its images and their regions."""
        no_parameters(request.scope["query_string"])
        item_id: str = request.path_params["item_id"]
        answers = self._served.choose(item_id).answers
        if (known := self._not_modified(request, answers)) is not None:
            return known
        try:
            body = answers.item(item_id)
        except UnknownItemError as error:
            raise ProblemError(404, "unknown-item", str(error)) from error
        return self._fresh(request, body, answers)

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

    async def bundle(self, request: Request) -> Response:
        """Answer with what is being served."""
        canary, share = self._served.canary, self._served.share
        body = {
            **self._served.live.summary,
            "capabilities": {
                "photo": self._photos is not None,
                "events": self._events is not None,
                "fallback": self._served.live.searcher.stand_in,
            },
            "canary": None if canary is None else {"share": share, **canary.summary},
            "widget": self._widgets.index(),
        }
        return _json(request, body, "no-cache")

    async def health(self, request: Request) -> Response:
        """Answer that this worker lives."""
        return _json(request, {"status": "ok"}, "no-store")

    async def ready(self, request: Request) -> Response:
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
        return _json(request, body, "no-store")

    async def metrics(self, _request: Request) -> Response:
        """Answer with what has been counted by all workers."""
        served = self._served
        bundles = {role: answers.summary for role, answers in served.each()}
        refused = bool(served.refusals or self._board.notice().get("tier_refused"))
        text = exposition(self._board, Shown(bundles, served.share, refused))
        return Response(text, media_type="text/plain; version=0.0.4")

    async def openapi(self, request: Request) -> Response:
        """Answer with the description of this door."""
        return json_reply(request, self._openapi, {"Cache-Control": "no-cache"})

    async def widget_index(self, request: Request) -> Response:
        """Answer with the widget's versions and their digests."""
        return _json(request, self._widgets.index(), "no-cache")

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
        if has(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        try:
            body = await anyio.to_thread.run_sync(path.read_bytes)
        except FileNotFoundError as error:
            raise missing from error
        return Response(body, media_type="image/jpeg", headers=headers)

    async def listing(self, request: Request) -> Response:
        """Answer with one page of the demo shop's shelf."""
        page, answers = listing_page(request.scope["query_string"]), self._served.live
        if (known := self._not_modified(request, answers)) is not None:
            return known
        body = answers.listing(page)
        return self._fresh(request, encode(body), answers)

    async def shop(self, request: Request) -> Response:
        """Answer with a file of the demo shop."""
        asset = self._shop.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": SHOP_POLICY}
        return _asset(request, asset, headers)

    def _not_modified(self, request: Request, answers: Answers) -> Response | None:
        if has(request.headers.get("if-none-match", ""), self._caching.etag(answers)):
            return Response(status_code=304, headers=self._caching.headers(answers, "public"))
        return None

    def _fresh(self, request: Request, body: bytes, answers: Answers) -> Response:
        return json_reply(request, body, self._caching.headers(answers, "public"))


def _json(request: Request, body: dict[str, Any], cache: str) -> Response:
    return json_reply(request, encode(body), {"Cache-Control": cache})


def _not_offered(what: str, remedy: str) -> ProblemError:
    return ProblemError(404, "not-offered", f"this service does not offer {what}; {remedy}")


async def _to_shop(_request: Request) -> Response:
    return RedirectResponse("/demo/", status_code=307)


def _asset(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    headers = {**headers, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if has(request.headers.get("if-none-match", ""), asset.etag):
        return Response(status_code=304, headers=headers)
    body = asset.body
    coding = coding_of(request.headers.get("accept-encoding", "").encode("latin-1"))
    if coding is not None:
        body, headers["Content-Encoding"] = asset.coded[coding], coding
    return Response(body, media_type=asset.media_type, headers=headers)
