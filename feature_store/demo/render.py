"""Render the demo catalogue: photos, three days of CSV dumps and the truth about every photo."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from feature_store.demo.catalogue import Words, day_text, image_path
from feature_store.demo.design import Design
from feature_store.demo.listings import LISTINGS
from feature_store.demo.photo import Photo
from feature_store.demo.plan import ItemPlan, PhotoPlan, chance_of, plan_items
from feature_store.demo.scenes import group, portrait
from feature_store.demo.truth import PhotoTruth, Seen, truth_text
from feature_store.errors import SettingsError

JPEG_QUALITY = 88
CHUNK = 16
"""Items a worker renders before it reports; a killed render repeats at most these."""


@dataclass(frozen=True)
class DemoSettings:
    """The demo catalogue's size. The same settings and day give the same catalogue.

    items: how many items the shop ever sells; about 97 % are left on the last day.
    seed: another seed is another shop.
    image_px: side of the square photos, in pixels.
    workers: processes that render; does not change the result.
    days: how many daily dumps there are.
    """

    items: int = 1600
    seed: int = 7
    image_px: int = 416
    workers: int = 2
    days: int = 3

    def __post_init__(self) -> None:
        if self.items < 1 or self.days < 1 or self.workers < 1 or not 64 <= self.image_px <= 4096:
            raise SettingsError(f"these demo settings make no shop: {self}")


@dataclass(frozen=True)
class DemoSummary:
    """What was rendered: items ever sold and left on the last day, photos, scenes, categories."""

    items: int
    live_items: int
    photos: int
    scenes: int
    categories: int
    catalogues: tuple[Path, ...]
    truth: Path


@dataclass(frozen=True)
class _Rendered:
    """What a worker reports of one item."""

    number: int
    words: Words
    photos: tuple[PhotoTruth, ...]


def render_demo(
    out: Path,
    last_day: dt.date,
    settings: DemoSettings = DemoSettings(),
    progress: Callable[[int, int], None] | None = None,
) -> DemoSummary:
    """Render the demo catalogue into `out`, or return at once if it is there already.

    The days' dumps are `out/catalogue/<date>.csv`, the last of them of `last_day`; the photos
    lie under `out/images`, the truth in `out/truth.jsonl`. `progress(done, total)` counts
    photos. A killed render goes on where it stopped; `out/demo.json` is written last.
    """
    key = _key(last_day, settings)
    items = plan_items(settings.items, settings.days, settings.seed)
    finished = out / "demo.json"
    if not _is_of(finished, key):
        _clear(out, key)
        _render(out, items, settings, progress)
        _write_lists(out, items, last_day, settings)
        _write(finished, json.dumps(key, indent=2) + "\n")
        shutil.rmtree(out / "parts")
    photos = [photo for item in items for photo in item.photos]
    return DemoSummary(
        items=len(items),
        live_items=sum(item.live(settings.days - 1) for item in items),
        photos=len(photos),
        scenes=sum(bool(photo.others) for photo in photos),
        categories=len({item.listing.category for item in items}),
        catalogues=tuple(
            out / "catalogue" / f"{day}.csv" for day in _dates(last_day, settings.days)
        ),
        truth=out / "truth.jsonl",
    )


def _dates(last_day: dt.date, days: int) -> list[dt.date]:
    return [last_day - dt.timedelta(days=days - 1 - k) for k in range(days)]


@cache
def _renderer() -> str:
    """The renderer's version: a digest of its source."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(here.rglob("*.py")):
        digest.update(source.relative_to(here).as_posix().encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _key(last_day: dt.date, settings: DemoSettings) -> dict[str, object]:
    wanted = dataclasses.asdict(settings)
    del wanted["workers"]
    return {"last_day": last_day.isoformat(), "renderer": _renderer(), **wanted}


def _is_of(path: Path, key: dict[str, object]) -> bool:
    try:
        return bool(json.loads(path.read_text()) == key)
    except (OSError, ValueError):
        return False


def _clear(out: Path, key: dict[str, object]) -> None:
    """Keep the parts of an unfinished render of the same demo, remove what another one left."""
    parts = out / "parts"
    if not _is_of(parts / "key.json", key):
        ours = (out / "demo.json").exists() or (parts / "key.json").exists()
        for name in ("images", "catalogue", "parts") if ours else ():
            shutil.rmtree(out / name, ignore_errors=True)
    (out / "demo.json").unlink(missing_ok=True)
    _write(parts / "key.json", json.dumps(key))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _render(
    out: Path,
    items: Sequence[ItemPlan],
    settings: DemoSettings,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Render every chunk that is not there yet, in this process or in several."""
    total = sum(len(item.photos) for item in items)
    done = 0
    waiting = []
    for first in range(0, len(items), CHUNK):
        if (out / "parts" / f"{first:06d}.json").exists():
            done += _photos(items[first : first + CHUNK])
        else:
            waiting.append(first)
    if progress is not None:
        progress(done, total)
    for first in _chunks_done(out, waiting, settings):
        done += _photos(items[first : first + CHUNK])
        if progress is not None:
            progress(done, total)


def _photos(items: Sequence[ItemPlan]) -> int:
    return sum(len(item.photos) for item in items)


def _chunks_done(out: Path, waiting: list[int], settings: DemoSettings) -> Iterator[int]:
    if settings.workers == 1 or len(waiting) < 3:
        for first in waiting:
            yield _render_chunk(out, settings, first)
        return
    # one chunk here first: it leaves the compiled code where the workers find it
    yield _render_chunk(out, settings, waiting[0])
    processes = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(settings.workers, mp_context=processes) as pool:
        jobs = [pool.submit(_render_chunk, out, settings, first) for first in waiting[1:]]
        for job in jobs:
            yield job.result()


def _render_chunk(out: Path, settings: DemoSettings, first: int) -> int:
    """Render the items from number `first`; leave their report in the parts; return `first`."""
    items = plan_items(settings.items, settings.days, settings.seed)
    report = [_render_item(out, items, item, settings) for item in items[first : first + CHUNK]]
    _write(out / "parts" / f"{first:06d}.json", json.dumps([dataclasses.asdict(r) for r in report]))
    return first


def _designed(number: int, seed: int) -> Design:
    """The item's design: always the same for the same number and seed."""
    return LISTINGS[number % len(LISTINGS)].design(chance_of(seed, "design", number))


def _render_item(
    out: Path, items: Sequence[ItemPlan], item: ItemPlan, settings: DemoSettings
) -> _Rendered:
    design = _designed(item.number, settings.seed)
    photos = []
    for plan in item.photos:
        others = [_designed(number, settings.seed) for number in plan.others]
        photo = _take(item, plan, design, others, settings)
        path = image_path(item, plan.name)
        _save(out / path, photo.pixels)
        seen = [
            Seen(shown.item_id, shown.listing.category, d.colour, d.pattern, box)
            for shown, d, box in zip(
                [item, *(items[n] for n in plan.others)],
                [design, *others],
                photo.boxes,
                strict=True,
            )
            if box[2] > box[0]
        ]
        photos.append(PhotoTruth(path, settings.image_px, settings.image_px, tuple(seen)))
    words = Words(design.style, design.colour, design.pattern, design.material)
    return _Rendered(item.number, words, tuple(photos))


def _take(
    item: ItemPlan,
    plan: PhotoPlan,
    design: Design,
    others: Sequence[Design],
    settings: DemoSettings,
) -> Photo:
    chance = chance_of(settings.seed, "photo", item.number, plan.name)
    if not others:
        return portrait(design.model, item.listing, chance, settings.image_px, close=plan.close)
    listings = [LISTINGS[n % len(LISTINGS)] for n in (item.number, *plan.others)]
    models = [design.model, *(other.model for other in others)]
    return group(models, listings, chance, settings.image_px)


def _save(path: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    Image.fromarray(pixels).save(unfinished, "JPEG", quality=JPEG_QUALITY)
    unfinished.replace(path)


def _write_lists(
    out: Path, items: Sequence[ItemPlan], last_day: dt.date, settings: DemoSettings
) -> None:
    """Put the workers' reports together: the truth, and the dump of each day."""
    words: dict[int, Words] = {}
    photos = []
    for part in sorted((out / "parts").glob("[0-9]*.json")):
        for record in json.loads(part.read_text()):
            words[record["number"]] = Words(**record["words"])
            photos += [_truth_of(photo) for photo in record["photos"]]
    dates = _dates(last_day, settings.days)
    for day, date in enumerate(dates):
        text = day_text(items, words, dates, day, settings.seed)
        _write(out / "catalogue" / f"{date}.csv", text)
    _write(out / "truth.jsonl", truth_text(photos))


def _truth_of(record: dict[str, object]) -> PhotoTruth:
    products = record.pop("products")
    assert isinstance(products, list)
    seen = tuple(Seen(**{**product, "box": tuple(product["box"])}) for product in products)
    return PhotoTruth(**record, products=seen)  # type: ignore[arg-type]  # read from JSON
