"""The comparison for people: one self-contained page, read in ten seconds, without a script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from feature_store.compare.comparison import CAUSES, Comparison, ItemChange, Shown, percent
from feature_store.compare.pictures import PictureRules
from feature_store.compare.sides import Pair, Side

CATEGORIES = 12
"""The categories listed: the most changed ones."""
TITLE_LETTERS = 70
_MARKS = {"kept": "", "lost": "−", "gained": "+"}  # noqa: RUF001 - a minus sign


def draw_page(comparison: Comparison, pair: Pair, thumbnails: Path) -> str:
    """Return the HTML of a comparison of the open bundles of `pair`.

    Every text of the catalogue is escaped; pictures are inside; nothing is loaded from anywhere.
    """
    sheet = _Sheet(pair, PictureRules(thumbnails))
    sections = [
        _headline(comparison),
        _causes(comparison),
        '<div class="columns">',
        _distribution(comparison),
        _categories(comparison),
        _facts(comparison),
        "</div>",
        sheet.draw("Asked for", "", comparison.asked),
        sheet.draw("The most changed items", _worst_note(comparison), comparison.worst),
        sheet.draw("A random sample", "drawn from all other items that changed", comparison.random),
    ]
    return _document(
        f"{percent(comparison.churn)} churn: {comparison.before} → {comparison.after}",
        "".join(sections),
        sheet.rules.text(),
    )


def _document(title: str, body: str, pictures: str) -> str:
    """Fill the template; the page's own policy allows the one style sheet and inline pictures."""
    template = files("feature_store.compare").joinpath("page.html").read_text(encoding="utf-8")
    head, style, rest = re.split("<style>|</style>", template)
    style = Template(style).substitute(pictures=pictures)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = Template(head).substitute(policy=policy, title=escape(title))
    return f"{head}<style>{style}</style>{Template(rest).substitute(body=body)}"


def _headline(comparison: Comparison) -> str:
    limit = f"limit {percent(comparison.limit)}"
    if comparison.needs_approval:
        verdict = f'<span class="verdict over">above the {limit}: a person decides</span>'
    else:
        verdict = f'<span class="verdict under">within the {limit}</span>'
    changed, both = comparison.items_changed, comparison.items_both
    came, went = comparison.items_after - both, comparison.items_before - both
    return (
        f'<header><p class="figure">{percent(comparison.churn)}</p><div>'
        f"<h1>of the look-alikes would change</h1><p>{verdict}</p>"
        f'<p class="muted">{changed:,} of {both:,} items see at least one other look-alike among '
        f"their first {comparison.hits}; {came:,} items came, {went:,} went.<br>"
        f"{escape(comparison.before)} → {escape(comparison.after)}</p></div></header>"
    )


def _causes(comparison: Comparison) -> str:
    if not any(cause.share for cause in comparison.causes.values()):
        return '<p class="note">Every item has the look-alikes that it had.</p>'
    # Widths in an SVG need no style attribute, which the page's own policy forbids.
    bar, start = [], 0.0
    for name, cause in comparison.causes.items():
        width = 100 * cause.share
        bar.append(f'<rect class="{name}" x="{start:.2f}" width="{width:.2f}" height="10"/>')
        start += width
    rows = [
        f'<li><i class="{name}"></i><b>{escape(name)}</b> {percent(cause.share)}'
        f'<span class="muted">{escape(CAUSES[name])} · {cause.lost:,} lost, '
        f"{cause.gained:,} gained</span></li>"
        for name, cause in comparison.causes.items()
        if cause.share
    ]
    none = ", ".join(name for name, cause in comparison.causes.items() if not cause.share)
    if none:
        rows.append(f'<li class="muted">nothing by {escape(none)}</li>')
    told = ", ".join(f"{name} {percent(cause.share)}" for name, cause in comparison.causes.items())
    return (
        f'<h2>Why</h2><svg class="bar" role="img" aria-label="{escape(told)}" viewBox="0 0 100 10" '
        f'preserveAspectRatio="none">{"".join(bar)}</svg><ul class="causes">{"".join(rows)}</ul>'
    )


