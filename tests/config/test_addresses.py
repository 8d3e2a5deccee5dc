"""Addresses to listen on: one form for all publishers."""

import re

import pytest

from gateway.config.addresses import Address, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("[::1]:161", "::1", 161, True),
        ("localhost:0", "localhost", 0, True),
        (":8080", "0.0.0.0", 8080, False),
        ("[::]:161", "::", 161, False),
        ("gw-1.example.net:443", "gw-1.example.net", 443, False),
    ],
)
def test_an_address_is_read_and_known_as_loopback_or_not(text: str, host: str, port: int, loopback: bool) -> None:
    address = parse_address(text)
    assert address == Address(host, port)
    assert address.loopback is loopback


@pytest.mark.parametrize(
    "text", ["8080", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:²", "::1:80", "[127.0.0.1]:80", "[]:80", "999.1.1.1:80"]
)
def test_what_is_no_address_is_refused_and_shown(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(text))} must be"):
        parse_address(text)


@pytest.mark.parametrize("listen", ["localhost:0", ":0", "[::1]:0"])
def test_every_publisher_takes_the_same_addresses(listen: str) -> None:
    from gateway.publishers.rest import RestSettings
    from gateway.publishers.snmp import SnmpSettings

    community = {"noc": {"community": "not-well-known"}}
    assert SnmpSettings.model_validate({"listen": [listen], "communities": community})
    assert RestSettings.model_validate({"listen": listen, "tls_certificate": "c", "tls_key": "k"})
