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


_njit: Any = numba.njit  # its types do not know all of its options


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
    return _kept(function)


def bare_kernel(function: Function) -> Function:
    """As `kernel`, for a function that makes no arrays.

    Without numba's reference counts, of which every array that is passed on costs two for every
    sample, such a kernel runs a quarter faster.
    """
    return _kept(function, _nrt=False)


def inline(function: Function) -> Function:
    """Compile a small function that kernels call, and that makes no arrays, into each of them."""
    made = _njit(error_model="numpy", forceinline=True, _nrt=False)(function)
    return cast("Function", made)


def merge(function: Function) -> Function:
    """As `inline`, copied before compilation: faster for those that take many arrays."""
    made = _njit(error_model="numpy", inline="always", _nrt=False)(function)
    return cast("Function", made)


def _kept(function: Function, **options: bool) -> Function:
    folder = _cache_folder()
    with _cached_in(folder):
        made = _njit(cache=bool(folder), error_model="numpy", **options)(function)
    return cast("Function", made)


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
