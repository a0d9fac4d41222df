"""A real `nitamono export-static` in the serving environment, and a reader of what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from pathlib import Path
from typing import Any

from tests.serving.service_process import NITAMONO


def run_export(
    home: Path, out: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command on the bundles of `home`; `settings` are NITAMONO_SERVING_* by name."""
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [str(NITAMONO), "export-static", "--out", str(out), *arguments],
        env={
            **known,
            **{f"NITAMONO_SERVING_{name.upper()}": value for name, value in settings.items()},
            "NITAMONO_HOME": str(home),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def export(home: Path, out: Path, *arguments: str, **settings: str) -> str:
    """Run the command, which must succeed; return what it said on stdout and stderr."""
    done = run_export(home, out, *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class Reader:
    """Reads an export as its README says: index.json, then the item's shard, then its entry."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.index = json.loads((out / "index.json").read_text(encoding="utf-8"))
        self.folder = out / self.index["folder"]

    def entry(self, item_id: str) -> dict[str, Any] | None:
        number = zlib.crc32(item_id.encode("utf-8")) % self.index["shards"]
        shard = json.loads((self.folder / f"{number}.json").read_text(encoding="utf-8"))
        found: dict[str, Any] | None = shard.get(item_id)
        return found

    def item_ids(self) -> set[str]:
        shards = (self.folder / f"{number}.json" for number in range(self.index["shards"]))
        return {name for path in shards for name in json.loads(path.read_text(encoding="utf-8"))}


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, by its path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def times_of(folder: Path) -> dict[str, int]:
    """When every file under a folder was written last, by its path, in nanoseconds."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in files}
