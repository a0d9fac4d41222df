"""The lookup service's settings, and the one place in this room that reads the environment."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from feature_store.errors import SettingsError, StorageError
from feature_store.storage import SCHEME, parse_address

_PREFIX = "NITAMONO_SERVING_"


@dataclass(frozen=True)
class ServingSettings:
    """How the service listens, what it serves, and how it behaves towards browsers."""

    bundles: str = "var/bundles"
    """The folder of bundles with its CURRENT file, or gs://bucket/prefix."""

    mirror: Path = Path("~/.cache/nitamono")
    """The folder in which bundles of gs:// are kept on this machine."""

    thumbnails: Path = Path("var/thumbnails")
    """The folder of thumbnails, `<aa>/<image_id>.jpg`."""

    host: str = "127.0.0.1"
    """The address to listen on."""

    port: int = 8000
    """The port to listen on; 0 takes a free one."""

    workers: int = 1
    """How many worker processes answer; they share one copy of the bundle."""

    poll_seconds: float = 1.0
    """How often CURRENT, CANARY and the fresh tiers are looked at."""

    drain_seconds: float = 10.0
    """How long a worker that was replaced or stopped may finish what it had begun."""

    idle_seconds: float = 2.0
    """How long such a worker leaves quiet connections open before it closes them."""

    keep_alive_seconds: int = 65
    """How long a quiet connection stays open; longer than the usual load balancer's minute."""

    head_seconds: float = 10.0
    """How long the head of a request may take to arrive, and a new connection to begin one."""

    cache_seconds: int = 60
    """How long a browser may keep an answer without asking again."""

    cors_origins: tuple[str, ...] = field(default=("*",))
    """The web origins whose pages may read answers; `*` is all of them."""

    max_body_bytes: int = 4_194_304
    """The longest batch of questions; all look-ups wait while it is parsed. 64 vectors fit well."""

    rate_per_second: float = 0.0
    """How many requests a second one client may make of each worker, on average; 0 for any."""

    proxies: int = 0
    """How many proxies stand before the service and add X-Forwarded-For, which is believed then."""

    popularity: str = ""
    """The attribute whose numbers say which items sell: the highest stand in for look-alikes that
    there are not. Without one the newest items do."""

    events: str = "var/events"
    """Where what shoppers did is written: a folder, or gs://bucket/prefix; `off`: it is not."""

    events_flush_seconds: float = 10.0
    """How long an event may wait in memory before it is written."""

    photo_workers: int = 1
    """How many processes read photos, of lower priority than look-ups; 0: photos are not answered.
    It needs nitamono[photo], and a bundle that carries its models."""

    photo_queue: int = 8
    """How many photos may wait for one of them; further ones are refused (503)."""

    photo_seconds: float = 10.0
    """How long a photo may take, waiting included; what reads it longer is ended."""

    photo_max_bytes: int = 10_000_000
    """The largest file of a photo."""

    photo_max_pixels: int = 25_000_000
    """The most pixels of a photo, judged before it is decoded."""

    photo_memory_mb: int = 512
    """The memory that a photo may take beyond what the models do; one that takes more is refused
    (Linux alone)."""

    demo: bool = True
    """Whether the demo shop is served under /demo/."""

    access_log: bool = False
    """Whether every request is logged as one line of JSON on stdout."""

    def __post_init__(self) -> None:
        """Refuse what cannot work; SettingsError names the setting."""
        _require(0 <= self.port <= 65535, "port", "0 to 65535", self.port)
        _require(1 <= self.workers <= 256, "workers", "1 to 256", self.workers)
        spans = ("poll", "drain", "idle", "head", "events_flush", "photo")
        for name in (f"{span}_seconds" for span in spans):
            value = getattr(self, name)
            _require(0 < value <= 3600, name, "above 0, at most 3600", value)
        for name in ("keep_alive_seconds", "cache_seconds"):
            value = getattr(self, name)
            _require(0 <= value <= 86400, name, "0 to 86400", value)
        size, rate, proxies = self.max_body_bytes, self.rate_per_second, self.proxies
        _require(1024 <= size <= 2**30, "max_body_bytes", "1024 to 1073741824", size)
        _require(0 <= rate <= 1e6, "rate_per_second", "0 to 1000000", rate)
        _require(0 <= proxies <= 8, "proxies", "0 to 8", proxies)
        self._check_photos()
        for name in ("bundles", "events"):
            if _is_remote(value := getattr(self, name)):
                try:
                    parse_address(value, prefix=True)
                except StorageError as error:
                    raise SettingsError(f"{name}: {error}") from error

    def _check_photos(self) -> None:
        _require(0 <= self.photo_workers <= 64, "photo_workers", "0 to 64", self.photo_workers)
        _require(1 <= self.photo_queue <= 1000, "photo_queue", "1 to 1000", self.photo_queue)
        size, pixels = self.photo_max_bytes, self.photo_max_pixels
        _require(1024 <= size <= 2**30, "photo_max_bytes", "1024 to 1073741824", size)
        _require(256 <= pixels < 89_478_485, "photo_max_pixels", "256 to 89478484", pixels)
        memory = self.photo_memory_mb
        _require(64 <= memory <= 65536, "photo_memory_mb", "64 to 65536", memory)

    @property
    def takes_events(self) -> bool:
        """Whether what shoppers did is kept."""
        return self.events != "off"

    @property
    def is_remote(self) -> bool:
        """Whether bundles come out of a bucket."""
        return _is_remote(self.bundles)

    @property
    def folder(self) -> Path:
        """The folder of bundles that the service reads: of a bucket, its mirror."""
        if not self.is_remote:
            return Path(self.bundles)
        address = str(parse_address(self.bundles, prefix=True)).rstrip("/")
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        return self.mirror.expanduser() / name

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ServingSettings:
        """Read NITAMONO_HOME, _BUNDLES, _EVENTS_FOLDER, PORT and NITAMONO_SERVING_*.

        SettingsError names what is wrong.
        """
        home = Path(environment.get("NITAMONO_HOME") or "var")
        bundles = environment.get("NITAMONO_BUNDLES") or str(home / "bundles")
        events = environment.get("NITAMONO_EVENTS_FOLDER") or str(home / "events")
        thumbnails = home / "thumbnails"
        read: dict[str, Any] = {"bundles": bundles, "thumbnails": thumbnails, "events": events}
        if environment.get("PORT"):
            read["port"] = _read("PORT", environment["PORT"], int)
        for name, parse in _PARSERS.items():
            variable = _PREFIX + name.upper()
            if environment.get(variable):
                read[name] = _read(variable, environment[variable], parse)
        known = {_PREFIX + name.upper() for name in _PARSERS}
        unknown = sorted(key for key in environment if key.startswith(_PREFIX) and key not in known)
        if unknown:
            raise SettingsError(
                f"no such setting: {', '.join(unknown)}; there are {', '.join(sorted(known))}"
            )
        return cls(**read)

    @classmethod
    def variables(cls) -> list[tuple[str, str]]:
        """Return the name and the default, as text, of each NITAMONO_SERVING_* variable."""
        defaults = cls()
        return [(_PREFIX + name.upper(), _as_text(getattr(defaults, name))) for name in _PARSERS]

    def changed(self, **given: Any) -> ServingSettings:
        """Return these settings with those of `given` that are not None."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})


def _is_remote(location: str) -> bool:
    return location[: len(SCHEME)].lower() == SCHEME


def _require(met: bool, name: str, allowed: str, value: object) -> None:
    if not met:
        raise SettingsError(f"{name} must be {allowed}, not {value}")


def _read(variable: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{variable}={text!r} cannot be read: {error}") from error


def _as_text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _boolean(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in known:
        raise ValueError("it must be true or false")
    return known[text.lower()]


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds):
        raise ValueError("it must be a finite number of seconds")
    return seconds


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it must be a finite number")
    return number


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if origin != "*" and (not origin.startswith(("https://", "http://")) or origin[-1] == "/"):
            raise ValueError(f"{origin!r} is not an origin such as https://shop.example")
    return origins


_PARSERS: dict[str, Callable[[str], Any]] = {
    "bundles": str,
    "mirror": Path,
    "thumbnails": Path,
    "host": str,
    "port": int,
    "workers": int,
    "poll_seconds": _seconds,
    "drain_seconds": _seconds,
    "idle_seconds": _seconds,
    "keep_alive_seconds": int,
    "head_seconds": _seconds,
    "cache_seconds": int,
    "cors_origins": _origins,
    "max_body_bytes": int,
    "rate_per_second": _number,
    "proxies": int,
    "popularity": str,
    "events": str,
    "events_flush_seconds": _seconds,
    "photo_workers": int,
    "photo_queue": int,
    "photo_seconds": _seconds,
    "photo_max_bytes": int,
    "photo_max_pixels": int,
    "photo_memory_mb": int,
    "demo": _boolean,
    "access_log": _boolean,
}
