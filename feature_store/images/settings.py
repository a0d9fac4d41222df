"""The limits within which images are fetched and decoded."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.errors import SettingsError

PILLOW_MAX_PIXELS = 89_478_485
"""From here on Pillow itself takes an image for a decompression bomb (Image.MAX_IMAGE_PIXELS)."""


@dataclass(frozen=True)
class ImageSettings:
    """Where images may come from, and how much of anything one image may cost."""

    working_long_side_px: int = 1024
    """The long side to which larger images are reduced; other than 1024 it makes other models, so
    that what smaller photos gave is never taken for what larger ones would give."""

    min_side_px: int = 16
    """The shortest side in which anything can be seen."""

    max_pixels: int = 60_000_000
    """The most pixels of an image, checked before decoding; four bytes of memory each."""

    max_bytes: int = 30 * 2**20
    """The most bytes of an image file, counted while they arrive."""

    connect_seconds: float = 5.0
    """How long a host may take to accept a connection."""

    read_seconds: float = 10.0
    """How long a host may be silent."""

    total_seconds: float = 30.0
    """How long one image may take in all: redirects, retries and waits included."""

    attempts: int = 3
    """How often an image is tried when its host fails in a way that may pass."""

    backoff_seconds: float = 0.25
    """The wait before the second attempt, more or less; it doubles with each further one. A host
    that says when to ask again (Retry-After) is obeyed, as long as total_seconds allows."""

    max_redirects: int = 5
    """How many redirects are followed; each is checked like the first address."""

    allow_http: bool = False
    """Whether http:// is fetched besides https://."""

    allow_private_hosts: bool = False
    """Whether addresses that are not public (loopback, private networks) may be asked."""

    allowed_hosts: tuple[str, ...] = ()
    """The only hosts to ask; `.example.com` means all of its subdomains. Empty: every host."""

    local_roots: tuple[str, ...] = ()
    """The only folders files may lie in, symbolic links followed. Empty: every folder."""

    allowed_buckets: tuple[str, ...] = ()
    """The only buckets of which gs:// images are read. Empty: every bucket."""

    concurrency: int = 16
    """How many images are fetched at the same time."""

    per_host_concurrency: int = 4
    """How many of them may be of one host, so that a slow one does not take every place."""

    per_host_per_second: float = 0.0
    """How many requests a second one host gets at most; 0 sets no limit."""

    look_ahead: int = 32
    """How many images may be ready or under way ahead of the one asked for."""

    user_agent: str = "Nitamono"
    """What a host is told about who is asking."""

    def __post_init__(self) -> None:
        if not 0 < self.max_pixels < PILLOW_MAX_PIXELS:
            raise SettingsError(f"max_pixels must lie between 1 and {PILLOW_MAX_PIXELS - 1:,}")
        counts = ("working_long_side_px", "min_side_px", "max_bytes", "attempts", "concurrency")
        times = ("connect_seconds", "read_seconds", "total_seconds")
        for name in (*counts, "per_host_concurrency", "look_ahead", *times):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be greater than 0, not {getattr(self, name)}")
        for name in ("backoff_seconds", "per_host_per_second", "max_redirects"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name} must not be negative, but is {getattr(self, name)}")
