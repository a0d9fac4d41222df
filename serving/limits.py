"""How many requests a client may make: a token bucket for each address, in each worker."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from serving.problems import ProblemError

KEPT = 20_000
"""Addresses that are remembered; the one that asked longest ago is forgotten first."""

_BURST_SECONDS = 2.0
"""A client that was quiet may ask at once for as many as it may in this time."""
_NETWORK_OF_A_HOUSEHOLD = 64
"""IPv6: who has one address has all that share its first 64 bits (RFC 6177)."""


class Limits:
    """Token buckets. A question that costs more than is there is answered, and paid off later."""

    def __init__(
        self, rate_per_second: float, proxies: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow so many requests a second on average, and any number for a rate of 0."""
        self._rate = rate_per_second
        self._most = max(1.0, rate_per_second * _BURST_SECONDS)
        self._proxies = proxies
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, scope: Any, cost: float = 1.0) -> None:
        """Pay for a request of this client; ProblemError 429 if it has nothing left."""
        if not self._rate:
            return
        tokens, address = self._filled(scope)
        self._keep(address, tokens if tokens < 1 else tokens - cost)
        if tokens < 1:
            seconds = math.ceil((1 - tokens) / self._rate)
            detail = f"more than {self._rate:g} requests a second; ask again in {seconds} s"
            raise ProblemError(429, "too-many-requests", detail, retry_after_seconds=seconds)

    def charge(self, scope: Any, cost: float) -> None:
        """Pay for what turned out to be more work than one request."""
        if self._rate and cost > 0:
            tokens, address = self._filled(scope)
            self._keep(address, tokens - cost)

    def _filled(self, scope: Any) -> tuple[float, str]:
        address = client_address(scope, self._proxies)
        tokens, since = self._buckets.get(address, (self._most, self._now()))
        return min(self._most, tokens + (self._now() - since) * self._rate), address

    def _keep(self, address: str, tokens: float) -> None:
        self._buckets[address] = (tokens, self._now())
        self._buckets.move_to_end(address)
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)


def client_address(scope: Any, proxies: int) -> str:
    """Return who asks: the connection's other end, or whom that many proxies say they speak for.

    What stands further left in X-Forwarded-For was sent by the client, and is not believed.
    """
    found = scope["client"][0] if scope.get("client") else ""
    if proxies:
        sent = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        named = b",".join(sent).decode("latin-1").split(",")
        if len(named) >= proxies and (name := named[-proxies].strip()):
            found = name
    return _network(found[:64])


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """Return an address, of IPv6 its household's network; what is no address as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _NETWORK_OF_A_HOUSEHOLD), strict=False))
