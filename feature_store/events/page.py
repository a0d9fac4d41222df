"""What shoppers did, for people: one self-contained page with its charts, without a script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from feature_store.events.charts import Line, draw_curve, draw_spread
from feature_store.events.overview import Overview, Shown
from feature_store.events.shares import Share, difference
from feature_store.events.sound import ASIDE
from feature_store.events.verdict import Verdict, percent, verdict

LINES = 4
"""The bundles that have a line of their own: those with the most answers."""
ROWS = 40
"""The bundles listed: those with the most answers."""


def draw_page(overview: Overview, verdicts: Sequence[Verdict] = ()) -> str:
    """Return the HTML of an overview, and of comparisons with the bundle that was shown most."""
    if not overview.bundles:
        body = "<h1>Nothing was seen yet</h1>" + _aside(overview)
        return _document("What shoppers did", body)
    most = sorted(overview.bundles, key=lambda shown: -shown.clicks.of)
    body = "".join(
        (
            _headline(overview),
            _curve(overview, most[:LINES]),
            _bundles(most),
            _verdicts(verdicts),
            _positions(overview),
            _aside(overview),
        )
    )
    return _document(f"What shoppers did, {overview.days[0]} to {overview.days[-1]}", body)


def _document(title: str, body: str) -> str:
    """Fill the template; the page's own policy allows the one style sheet and nothing else."""
    template = files("feature_store.events").joinpath("page.html").read_text(encoding="utf-8")
    [style] = re.findall("<style>(.*?)</style>", template, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return Template(template).substitute(policy=policy, title=escape(title), body=body)


def _headline(overview: Overview) -> str:
    answers = sum(shown.clicks.of for shown in overview.bundles)
    clicked = Share(sum(shown.clicks.count for shown in overview.bundles), answers)
    bought = Share(sum(shown.conversions.count for shown in overview.bundles), answers)
    return (
        f'<header><p class="figure">{percent(clicked)}</p><div>'
        f"<h1>of {answers:,} answers that were seen had a click</h1>"
        f'<p class="muted">{percent(bought)} led to a purchase · {len(overview.bundles):,} bundles '
        f"· {overview.days[0]} to {overview.days[-1]}, {len(overview.days)} days counted</p>"
        "</div></header>"
    )


def _curve(overview: Overview, shown: Sequence[Shown]) -> str:
    lines = [
        Line(entry.bundle, [(place.position, place.clicks) for place in entry.places])
        for entry in shown
    ]
    keys = "".join(
        f'<li class="c{number}"><i></i>{escape(line.name)}</li>'
        for number, line in enumerate(lines)
    )
    left = len(overview.bundles) - len(lines)
    more = f'<li class="muted">{left:,} more bundles below</li>' if left > 0 else ""
    return (
        "<h2>Clicks by position</h2>"
        f'<div class="scroll">{draw_curve(lines)}</div><ul class="key">{keys}{more}</ul>'
        '<p class="muted">The share of the hits seen at a position that were clicked. '
        "Whiskers: 95 % intervals.</p>"
    )


def _bundles(most: Sequence[Shown]) -> str:
    top = max(shown.clicks.interval[1] for shown in most if shown.clicks.of)
    rows = "".join(
        f"<tr><td>{escape(shown.bundle)}</td><td>{_span(shown.days)}</td>"
        f'<td class="number">{shown.clicks.of:,}</td>'
        f'<td class="number">{percent(shown.clicks)}</td>'
        f"<td>{draw_spread(shown.clicks, top)}</td>"
        f'<td class="number">{percent(shown.conversions)}</td></tr>'
        for shown in most[:ROWS]
    )
    head = _head("bundle", "shown", "#answers", "#clicked", "", "#bought")
    left = len(most) - ROWS
    more = f'<p class="muted">and {left:,} that were shown less</p>' if left > 0 else ""
    return f'<h2>Bundles</h2><div class="scroll"><table>{head}{rows}</table></div>{more}'


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = []
    for found in verdicts:
        before, after = found.before, found.after
        rows.append(
            f"<tr><td>{escape(after.bundle)}</td>"
            f"{_apart(before.clicks, after.clicks, decide=found.same_days)}"
            f"{_apart(before.conversions, after.conversions, decide=found.same_days)}"
            f'<td class="number">{len(found.days) if found.same_days else "none"}</td></tr>'
        )
    reference = escape(verdicts[0].before.bundle)
    head = _head("bundle", "clicks", "purchases", "#days in common")
    return (
        f"<h2>Against {reference}</h2>"
        f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'
        '<p class="muted">Points of the share of answers, on the days on which both were shown '
        "(where there are none, on all, and nothing is decided: the days may be what differs). "
        "Answers about one item are alike; the intervals allow for that.</p>"
    )


def _apart(before: Share, after: Share, *, decide: bool) -> str:
    apart, low, high = (100 * value for value in difference(before, after))
    found = verdict(before, after) if decide else "open"
    return (
        f'<td><span class="{found}">{found.replace("open", "undecided")}</span> {apart:+.2f} '
        f'<span class="muted">({low:+.2f} to {high:+.2f})</span></td>'
    )


def _positions(overview: Overview) -> str:
    rows = "".join(
        f'<tr><td class="number">{place.position}</td><td class="number">{place.clicks.of:,}</td>'
        f'<td class="number">{percent(place.clicks)}</td>'
        f'<td class="number muted">{_interval(place.clicks)}</td>'
        f'<td class="number">{percent(place.conversions)}</td></tr>'
        for place in overview.places[:ROWS]
    )
    head = _head("#position", "#seen", "#clicked", "#95 %", "#bought")
    return f'<h2>Positions</h2><div class="scroll"><table>{head}{rows}</table></div>'


def _aside(overview: Overview) -> str:
    rows = "".join(
        f'<tr><td>{escape(ASIDE.get(reason, reason))}</td><td class="number">{count:,}</td></tr>'
        for reason, count in overview.aside.items()
        if count
    )
    return f"<h2>Events that do not count</h2><table>{rows}</table>" if rows else ""


def _head(*names: str) -> str:
    """Return a table's first row; a name after # stands over numbers."""
    cells = (
        f'<th class="number">{name[1:]}</th>' if name.startswith("#") else f"<th>{name}</th>"
        for name in names
    )
    return f"<tr>{''.join(cells)}</tr>"


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.2f} to {100 * high:.2f} %"


def _span(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
