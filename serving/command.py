"""`nitamono serve`: the lookup service on this machine."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from serving import log
from serving.settings import ServingSettings

_LOG = logging.getLogger(__name__)
_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _variables() -> str:
    """Name every variable that only the service reads, with its default, one on a line."""
    lines = (f"{name}={default}" for name, default in ServingSettings.variables())
    return "\b\nSettings, besides the options above:\n  " + "\n  ".join(lines)


@click.command(short_help="The lookup service.", epilog=_variables())
@click.option("--bundles", help="Folder of bundles, or gs://bucket/prefix.")
@click.option("--thumbnails", type=click.Path(path_type=Path), help="Folder of photos.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on.  [default: $PORT or 8000]")
@click.option("--workers", type=int, help="Processes that answer, sharing one copy.  [default: 1]")
def serve(
    bundles: str | None,
    thumbnails: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
) -> None:
    """Answer "more like this" from the live bundle, on CPU; a new one is taken up as it appears.

    Folders are those of NITAMONO_HOME unless given, bundles those of NITAMONO_BUNDLES;
    the variables below set everything else.
    """
    settings = ServingSettings.from_environment().changed(
        bundles=bundles, thumbnails=thumbnails, host=host, port=port, workers=workers
    )
    # Processes scale, threads do not (NGT holds the GIL), and a thread pool does not survive a
    # fork. Both libraries read this when they are loaded, so it comes before the imports below.
    for variable in _SINGLE_THREADED:
        os.environ[variable] = "1"
    from serving.supervisor import Supervisor, bind

    log.begin()
    listener = bind(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
    crew = "1 worker" if settings.workers == 1 else f"{settings.workers} workers"

    def on_serving(bundle_id: str, canary_id: str | None) -> None:
        beside = f"and canary {canary_id} " if canary_id else ""
        fields = log.event("bundle_served", bundle=bundle_id, canary=canary_id, address=address)
        said = "serving bundle %s %son %s with %s"
        _LOG.info(said, bundle_id, beside, address, crew, extra=fields)
        if settings.demo:
            shop = f"{address}/demo/"
            _LOG.info("shop page: %s", shop, extra=log.event("shop_page", address=shop))

    with listener:
        Supervisor(settings, listener).run(on_serving)
