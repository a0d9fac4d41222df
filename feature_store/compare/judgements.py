"""What people said about two bundles' rows: kept line by line, and tallied with its doubt."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_store.bundle.records import checked_id
from feature_store.quality.intervals import wilson

VERDICTS = ("before", "after", "equal", "skip")


@dataclass(frozen=True)
class Tally:
    """How often each bundle's row was the better one."""

    before: int
    after: int
    equal: int
    skip: int

    @property
    def decided(self) -> int:
        """Judgements that name a better row."""
        return self.before + self.after

    @property
    def share(self) -> float:
        """The share (0..1) of the decided ones that prefer the later bundle; 0.5 without any."""
        return self.after / self.decided if self.decided else 0.5

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `share`."""
        return wilson(self.share, self.decided, 0.95)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        low, high = self.interval
        rounded = {"share": round(self.share, 4), "low": round(low, 4), "high": round(high, 4)}
        return {**asdict(self), "decided": self.decided, **rounded, "says": self.sentence()}

    def sentence(self) -> str:
        """Say what follows from it so far."""
        low, high = self.interval
        if not self.decided:
            return "nothing is decided yet"
        spoken = (
            f"the later bundle is better in {100 * self.share:.0f} % of {self.decided} decided "
            f"(95 %: {100 * low:.0f} to {100 * high:.0f} %)"
        )
        if low > 0.5:
            return f"{spoken}: it is better"
        return f"{spoken}: it is worse" if high < 0.5 else f"{spoken}: not told apart yet"


class Judgements:
    """The judgements of one pair of bundles, in <home>/reports/judgements/<before>..<after>.jsonl.

    A line is added at a time and is on the disk before `add` returns; nothing is changed later.
    """

    def __init__(self, home: Path, before: str, after: str) -> None:
        """Name the pair; BundleError for what no bundle is named."""
        name = f"{checked_id(before)}..{checked_id(after)}.jsonl"
        self.path = home / "reports" / "judgements" / name

    def add(self, item_id: str, verdict: str, *, left: str) -> None:
        """Keep one judgement; `left` says which bundle's row stood on the left."""
        if verdict not in VERDICTS:
            raise ValueError(f"{verdict!r} is none of {', '.join(VERDICTS)}")
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        line = {"at": now, "item_id": item_id, "verdict": verdict, "left": left}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            # A line that a power failure cut short must not swallow this one.
            torn = file.tell() and not self.path.read_bytes().endswith(b"\n")
            file.write(b"\n" * bool(torn) + json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the judgements, oldest first; a line that was cut short is none."""
        try:
            lines = self.path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("verdict") in VERDICTS:
                yield entry

    def tally(self) -> Tally:
        """Count them."""
        counts = Counter(entry["verdict"] for entry in self.read())
        return Tally(**{verdict: counts[verdict] for verdict in VERDICTS})
