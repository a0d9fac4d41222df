"""The summary of a build for people: one self-contained page, read in ten seconds."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from feature_store.bundle.format import REPORT, Manifest, Segment
from feature_store.nightly.page_build import draw_build
from feature_store.nightly.page_gate import STYLE, draw_gate
from feature_store.quality.index_gate import IndexGate
from feature_store.quality.report import GateReport

RECALL = "recall_at_10"

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c1c1c;background:#fff;max-width:1260px;
margin:24px auto;padding:0 20px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 8px}
.verdict{display:inline-block;padding:2px 10px;border-radius:4px;color:#fff;font-weight:600}
.passed{background:#1a7f37}.failed{background:#c62828}.muted{color:#666}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}
.tile{border:1px solid #ddd;border-radius:6px;padding:8px 14px;min-width:110px}
.tile b{display:block;font-size:21px;font-variant-numeric:tabular-nums}
table{border-collapse:collapse}td,th{padding:4px 14px 4px 0;text-align:left;vertical-align:top;
border-bottom:1px solid #eee}td.number{text-align:right;font-variant-numeric:tabular-nums}
img,svg{max-width:100%;height:auto}.columns{display:flex;flex-wrap:wrap;gap:40px}
.columns>div{min-width:0}.columns svg{width:640px}.wide{overflow-x:auto}
summary{cursor:pointer;color:#0a58ca}
"""


def draw_page(
    folder: Path,
    manifest: Manifest,
    report: GateReport,
    live: Manifest | None,
    gate: IndexGate,
) -> str:
    """Return the HTML of a bundle's `report/index.html`; pictures come from its report folder.

    `live` is the bundle that is live now, to compare with; `gate` are the thresholds. Every text
    of the catalogue is escaped.
    """
    verdict = "passed" if report.passed else "failed"
    sections = [
        f'<h1>Bundle {escape(manifest.bundle_id)} <span class="verdict {verdict}">'
        f"gate {verdict}</span></h1>",
        f'<p class="muted">{_subtitle(manifest, live)}</p>',
        _tiles(_figures(manifest, live)),
        "<h2>Index gate</h2>",
        draw_gate(manifest.measurements["gate"], report, gate),
        '<h2>Recall against exact search</h2><div class="columns"><div>',
        _curve(folder),
        "</div><div>",
        _curve_tables(manifest),
        "</div></div>",
        "<h2>A dozen items and their look-alikes</h2>",
        _picture(folder),
        draw_build(manifest),
    ]
    title = escape(f"{manifest.bundle_id}: gate {verdict}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title>"
        f"<style>{_STYLE}{STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _subtitle(manifest: Manifest, live: Manifest | None) -> str:
    before = f"compared with the live bundle {live.bundle_id}" if live else "the first bundle here"
    return escape(
        f"built {manifest.created_at} from snapshot {manifest.snapshot_version}; "
        f"detector {manifest.detector}; extractor {manifest.extractor}; {before}"
    )


def _figures(manifest: Manifest, live: Manifest | None) -> Iterable[tuple[str, str, str]]:
    """Yield what the tiles show: a figure, its name, and a remark."""
    counts, found = manifest.counts, manifest.measurements
    was = live.counts if live else None
    yield f"{counts.items:,}", "items", f"{counts.items - was.items:+,}" if was else ""
    yield f"{counts.images:,}", "images", f"{counts.images - was.images:+,}" if was else ""
    yield f"{counts.regions:,}", "regions", f"{counts.regions - was.regions:+,}" if was else ""
    yield _overall(found, RECALL), "recall@10", _change(found, live)
    yield _overall(found, "identity"), "identity", "asked by name"
    yield f"{found['latency_ms']['similar']['p95']:.2f} ms", "stored neighbours", "p95"
    yield f"{found['latency_ms']['by_vector']['p95']:.2f} ms", "search by vector", "p95"
    yield _method(manifest), "search", _how(manifest)
    yield f"{sum(found['seconds'].values()):.0f} s", "built in", ""
    yield f"{found['peak_memory_bytes'] / 1e6:,.0f} MB", "peak memory", ""


def _method(manifest: Manifest) -> str:
    return ", ".join(dict.fromkeys(segment.search.method for segment in manifest.segments))


def _how(manifest: Manifest) -> str:
    search = manifest.segments[0].search
    if len(manifest.segments) > 1:
        return f"{len(manifest.segments)} segments by {manifest.segmented_by}"
    if search.method == "exact":
        return "too few vectors for a graph"
    return f"epsilon {search.epsilon:g}, {search.candidates} candidates"


def _overall(found: Mapping[str, Any], name: str) -> str:
    figure = found["gate"]["overall"]["metrics"].get(name)
    return "?" if figure is None else f"{figure['value']:.4f}"


def _change(found: Mapping[str, Any], live: Manifest | None) -> str:
    """Say how the recall differs from the live bundle's; nothing of one of an older release."""
    if live is None or "overall" not in live.measurements.get("gate", {}):
        return ""
    return f"{float(_overall(found, RECALL)) - float(_overall(live.measurements, RECALL)):+.4f}"


def _tiles(figures: Iterable[tuple[str, str, str]]) -> str:
    tiles = (
        f'<div class="tile"><b>{escape(figure)}</b>{escape(name)} '
        f'<span class="muted">{escape(remark)}</span></div>'
        for figure, name, remark in figures
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _curve(folder: Path) -> str:
    path = folder / REPORT / "recall.svg"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _curve_tables(manifest: Manifest) -> str:
    """Draw what was tried, folded: one table for each segment, under its name."""
    tuned = manifest.measurements["segments"]
    tables = []
    for segment in manifest.segments:
        name = segment.name or ("without a segment" if manifest.segmented_by else "every setting")
        table = _curve_table(segment, tuned[segment.name]["curve"])
        tables.append(
            f'<details><summary>{escape(name)}</summary><div class="wide">{table}</div></details>'
        )
    return "".join(tables)


def _curve_table(segment: Segment, curve: Iterable[Mapping[str, Any]]) -> str:
    search = segment.search
    chosen = (search.epsilon, search.candidates, search.edges)
    rows = []
    for point in curve:
        tried = (point["epsilon"], point["candidates"], point.get("edges", 0))
        mark = "chosen" if tried == chosen else ""
        numbers = (
            f"{point['candidates']}",
            f"{point['epsilon']:g}",
            f"{tried[2] or 'all'}",
            f"{point['recall']:.4f}",
            f"{point['self_retrieval']:.4f}",
            f"{point['queries_per_second']:,.0f}",
        )
        cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
        rows.append(f"<tr>{cells}<td><b>{mark}</b></td></tr>")
    names = ("candidates", "epsilon", "edges", "recall@10", "self retrieval", "queries/s", "")
    head = "".join(f"<th>{name}</th>" for name in names)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _picture(folder: Path) -> str:
    path = folder / REPORT / "neighbours.jpg"
    if not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    alt = "Each row: an item, then its nearest look-alikes with their scores"
    return f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'
