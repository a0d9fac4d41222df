"""Three days of a small shop: new items, changed and deleted ones, shared, broken and bad rows."""

from __future__ import annotations

import shutil
from pathlib import Path

from feature_store.index.settings import IndexSettings
from feature_store.ingest.settings import IngestSettings
from feature_store.settings import Settings
from tests.feature_store.ingest.shop import Shop

DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")
ITEMS = 30


def open_shop(folder: Path) -> None:
    """Draw the photos and write one catalogue a day; all of them stay as they are."""
    shop = Shop(folder)
    shop.stock(ITEMS)
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:60])
    shop.sell("broken", "broken.png", title="no photo of it can be read")
    shop.sell("two photos", "1.png", shop.draw("second.png", 91), title="one photo is shared")
    shop.write(f"catalogue-{DAYS[0]}.csv")

    for number in (3, 4, 5):
        shop.sell(f"item {number:02d}", shop.draw(f"{number}-new.png", 100 + number), title="new")
    for number in (6, 7):
        shop.sell(f"item {number:02d}", f"{number}.png", title="another title")
    for number in (8, 9):
        del shop.rows[f"item {number:02d}"]
    for number in range(4):
        shop.sell(f"late {number}", shop.draw(f"late-{number}.png", 200 + number))
    shop.write(f"catalogue-{DAYS[1]}.csv")

    for number in (10, 11, 12):
        del shop.rows[f"item {number:02d}"]
    shop.sell("item 08", "8.png", title="here again")
    shop.sell("item 03", "3.png", title="the old photo again")
    shop.sell("no photo", title="a row that cannot be used")
    for number in range(5):
        shop.sell(f"last {number}", shop.draw(f"last-{number}.png", 300 + number), "13.png")
    shop.write(f"catalogue-{DAYS[2]}.csv")


def settings_of(folder: Path, home: Path) -> Settings:
    """The settings of a home that reads this shop; small as it is, it gets a graph."""
    return Settings(
        home=home,
        catalogue_location=str(folder / "catalogue-{ds}.csv"),
        ingest=IngestSettings(items_per_shard=4, images_per_chunk=3),
        index=IndexSettings(
            min_graph_vectors=20,
            candidates=(10, 20, 40),
            reduced_dim=12,
            neighbours=20,
            sample_size=300,
            keep_bundles=3,
        ),
    )


def put(state: Path, home: Path) -> None:
    """Make `home` what the folder `state` holds."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(state, home)
