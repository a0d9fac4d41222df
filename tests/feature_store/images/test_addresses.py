"""Which IP addresses are public, and which hosts are on the list."""

from __future__ import annotations

import pytest

from feature_store.images.addresses import is_allowed_host, is_public


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
        "64:ff9b::808:808",
    ],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:100.64.0.1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "localhost",
        "",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("host", "allowed", "answer"),
    [
        ("cdn.example.com", (), True),
        ("cdn.example.com", ("cdn.example.com",), True),
        ("CDN.example.com.", ("cdn.example.com",), True),
        ("cdn.example.com", (".example.com",), True),
        ("example.com", (".example.com",), False),
        ("evil-example.com", (".example.com", "example.com"), False),
        ("example.com.evil.net", ("example.com",), False),
    ],
)
def test_allowed_hosts(host: str, allowed: tuple[str, ...], answer: bool) -> None:
    assert is_allowed_host(host, allowed) is answer
