"""Compare two bundles and write what was found, for people and for programs."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from feature_store.bundle.format import write_synced
from feature_store.bundle.opening import registry_of
from feature_store.bundle.records import BUNDLE_ID, checked_id
from feature_store.compare.comparison import Comparison, explain
from feature_store.compare.figures import compare_pair
from feature_store.compare.opening import opened
from feature_store.compare.page import draw_page
from feature_store.compare.settings import CompareSettings
from feature_store.compare.sides import Pair
from feature_store.errors import ApprovalError, BundleError

log = logging.getLogger(__name__)

REPORTS = "reports"
"""The folder under home: one folder for each bundle, named for it."""
PAGE, FIGURES = "compare.html", "compare.json"
REPORTS_KEPT = 60
"""Two months of nights; older reports are removed when a new one is written."""


class ReportSettings(Protocol):
    """The part of the settings that a comparison reads."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""

    @property
    def compare(self) -> CompareSettings:
        """What is compared, and how much may change unseen."""


def report_path(home: Path, bundle_id: str) -> Path:
    """Return where the contact sheet of a bundle is; BundleError for what no bundle is named."""
    return home / REPORTS / checked_id(bundle_id) / PAGE


def compare_bundles(
    settings: ReportSettings, before: str, after: str, items: Sequence[str] = ()
) -> Comparison:
    """Compare two bundles and write <home>/reports/<after>/compare.html and compare.json.

    `items` are shown besides the most changed ones and the random sample. Raises BundleError if a
    bundle cannot be read, and UnknownItemError for an item that not both hold.
    """
    if before == after:
        raise BundleError(f"{before} is both bundles; name two to compare")
    registry = registry_of(settings)
    with opened(registry, before) as old, opened(registry, after) as new:
        return _write(settings, Pair(old, new), items)


def compare_with_live(settings: ReportSettings, bundle_id: str) -> Comparison | None:
    """Compare a bundle with the live one and write the report, as `compare_bundles` does.

    None where nothing is live yet, or it is this one, or it cannot be read any more: whatever then
    takes its place is better than that.
    """
    registry = registry_of(settings)
    live = registry.current()
    if live is None or live == bundle_id:
        return None
    with ExitStack() as stack:
        try:
            old = stack.enter_context(opened(registry, live))
        except BundleError as error:
            log.warning("there is nothing to compare with: %s", error)
            return None
        new = stack.enter_context(opened(registry, bundle_id))
        return _write(settings, Pair(old, new))


def require_approval(summary: Mapping[str, Any]) -> None:
    """Raise ApprovalError if so much would change that a person has to agree first.

    `summary` is a comparison's; one of nothing, where there was nothing to compare with, passes.
    """
    if summary.get("needs_approval"):
        after = summary["after"]
        raise ApprovalError(
            f"{after} is proven but not published: {explain(summary)}. "
            f"See {summary['report']}, then 'nitamono publish {after}' if it is right"
        )


def _write(settings: ReportSettings, pair: Pair, items: Sequence[str] = ()) -> Comparison:
    page = report_path(settings.home, pair.after.bundle.bundle_id)
    found = compare_pair(pair, settings.compare, page, items)
    html = draw_page(found, pair, settings.home / "thumbnails")
    page.parent.mkdir(parents=True, exist_ok=True)
    write_synced(page.with_name(FIGURES), json.dumps(found.to_dict(), indent=1) + "\n")
    write_synced(page, html)
    _remove_old(page.parent.parent)
    log.info("%s → %s: churn %.4f, see %s", found.before, found.after, found.churn, page)
    return found


def _remove_old(reports: Path) -> None:
    """Remove all but the newest reports; the judgements, which a person made, stay."""
    found = [
        path.parent for path in reports.glob(f"*/{PAGE}") if BUNDLE_ID.fullmatch(path.parent.name)
    ]
    found.sort(key=lambda folder: (folder / PAGE).stat().st_mtime, reverse=True)
    for old in found[REPORTS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
