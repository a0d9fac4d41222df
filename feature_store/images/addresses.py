"""Which hosts and which IP addresses a catalogue's URLs may make this machine talk to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6 text) is one of the public internet.

    False for private, loopback, link-local, carrier-grade NAT, multicast, reserved and unspecified
    addresses, also when an IPv6 address carries such an IPv4 address inside (mapped, 6to4, Teredo,
    NAT64), and for anything that is no address.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded(ip)
        if inner:
            return all(_is_public_ip(each) for each in inner)
        if ip in _NAT64_LOCAL or ip.is_site_local:
            return False
    return _is_public_ip(ip)


def _embedded(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip.sixtofour:
        return [ip.sixtofour]
    if ip.teredo:
        return list(ip.teredo)
    if ip in _NAT64:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    return []


def _is_public_ip(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def is_allowed_host(host: str, allowed: Iterable[str]) -> bool:
    """Whether `host` (ASCII) is on the list; an entry `.example.com` covers its subdomains."""
    name = host.lower().rstrip(".")
    entries = [entry.lower().rstrip(".") for entry in allowed]
    return not entries or any(
        name.endswith(entry) if entry.startswith(".") else name == entry for entry in entries
    )