def _distribution(comparison: Comparison) -> str:
    largest = max(comparison.distribution) or 1
    rows = (
        f'<tr><td class="number">{count}</td><td><svg class="small" viewBox="0 0 100 10" '
        f'preserveAspectRatio="none"><rect width="{100 * items / largest:.1f}" height="10"/></svg>'
        f'</td><td class="number">{items:,}</td></tr>'
        for count, items in enumerate(comparison.distribution)
    )
    head = "<tr><th>others</th><th></th><th>items</th></tr>"
    return f"<section><h2>How many are others</h2><table>{head}{''.join(rows)}</table></section>"


def _categories(comparison: Comparison) -> str:
    shown = comparison.categories[:CATEGORIES]
    rows = (
        f"<tr><td>{escape(_short(entry.category)) or '(none)'}</td>"
        f'<td class="number">{percent(entry.churn)}</td>'
        f'<td class="number">{entry.items:,}</td></tr>'
        for entry in shown
    )
    left = len(comparison.categories) - len(shown)
    more = f'<p class="muted">and {left:,} less changed ones</p>' if left else ""
    head = "<tr><th>category</th><th>churn</th><th>items</th></tr>"
    return f"<section><h2>Where</h2><table>{head}{''.join(rows)}</table>{more}</section>"


def _facts(comparison: Comparison) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(old)}</td><td>{escape(new)}</td></tr>"
        for name, (old, new) in comparison.facts.items()
    )
    if not rows:
        return ""
    head = "<tr><th></th><th>before</th><th>after</th></tr>"
    return f'<section><h2>What differs</h2><table class="facts">{head}{rows}</table></section>'


def _worst_note(comparison: Comparison) -> str:
    return f"{len(comparison.worst):,} of {comparison.items_changed:,} that changed"


class _Sheet:
    """The contact sheet: for each item its photo, its row before and its row after."""

    def __init__(self, pair: Pair, rules: PictureRules) -> None:
        self._pair = pair
        self.rules = rules

    def draw(self, heading: str, note: str, changes: Iterable[ItemChange]) -> str:
        """Return one section of the sheet; nothing if it has no items."""
        drawn = "".join(self._item(change) for change in changes)
        if not drawn:
            return ""
        small = f' <small class="muted">{escape(note)}</small>' if note else ""
        return f"<h2>{escape(heading)}{small}</h2>{drawn}"

    def _item(self, change: ItemChange) -> str:
        pair = self._pair
        photos = self._picture(pair.after, change.asked_after, change.title or change.item_id)
        if self._moved(change):
            before = self._picture(pair.before, change.asked_before, "asked with this before")
            photos += f"<span>before</span>{before}"
        about = " · ".join(
            escape(_short(text)) for text in (change.item_id, change.category) if text
        )
        rows = "".join(
            f'<div class="row"><h4>{name}</h4><ol>'
            f"{''.join(self._hit(side, shown) for shown in hits) or '<li>nothing</li>'}</ol></div>"
            for name, side, hits in (
                ("before", pair.before, change.before),
                ("after", pair.after, change.after),
            )
        )
        return (
            f'<article><div class="asked"><div class="photos">{photos}</div>'
            f"<div><h3>{escape(_short(change.title))}</h3>"
            f'<p class="muted">{about}</p><p><b>{percent(change.churn)}</b> others</p></div></div>'
            f'<div class="rows">{rows}</div></article>'
        )

    def _moved(self, change: ItemChange) -> bool:
        """Whether the item is asked with another region than before."""
        pair = self._pair
        before = pair.before.bundle.region_id(change.asked_before)
        return before != pair.after.bundle.region_id(change.asked_after)

    def _hit(self, side: Side, shown: Shown) -> str:
        name = _short(shown.title or shown.item_id)
        mark = f"<b>{_MARKS[shown.fate]} {shown.fate}</b> {shown.cause}" if shown.cause else ""
        return (
            f'<li class="{shown.fate}">{self._picture(side, shown.region, name)}'
            f'<span class="name">{escape(name)}</span>'
            f'<span class="score">{shown.score:.0f}</span><span class="why">{mark}</span></li>'
        )

    def _picture(self, side: Side, region: int, label: str) -> str:
        [row] = side.bundle.region_rows([region])
        name = self.rules.name(row)
        if not name:
            return ""
        return (
            f'<span class="picture {name}" role="img" aria-label="{escape(_short(label))}"></span>'
        )


def _short(text: str) -> str:
    return text if len(text) <= TITLE_LETTERS else f"{text[:TITLE_LETTERS]}…"
