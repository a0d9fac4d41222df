"""Compile the few per-pixel loops of the demo renderer to machine code."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba.core.config

Function = TypeVar("Function", bound=Callable[..., Any])

COMPILED_SOURCES = (
    "noise.py",
    "patterns.py",
    "lighting.py",
    "surface.py",
    "raster.py",
    "shading.py",
    "staging.py",
)
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
    with _cached_in(folder):
        return cast("Function", numba.njit(cache=bool(folder), error_model="numpy")(function))


def inline(function: Function) -> Function:
    """Compile a small function that kernels call: it becomes part of each of them."""
    return cast("Function", numba.njit(error_model="numpy", forceinline=True)(function))


def merge(function: Function) -> Function:
    """Copy a function into the kernel that calls it: for those that take many arrays."""
    return cast("Function", numba.njit(error_model="numpy", inline="always")(function))


@contextlib.contextmanager
def _cached_in(folder: str) -> Iterator[None]:
    """Let numba keep what it compiles in `folder`; it asks when a function is made."""
    settings: Any = numba.core.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = folder
    try:
        yield
    finally:
        settings.CACHE_DIR = before
