"""The part of a bundle's page that says how it was built: segment by segment, and at what cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from feature_store.bundle.format import Manifest

SHOWN_SEGMENTS = 50
"""More lines than this nobody reads; the manifest has them all."""


def draw_build(manifest: Manifest) -> str:
    """Return tables of the segments, of what was forecast and of what it took."""
    return "".join(
        (
            _left_out(manifest.measurements.get("left_out", {})),
            _segments(manifest),
            '<div class="columns"><div><h2>Forecast and truth</h2>',
            _forecast(manifest),
            "</div><div><h2>Where the time went</h2>",
            _seconds(manifest.measurements["seconds"]),
            "</div></div>",
        )
    )


def _left_out(lost: Mapping[str, Any]) -> str:
    if not lost.get("regions"):
        return ""
    named = ", ".join(map(repr, lost["examples"])) or "none of them the only one of its item"
    text = (
        f"{lost['regions']:,} regions are left out, since one of the extractors has not described "
        f"them, and with them {lost['items']:,} items: {named}"
    )
    return f"<p>{escape(text)}</p>"


def _segments(manifest: Manifest) -> str:
    """One line for each segment: how long its short vectors are, and what its search finds."""
    tuned = manifest.measurements["segments"]
    lines = []
    for segment in manifest.segments[:SHOWN_SEGMENTS]:
        found, search = tuned[segment.name], segment.search
        lists = found["neighbours"]
        lines.append(
            (
                segment.name or ("without a value" if manifest.segmented_by else "all"),
                f"{segment.regions:,}",
                f"{segment.vectors:,}",
                f"{segment.reduced_dim}",
                search.method,
                f"{search.epsilon:g}",
                f"{search.candidates}",
                f"{found['recall_at_10']:.4f}",
                f"{found['queries_per_second']:,.0f}",
                f"{lists['method']}, {lists['recall']:.4f}",
            )
        )
    names = (
        manifest.segmented_by or "segment",
        *("regions", "distinct vectors", "dimensions", "search", "epsilon", "candidates"),
        *("recall@10", "queries/s", "neighbours by, recall"),
    )
    more = len(manifest.segments) - SHOWN_SEGMENTS
    rest = f"<p>and {more:,} more</p>" if more > 0 else ""
    return f"<h2>Segments</h2>{_table(names, lines)}{rest}"


def _forecast(manifest: Manifest) -> str:
    held = manifest.measurements.get("forecast")
    if not (held and manifest.forecast):
        return "<p>none was made</p>"
    expected, took = manifest.forecast, manifest.measurements["peak_memory_bytes"]
    kind = "a small graph was timed" if expected["calibrated"] else "by sizes alone"
    lines = [
        ("memory", f"{expected['memory_bytes'] / 1e6:,.0f} MB", f"{took / 1e6:,.0f} MB"),
        ("segments", f"{expected['seconds']:,.0f} s", f"{held['seconds']:,.0f} s"),
    ]
    return _table(("", f"forecast ({kind})", "took"), lines)


def _seconds(seconds: Mapping[str, float]) -> str:
    return _table(("step", ""), [(step, f"{spent:.1f} s") for step, spent in seconds.items()])


def _table(names: Iterable[str], lines: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for first, *others in lines:
        cells = "".join(f'<td class="number">{escape(value)}</td>' for value in others)
        rows.append(f"<tr><td>{escape(first)}</td>{cells}</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'
