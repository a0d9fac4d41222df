"""A whole upgrade without Airflow: plan, chunks, commit, until nothing is left; then switch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_store.tables import Coverage
from feature_store.upgrade.commit import CommitSummary, commit_upgrade
from feature_store.upgrade.extract import extract_chunk
from feature_store.upgrade.plan import plan_upgrade
from feature_store.upgrade.switch import coverage, switch

if TYPE_CHECKING:
    from feature_store.photo.extract import Extractor
    from feature_store.settings import Settings

Progress = Callable[[int, int], None]
"""Is told how many images of how many are described."""


@dataclass(frozen=True)
class UpgradeSummary:
    """What an upgrade did, run by run, and how much the extractor describes now."""

    runs: tuple[CommitSummary, ...]
    coverage: Coverage
    switched: bool


def run_upgrade(
    settings: Settings,
    model: str,
    *,
    then_switch: bool = True,
    progress: Progress | None = None,
    extractor: Extractor | None = None,
) -> UpgradeSummary:
    """Describe the whole store under `model`, then let it answer if nothing is missing.

    A person asked for it: a declined extractor is not declined any more. Raises GateError if the
    vectors of a day do not pass, StoreError with the figure if some images could not be described.
    """
    done: list[CommitSummary] = []
    while True:
        plan = plan_upgrade(settings, model)
        if not plan.chunks:
            break
        covered = coverage(settings, model)
        described, total = covered.described, covered.indexed
        for chunk in plan.chunks:
            described += extract_chunk(chunk, settings, extractor).images
            if progress:
                progress(min(described, total), total)
        done.append(commit_upgrade(plan.folder, settings))
        if progress:
            progress(coverage(settings, model).described, total)  # items share images
        if not done[-1].regions:
            break  # what is left cannot be had now
    if then_switch:
        switch(settings, model, by_hand=True)
    return UpgradeSummary(tuple(done), coverage(settings, model), then_switch)
