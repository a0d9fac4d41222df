"""What a day is planned from: a name for the items that were live before it."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from feature_store.schemas import TIMESTAMP


def base_of(items: pa.Table) -> str:
    """Name live items (schema ITEMS) by all that the plan of a later day depends on: 64 hex digits.

    That is each one's row; the day on which it came does not count.
    """
    columns = (
        items["item_id"].to_pylist(),
        items["row_digest"].to_pylist(),
        items["updated_at"].cast(TIMESTAMP).cast(pa.int64()).to_pylist(),
    )
    digest = hashlib.sha256(b"nitamono base 1")
    for item_id, row_digest, updated_at in sorted(zip(*columns, strict=True), key=lambda r: r[0]):
        name = item_id.encode()
        digest.update(f"{len(name)}:".encode() + name + f"{row_digest} {updated_at};".encode())
    return digest.hexdigest()
