"""Compile the few per-pixel loops of the demo renderer to machine code."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba  # type: ignore[import-untyped, unused-ignore]

Function = TypeVar("Function", bound=Callable[..., Any])

COMPILED_SOURCES = ("noise.py", "patterns.py", "lighting.py", "raster.py", "shading.py")
"""The modules with compiled code: a change in any of them must not reuse old machine code."""


@cache
def _cache_folder() -> str:
    """A writable folder named by the sources: numba itself sees changes in one file only."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in COMPILED_SOURCES:
        digest.update((here / name).read_bytes())
    name = f"kernels-{digest.hexdigest()[:12]}"
    for parent in (here / "__pycache__", Path(tempfile.gettempdir()) / f"nitamono-{os.getuid()}"):
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return ""


def kernel(function: Function) -> Function:
    """Compile `function` on its first call and keep the machine code for the next process."""
    folder = _cache_folder()
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = folder
    try:
        return numba.njit(cache=bool(folder), error_model="numpy")(function)  # type: ignore[no-any-return, unused-ignore]
    finally:
        numba.config.CACHE_DIR = before


def inline(function: Function) -> Function:
    """Compile a small function that kernels call: it becomes part of each of them."""
    return numba.njit(error_model="numpy")(function)  # type: ignore[no-any-return, unused-ignore]
