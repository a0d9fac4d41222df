"""The second step of a day, once for each shard: its images, their regions and features."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.ingest.books import Books, Entry
from feature_store.ingest.describe import ImageDescriber
from feature_store.ingest.knowledge import Knowledge
from feature_store.ingest.models import Models, limits_of
from feature_store.ingest.outcomes import Occurrence, Outcomes, occurrences
from feature_store.ingest.plan import Plan, is_revisit, read_requeued, read_settled
from feature_store.ingest.result import ShardResult, ShardSummary
from feature_store.ingest.siblings import Siblings
from feature_store.ingest.staging import read_table
from feature_store.schemas import ITEMS, PASSING_REASONS
from feature_store.tables import FeatureStore, open_store

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)


def process_shard(
    path: str,
    settings: Settings,
    models: Models | None = None,
    store: FeatureStore | None = None,
    on_images: Callable[[int], None] | None = None,
) -> ShardSummary:
    """Describe the images of the shard at `path` and write its ledger and features beside it.

    A shard that these models have described already is left alone, but for images whose host did
    not answer: those are asked for again. What the store or another shard of the day knows is not
    computed again, and no model is loaded for nothing. One bad image never costs the shard. Raises
    StoreError if the shard is missing, VisionError if a model is needed and cannot be loaded.
    `on_images` is told how many images each chunk had, once it is described.
    """
    started = time.monotonic()
    shard = Path(path)
    items = read_table(shard, ITEMS)
    plan = Plan.read(shard.parent)
    models = models or Models.load(settings, plan.extractors)
    earlier = ShardResult.of(shard)
    if earlier is not None and earlier.key != models.key(settings):
        earlier = None
    if earlier is not None and not earlier.passing:
        return earlier.summary
    store = store or open_store(settings)
    knowledge = _knowledge(models, settings, store, shard.parent.parent)
    listed = occurrences(items)
    books = _books(plan, listed, store, settings, earlier)
    describer = ImageDescriber(models, knowledge, books, settings, on_images)
    entries = describer.describe(
        list(dict.fromkeys(occurrence.uri for occurrence in listed)),
        unchanged=is_revisit(shard),
        settled=plan.settled,
    )
    outcomes = Outcomes(entries, knowledge, models)
    ledger, features = outcomes.ledger(plan.ds, listed), outcomes.features(plan.ds, listed)
    summary = ShardSummary(
        images=ledger.num_rows,
        reused=describer.reused,
        detected=describer.detected,
        embedded=describer.embedded,
        failed=_count(pc.equal(ledger["status"], "failed")),
        seconds=round(time.monotonic() - started, 3),
    )
    _result(shard, ledger, features, models, settings, summary).write(shard, ledger, features)
    log.info("%s %s: %s", plan.ds, shard.stem, summary)
    return summary


def _knowledge(models: Models, settings: Settings, store: FeatureStore, day: Path) -> Knowledge:
    """Ask the store first, then what the other shards of the day have found out."""
    detector = models.detector.identity
    extractors = [extractor.identity for extractor in models.extractors]
    siblings = Siblings(day, limits_of(settings))
    return Knowledge(
        extractors,
        [
            partial(store.known, detector=detector, extractors=extractors),
            partial(siblings.known, detector=detector),
        ],
    )


def _books(
    plan: Plan,
    listed: list[Occurrence],
    store: FeatureStore,
    settings: Settings,
    earlier: ShardResult | None,
) -> Books:
    folder = Path(plan.folder)
    uris = list(dict.fromkeys(occurrence.uri for occurrence in listed))
    stored = Entry.by_address(store.sources(uris).to_pylist())
    if plan.settled:  # what the day itself says counts, whatever a later one has found
        own = read_settled(folder)
        own = own.filter(pc.is_in(own["image_uri"], value_set=pa.array(uris, pa.string())))
        stored.update(Entry.by_address(own.to_pylist()))
    tried = Entry.by_address(earlier.tables(folder)[0].to_pylist()) if earlier else {}
    wanted = read_requeued(folder)
    requeued = {occurrence.uri for occurrence in listed if occurrence.item_id in wanted}
    now = dt.datetime.fromisoformat(plan.at)
    return Books(stored, tried, requeued, now, settings.ingest)


def _result(
    shard: Path,
    ledger: pa.Table,
    features: pa.Table,
    models: Models,
    settings: Settings,
    summary: ShardSummary,
) -> ShardResult:
    key = models.key(settings)
    used = set(pc.unique(features["extractor"]).to_pylist())
    passing = pc.is_in(ledger["reason"], value_set=pa.array(PASSING_REASONS))
    return ShardResult(
        key=key,
        limits=limits_of(settings),
        active=models.extractor.identity,
        dims={one.identity: one.dim for one in models.extractors if one.identity in used},
        passing=_count(passing),
        ledger=f"{shard.stem}.{key}.ledger.parquet",
        features=f"{shard.stem}.{key}.features.parquet",
        summary=summary,
    )


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)
