"""BigQuery as bqemulator plays it, in a process of the emulators' environment: `… <port>`.

Its load jobs read gs:// from the Cloud Storage emulator that STORAGE_EMULATOR_HOST names, so that
what is loaded is what was stored there and nothing else.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import bqemulator.jobs.executor as jobs
from bqemulator.config import Settings
from bqemulator.server import EmulatorServer
from duckdb_extensions import import_extension

FETCHED = Path(tempfile.mkdtemp(prefix="objects-"))


def fetch(uri: str, _context: Any) -> str:
    """Copy an object of the Cloud Storage emulator to a file; return its path."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    place = f"/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media"
    path = FETCHED / urllib.parse.quote(uri, safe="")[-200:]
    urllib.request.urlretrieve(os.environ["STORAGE_EMULATOR_HOST"] + place, path)
    return str(path)


async def serve(port: int) -> None:
    settings = Settings(rest_port=port, grpc_port=0, enable_format_extensions=False)
    await EmulatorServer(settings).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    # DuckDB would look for it in the network.
    import_extension("spatial")
    jobs._resolve_uri = fetch
    asyncio.run(serve(int(sys.argv[1])))
