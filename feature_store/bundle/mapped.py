"""Map a bundle's tables and arrays from disk, so that processes share one copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.errors import BundleError


def map_table(path: Path) -> pa.Table:
    """Return an Arrow file as a table; BundleError naming it if it cannot be read."""
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def map_array(path: Path) -> npt.NDArray[Any]:
    """Return a `.npy` file as an array; BundleError naming it if it cannot be read."""
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def int_column(table: pa.Table, name: str) -> npt.NDArray[np.int32]:
    """Return a column of whole numbers, int32 (rows,)."""
    return np.asarray(table[name].combine_chunks().to_numpy(zero_copy_only=False), np.int32)
