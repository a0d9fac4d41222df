"""A small bundle whose items have every kind of id, stock and segment."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from feature_store.bundle import Bundle, open_bundle
from feature_store.bundle.format import ITEMS_FILE, REGIONS_FILE, VECTORS

GOLDEN = Path(__file__).parents[1] / "bundle" / "golden" / "0.1.0"

HOSTILE = (
    "a:b:0123456789abcdef",
    "line\nbreak\tand nothing\x00here",
    "x'); DROP TABLE `items`; -- @versions",
    "👜" * 512,  # 2 kB
    ":",
    " ",
)
"""Ids of the first items: whatever a catalogue may hold."""


def replace_columns(path: Path, columns: dict[str, pa.Array]) -> None:
    """Write a bundle's table again with other columns."""
    with pa.OSFile(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())


@pytest.fixture(scope="session")
def odd_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """60 items, the last three with the photo of the first; item 0 shows one region twice."""
    golden = max((path for path in GOLDEN.iterdir() if path.is_dir()), key=_items)
    folder = Path(shutil.copytree(golden, tmp_path_factory.mktemp("odd") / golden.name))
    plain = open_bundle(folder, proven=False)
    ids = plain.items["item_id"].to_pylist()
    ids[: len(HOSTILE)] = HOSTILE
    segments = [(None, "men", "ladies", "Men")[i % 4] for i in range(len(ids))]
    regions = plain.regions["region_id"].to_pylist()
    regions[1] = regions[0]
    vectors = np.array(plain.vectors[:])
    vectors[1] = vectors[0]
    np.save(folder / VECTORS, vectors)
    replace_columns(
        folder / ITEMS_FILE,
        {"item_id": pa.array(ids, pa.string()), "segment": pa.array(segments, pa.string())},
    )
    replace_columns(folder / REGIONS_FILE, {"region_id": pa.array(regions, pa.string())})
    return open_bundle(folder, proven=False)


def _items(folder: Path) -> int:
    return len(open_bundle(folder, proven=False).items)
