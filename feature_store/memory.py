"""How much memory this process has held, and how much it may still take."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_bytes() -> int:
    """Return the most memory that this process has held so far, with what it has mapped.

    Not by getrusage where there is another way: on Linux a process begins there with the peak of
    the one that started it.
    """
    try:
        status = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_bytes(root: Path = Path("/")) -> int:
    """Return how much memory this process may still take: the machine's, or its control group's.

    A very large number where the system does not tell.
    """
    found = [_available(root / "proc/meminfo")]
    cgroup = root / "sys/fs/cgroup"
    for limit, used, stat in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ):
        most, taken = _number(cgroup / limit), _number(cgroup / used)
        if most is not None and taken is not None:
            # What of it is files read lately would be given back.
            found.append(most - taken + _inactive_files(cgroup / stat))
    return max(0, min(found))


def _available(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))
    except (OSError, ValueError, StopIteration):
        return 1 << 62


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())  # "max" is no number: then the group has no limit
    except (OSError, ValueError):
        return None


def _inactive_files(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError):
        return 0
