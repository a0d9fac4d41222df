"""Hold a candidate against the index gate, and publish it if it passed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feature_store.bundle.format import Manifest, read_manifest, verify
from feature_store.bundle.opening import Registry, registry_of
from feature_store.bundle.write import seal
from feature_store.compare import compare_with_live, require_approval
from feature_store.errors import ApprovalError, BundleError, NitamonoError
from feature_store.fresh import refresh
from feature_store.nightly.build import build_candidate
from feature_store.nightly.needs import NightlySettings
from feature_store.nightly.page import draw_page
from feature_store.nightly.record import note
from feature_store.nightly.stopwatch import Progress, Step, unheard
from feature_store.quality.index import check_index
from feature_store.quality.report import GateReport
from feature_store.tables import FeatureStore

log = logging.getLogger(__name__)


def check_candidate(path: str | Path, settings: NightlySettings) -> GateReport:
    """Judge what was measured on the bundle at `path`; write the verdict and the page into it.

    Every file is held against its digest first: BundleError if one has changed since it was
    measured. A failed check does not raise here; `report.raise_if_failed()` does. A bundle that is
    live is judged, too, but nothing is written into it: somebody may be opening it.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    report = check_index(manifest.measurements["gate"], settings.quality)
    registry = registry_of(settings)
    live = registry.current()
    if live == folder.name:
        verify(folder, manifest)
        return report
    thresholds = settings.quality.read_index_gate()
    page = draw_page(folder, manifest, report, _manifest_of(live, registry), thresholds)
    seal(folder, report.passed, report.to_dict(), page)
    log.info("%s: the index gate %s", folder.name, "passed" if report.passed else "failed")
    if not report.passed:
        note(settings.home, manifest, "refused")
    return report


def publish_candidate(
    path: str | Path,
    settings: NightlySettings,
    store: FeatureStore | None = None,
    *,
    compared: Mapping[str, Any] | None = None,
    approved: bool = False,
) -> str:
    """Make the bundle at `path` the live one; remove bundles out of use. Return the live one's id.

    While another bundle is pinned, that one stays live and is returned: the candidate is kept, to
    be published by hand. What changed since its snapshot is written beside it first, so that no
    deleted item comes back with it.

    `compared` is the summary of its comparison with the live bundle, and `approved` whether a
    person has agreed to that; without the first nobody has to agree. Raises ApprovalError if
    somebody had to and has not, and BundleError unless every byte is what its gate passed; the
    live bundle stays live then.
    """
    folder, registry = Path(path), registry_of(settings)
    if folder.resolve().parent != registry.folder.resolve():
        raise BundleError(f"{folder} is not in {registry.folder}; only a bundle there can be live")
    manifest, pin = read_manifest(folder), registry.pinned()
    if pin is not None and pin.bundle_id != folder.name:
        log.warning(
            "%s is not published: %s is pinned since %s, until 'nitamono unpin'",
            *(folder.name, pin.bundle_id, pin.at or "some time"),
        )
        note(settings.home, manifest, "pinned")
        return pin.bundle_id
    if compared is not None:
        _require_agreement(manifest, settings, compared, approved=approved)
    _freshen(folder.name, settings, store)
    registry.publish(folder.name, unless_pinned=True)
    note(settings.home, manifest, "published")
    try:
        registry.prune(settings.index.keep_bundles)
    except NitamonoError as error:  # it is live all the same
        log.warning("old bundles stay: %s", error)
    return folder.name


def build_and_publish(
    settings: NightlySettings,
    store: FeatureStore | None = None,
    *,
    approved: bool = False,
    progress: Progress = unheard,
) -> str:
    """Build, check and publish a bundle from the current snapshot; return the live one's id.

    Raises GateError if the gate fails; ApprovalError if more would change for shoppers than
    `compare.max_churn` and that is not `approved`. The live bundle stays live then.
    """
    candidate = build_candidate(settings, store, progress)
    progress(Step("check"))
    check_candidate(candidate.path, settings).raise_if_failed()
    progress(Step("compare"))
    found = compare_with_live(settings, candidate.path.name)
    compared = found.summary() if found else {}
    progress(Step("publish"))
    return publish_candidate(candidate.path, settings, store, compared=compared, approved=approved)


def _require_agreement(
    manifest: Manifest, settings: NightlySettings, compared: Mapping[str, Any], *, approved: bool
) -> None:
    """Raise ApprovalError unless little would change, or a person has agreed to just that.

    Where another bundle has gone live since the comparison, the candidate is compared with that
    one: what would change now is not what anybody has agreed to.
    """
    if registry_of(settings).current() not in (compared.get("before"), manifest.bundle_id):
        found = compare_with_live(settings, manifest.bundle_id)
        compared, approved = found.summary() if found else {}, False
    try:
        require_approval({} if approved else compared)
    except ApprovalError:
        note(settings.home, manifest, "not approved")
        raise


def _freshen(bundle_id: str, settings: NightlySettings, store: FeatureStore | None) -> None:
    """Write the tier of a bundle that is about to go live; without one it is good all the same."""
    try:
        refresh(settings, bundle_id, store=store)
    except NitamonoError as error:
        log.warning("%s goes live without what changed since its snapshot: %s", bundle_id, error)


def _manifest_of(live: str | None, registry: Registry) -> Manifest | None:
    """The live bundle's manifest, for comparison, if there is one that can be read."""
    if live is None:
        return None
    try:
        return registry.manifest(live)
    except BundleError:
        return None
