"""The first step of an upgrade: what is missing, the oldest days first, cut into chunks.

staging/upgrade/<identity>/<plan>/plan.json           days, chunks, counts
…/<plan>/chunk-00000.parquet                          regions to describe (CHUNK), by image
…/<plan>/chunk-00000.vectors.parquet                  their vectors (VECTORS)
…/<plan>/chunk-00000.json                             what became of the chunk; the last: it is done
…/<plan>/refused                                      the gate refused the vectors: start anew
staging/upgrade/<identity>/complete.json              days that lack nothing
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import logging
import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.ingest.staging import (
    planning,
    read_json,
    understanding,
    write_json,
    write_table,
)
from feature_store.models import Active, ModelRegistry
from feature_store.schemas import FEATURES
from feature_store.tables import Snapshot, open_store
from feature_store.tables.check import check_ds
from feature_store.upgrade.missing import MissingDay, live_by_day, missing_days

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)

PLAN, REFUSED = "plan.json", "refused"
MAX_CHUNKS = 1000
"""Airflow maps over 1,024 at most; a larger plan has larger chunks."""

CHUNK = pa.schema(
    [
        FEATURES.field(name)
        for name in (
            *("image_id", "image_uri", "detector"),
            *("region_id", "kind", "x0", "y0", "x1", "y1"),
        )
    ]
)
"""One region to describe, who found it, and an address of its image."""


@dataclass(frozen=True)
class UpgradePlan:
    """What one run takes up: `chunks` (paths) of the `images` that `days` lack under `identity`.

    `days` names the chunks that each day needs, the oldest day first.
    """

    model: str
    identity: str
    folder: str
    started_at: str
    days: Mapping[str, list[str]]
    chunks: list[str]
    images: int
    regions: int


def target_of(settings: Settings, model: str | None = None) -> Active:
    """Name an extractor with its identity, by default the one that the settings want."""
    from feature_store.vision.identity import extractor_identity

    wanted = model or settings.vision.extractor
    return Active(wanted, extractor_identity(settings.vision, wanted))


def nothing_to_do(settings: Settings, model: str | None = None) -> str | None:
    """Tell why an upgrade to `model` has nothing to do; None if it has.

    Without `model` it is about the settings' extractor, and what a person has turned away from
    stays so.
    """
    target = target_of(settings, model)
    state = ModelRegistry(settings.home).look(settings.vision.extractor)
    if model is None and target.model in state.declined:
        return (
            f"the settings want {target.model}, but a person has turned away from it; "
            f"'nitamono models upgrade {target.model}' lets it answer again"
        )
    covered = open_store(settings).snapshot().coverage(target.identity)
    answers = state.active in (target, Active(target.model))
    if answers and covered.described == covered.indexed:
        return f"{target.identity} answers, and describes all {covered.indexed:,} images"
    return None


def plan_upgrade(
    settings: Settings,
    model: str | None = None,
    ds: str | None = None,
    images: int | None = None,
) -> UpgradePlan:
    """Plan what `model` (default: the settings' extractor) has not described yet.

    Of day `ds` only, or of all days, the oldest first; at most `images` of them, by default as many
    as the settings say for a run, or all of day `ds`. From now on ingests describe new images under
    the model too. The same store makes the same plan. StoreError if it is empty.
    """
    target, store = target_of(settings, model), open_store(settings)
    snapshot = store.snapshot()
    require_rows(snapshot, settings, target)
    ModelRegistry(settings.home).keep(target.model, settings.vision.extractor)
    live = live_by_day(snapshot)
    if ds is not None:
        own_day = check_ds(ds)
        live = {own_day: live[own_day]} if own_day in live else {}
    bound = images or (settings.upgrade.images_per_run if ds is None else None)
    base = upgrade_folder(settings, target.identity)
    draft = _Draft(bound)
    for day in missing_days(store, live, target.identity, base):
        draft.add(day)
        if draft.full:
            break
    return _write(draft, target, settings)


def require_rows(snapshot: Snapshot, settings: Settings, target: Active) -> None:
    """Raise StoreError if nothing has been ingested yet: there is nothing to upgrade."""
    if not snapshot.version:
        raise StoreError(
            f"the store of {settings.home} is empty: set NITAMONO_VISION_EXTRACTOR to "
            f"{target.model} and ingest a catalogue"
        )


def upgrade_folder(settings: Settings, identity: str) -> Path:
    """Return the folder in which an upgrade to `identity` is staged."""
    return settings.staging / "upgrade" / identity


def read_plan(folder: Path) -> UpgradePlan:
    """Read the plan in `folder`; StoreError if there is none."""
    values = read_json(folder / PLAN)
    if values is None:
        raise StoreError(f"{folder / PLAN} is missing; plan the upgrade again")
    with understanding(folder / PLAN):
        return UpgradePlan(**values)


class _Draft:
    """Collects the regions of distinct images, up to a number of images."""

    def __init__(self, bound: int | None) -> None:
        self.images: dict[str, int] = {}  # image_id → its number
        self.parts: list[pa.Table] = [CHUNK.empty_table()]
        self.days: dict[str, list[int]] = {}  # day → the numbers of its images
        self._bound = bound

    @property
    def full(self) -> bool:
        """Tell whether no further image may be taken up."""
        return self._bound is not None and len(self.images) >= self._bound

    def add(self, day: MissingDay) -> None:
        """Take up a day, as far as there is room."""
        wanted = pc.unique(day.regions["image_id"]).to_pylist()  # in order
        fresh = [image_id for image_id in wanted if image_id not in self.images]
        room = len(fresh) if self._bound is None else self._bound - len(self.images)
        taken = fresh[:room]
        rows = day.regions.filter(
            pc.is_in(day.regions["image_id"], value_set=pa.array(taken, pa.string()))
        )
        self.parts.append(_one_of_each(rows))
        for image_id in taken:
            self.images[image_id] = len(self.images)
        self.days[day.ds] = [self.images[one] for one in wanted if one in self.images]


def _one_of_each(rows: pa.Table) -> pa.Table:
    """Keep each region once, whichever items show its image; `rows` are ordered by region."""
    names = rows["region_id"].to_pylist()
    kept = [n for n, name in enumerate(names) if n == 0 or names[n - 1] != name]
    return rows.take(pa.array(kept, pa.int64())).select(CHUNK.names)


def _write(draft: _Draft, target: Active, settings: Settings) -> UpgradePlan:
    rows = pa.concat_tables(draft.parts)
    size = max(settings.upgrade.images_per_chunk, math.ceil(len(draft.images) / MAX_CHUNKS))
    pieces = list(_cut(rows, size))
    digest = hashlib.sha256(f"{target.identity} {size}".encode())
    for name in ("region_id", "image_uri"):
        digest.update("\n".join(rows[name].to_pylist()).encode(errors="surrogatepass"))
    folder = upgrade_folder(settings, target.identity) / digest.hexdigest()[:16]
    names = [f"chunk-{number:05d}.parquet" for number in range(len(pieces))]
    days = {ds: sorted({names[n // size] for n in numbers}) for ds, numbers in draft.days.items()}
    plan = UpgradePlan(
        model=target.model,
        identity=target.identity,
        folder=str(folder),
        started_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        days=days,
        chunks=[str(folder / name) for name in names],
        images=len(draft.images),
        regions=rows.num_rows,
    )
    if pieces:
        with planning(settings.staging):
            if (folder / REFUSED).exists():
                shutil.rmtree(folder)
            if read_json(folder / PLAN) is None:
                for name, piece in zip(names, pieces, strict=True):
                    write_table(folder / name, piece)
            write_json(folder / PLAN, asdict(plan))  # the last: with it the plan is whole
    log.info("%s: %d images of %d days to describe", plan.identity, plan.images, len(days))
    return plan


def _cut(rows: pa.Table, images: int) -> Iterator[pa.Table]:
    """Cut rows that are grouped by image into tables of so many images each."""
    ids = rows["image_id"].to_pylist()
    first = [n for n, name in enumerate(ids) if n == 0 or ids[n - 1] != name]
    bounds = [*first[::images], rows.num_rows]
    for start, end in itertools.pairwise(bounds):
        yield rows.slice(start, end - start)
