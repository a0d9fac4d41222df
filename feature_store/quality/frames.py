"""A batch as flat columns of numbers, which is all that Great Expectations can look at."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import FEATURES, ITEMS, LEDGER, REASONS, Box, region_id

if TYPE_CHECKING:
    import pandas as pd

SCHEMAS = {"items": ITEMS, "ledger": LEDGER, "features": FEATURES}
IMAGE = ["item_id", "image_index"]
BLOCK_ROWS = 4096
FLOAT32_ERROR = 2e-7


def columns_frame(tables: Mapping[str, pa.Table]) -> pd.DataFrame:
    """One row for each column of the schemas: is it `present`, with the right `typed` values."""
    import pandas as pd

    rows = []
    for name, schema in SCHEMAS.items():
        found = tables[name].schema
        for field in schema:
            present = field.name in found.names
            typed = present and found.field(field.name).type == field.type
            filled = present and (field.nullable or not tables[name][field.name].null_count)
            rows.append((f"{name}.{field.name}", int(present), int(typed), int(filled)))
    return pd.DataFrame(rows, columns=["example", "present", "typed", "filled"])


def items_frame(items: pa.Table) -> pd.DataFrame:
    """One row for each changed item: `example` (its id) and `copies`, how often it is there."""
    return _with_copies(items.select(["item_id"]), ["item_id"])


def features_frame(features: pa.Table, dims: Mapping[str, int]) -> pd.DataFrame:
    """One row for each feature; `dims` are the extractors in use, and how long their vectors are.

    `example` (its item), `copies` of its key, `in_use` (1: its extractor is), `measured` and `said`
    (1: the vector is as long as its extractor's are, and its `dim` says so), `finite`, `boxed` and
    `named` (0 or 1), `norm` (0 where it is not finite), and `digest` of the rounded vector.
    """
    key = [*IMAGE, "region_id", "extractor"]
    frame = _with_copies(features.select(key), key)
    blocks = [_measure(block) for block in _blocks(features["vector"])]
    names = ("length", "finite", "norm", "digest")
    columns = zip(*blocks, strict=True) if blocks else ((),) * len(names)
    for name, parts in zip(names, columns, strict=True):
        frame[name] = np.concatenate(parts) if parts else np.empty(0, np.float64)
    wanted = frame["extractor"].map(dims)
    frame["in_use"] = wanted.notna().astype(np.int8)
    frame["measured"] = (wanted.isna() | (frame["length"] == wanted)).astype(np.int8)
    frame["said"] = (wanted.isna() | (features["dim"].to_numpy() == wanted)).astype(np.int8)
    frame["boxed"] = _boxed(features).astype(np.int8)
    frame["named"] = _named(features).astype(np.int8)
    return frame


def images_frame(
    items: pa.Table, ledger: pa.Table, features: pa.Table, active: str
) -> pd.DataFrame:
    """One row for each image that the items, the ledger or the features speak of.

    `example` (its item), `listed` (1: the ledger has it exactly as often as the items do),
    `reasoned` (1: its status and reason are of the closed lists), `seen` (1: it has a whole-image
    feature of the extractor `active` if it is indexed, and no feature at all if not), `counted`
    (1: as many regions under `active` as the ledger says), `same` (1: ledger and features name the
    same image).
    """
    images = _expected_images(items).merge(_ledger_images(ledger), how="outer", on=IMAGE)
    images = images.merge(_described_images(features, active), how="outer", on=IMAGE)
    numbers = ["expected", "entries", "indexed", "reasoned", "regions", "wholes", "found", "rows"]
    images[numbers] = images[numbers].fillna(0).astype(np.int64)
    same_uri = (images["uri"] == images["image_uri"]) | (images["entries"] == 0)
    images["listed"] = ((images["entries"] == images["expected"]) & same_uri).astype(np.int8)
    indexed = images["indexed"] > 0
    whole = (images["wholes"] == 1) & indexed
    images["seen"] = (whole | (~indexed & (images["rows"] == 0))).astype(np.int8)
    images["counted"] = (images["found"] == images["regions"]).astype(np.int8)
    same = (images["image_id"] == images["first_id"]) & (images["first_id"] == images["last_id"])
    images["same"] = (same | (images["rows"] == 0) | (images["entries"] == 0)).astype(np.int8)
    return images.rename(columns={"item_id": "example"})


def distinct_share(features: pd.DataFrame) -> float:
    """Distinct vectors out of the distinct regions of a features frame, 0..1; 1 for none.

    Of several extractors the one that tells the least apart counts.
    """
    regions = features.drop_duplicates(["region_id", "extractor"]).groupby("extractor")["digest"]
    return float((regions.nunique() / regions.size()).min()) if len(features) else 1.0


def _with_copies(table: pa.Table, key: list[str]) -> pd.DataFrame:
    frame = table.to_pandas()
    frame["copies"] = frame.groupby(key, dropna=False)[key[0]].transform("size").astype(np.int64)
    frame["example"] = frame["item_id"]
    return frame


def _blocks(vectors: pa.ChunkedArray) -> Iterator[pa.ListArray]:
    for chunk in vectors.chunks:
        for start in range(0, len(chunk), BLOCK_ROWS):
            yield chunk.slice(start, BLOCK_ROWS)


def _measure(block: pa.ListArray) -> tuple[npt.NDArray[Any], ...]:
    """Return length, finite, norm and digest of each vector of a block."""
    lengths = pc.fill_null(pc.list_value_length(block), 0).to_numpy(zero_copy_only=False)
    values = block.flatten().to_numpy(zero_copy_only=False)
    finite = np.zeros(len(block), np.int8)
    norm = np.zeros(len(block), np.float64)
    digest = np.zeros(len(block), "S16")
    ends = np.cumsum(lengths)
    for row, (start, end) in enumerate(zip(ends - lengths, ends, strict=True)):
        vector = values[start:end]
        finite[row] = np.isfinite(vector).all()
        norm[row] = np.linalg.norm(vector.astype(np.float64)) if finite[row] else 0.0
        # Rounded: an extractor gone constant may still differ in the last bits.
        rounded = np.round(vector, 4) + np.float32(0)
        digest[row] = hashlib.blake2b(rounded.tobytes(), digest_size=8).hexdigest().encode()
    return lengths.astype(np.int64), finite, norm, digest


def _boxed(features: pa.Table) -> npt.NDArray[np.bool_]:
    x0, y0, x1, y1 = (features[name].to_numpy() for name in ("x0", "y0", "x1", "y1"))
    ordered = (x0 >= 0) & (x0 < x1) & (x1 <= 1) & (y0 >= 0) & (y0 < y1) & (y1 <= 1)
    whole = (x0 == 0) & (y0 == 0) & (x1 == 1) & (y1 == 1)
    kind = features["kind"].to_numpy()
    boxed: npt.NDArray[np.bool_] = ordered & ((kind == "product") | ((kind == "whole") & whole))
    return boxed


def _named(features: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell of each feature whether its region is named by its own image and box."""
    columns = [features[name].to_pylist() for name in ("region_id", "image_id", *Box._fields)]
    keys = list(zip(*columns, strict=True))
    right = {key: _is_name(key[0], key[1], Box(*key[2:])) for key in set(keys)}
    return np.array([right[key] for key in keys], bool)


def _is_name(name: str, image_id: str, box: Box) -> bool:
    if region_id(image_id, box) == name:
        return True
    # The name may have been given before the corners were rounded to float32.
    ways = ({round(c - FLOAT32_ERROR, 4), round(c + FLOAT32_ERROR, 4)} for c in box)
    return any(region_id(image_id, Box(*corners)) == name for corners in itertools.product(*ways))


def _expected_images(items: pa.Table) -> pd.DataFrame:
    import pandas as pd

    alive = items.filter(pc.invert(items["deleted"]))
    images = alive["images"].combine_chunks()
    parents = pc.list_parent_indices(images).to_numpy()
    frame = pd.DataFrame(
        {
            "item_id": alive["item_id"].to_pandas().take(parents).to_numpy(),
            "image_index": pd.Series(parents, dtype=np.int64)
            .groupby(parents)
            .cumcount()
            .to_numpy(),
            "uri": images.flatten().to_pandas().to_numpy(),
        }
    )
    frame["expected"] = 1
    return frame


def _ledger_images(ledger: pa.Table) -> pd.DataFrame:
    rows = ledger.filter(pc.greater_equal(ledger["image_index"], 0))
    columns = [*IMAGE, "image_uri", "image_id", "status", "reason", "regions"]
    frame = rows.select(columns).to_pandas()
    indexed = frame["status"] == "indexed"
    failed = (frame["status"] == "failed") & frame["reason"].isin(set(REASONS) - {"row_invalid"})
    frame["indexed"] = indexed.astype(np.int64)
    frame["reasoned"] = ((indexed & frame["reason"].isna()) | failed).astype(np.int64)
    frame["entries"] = 1
    return (
        frame.groupby(IMAGE)
        .agg(
            image_uri=("image_uri", "first"),
            image_id=("image_id", "first"),
            entries=("entries", "sum"),
            indexed=("indexed", "max"),
            reasoned=("reasoned", "min"),
            regions=("regions", "sum"),
        )
        .reset_index()
    )


def _described_images(features: pa.Table, active: str) -> pd.DataFrame:
    columns = [*IMAGE, "region_id", "kind", "image_id", "extractor"]
    frame = features.select(columns).to_pandas()
    frame["found"] = (frame["extractor"] == active).astype(np.int64)
    frame["whole"] = ((frame["kind"] == "whole") & (frame["extractor"] == active)).astype(np.int64)
    return (
        frame.groupby(IMAGE)
        .agg(
            wholes=("whole", "sum"),
            found=("found", "sum"),
            rows=("kind", "size"),
            first_id=("image_id", "min"),
            last_id=("image_id", "max"),
        )
        .reset_index()
    )
