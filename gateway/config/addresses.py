"""Addresses to listen on, as the configuration writes them: the same form for every publisher."""

import errno
import re
from ipaddress import ip_address
from typing import NamedTuple

_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*")
_FORM = "must be ADDRESS:PORT"


class Address(NamedTuple):
    """An address and port to listen on; port 0: any free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """
    `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or another name of this machine, `:8080` (all IPv4 addresses).

    Raises:
        ValueError: it is none of these.
    """
    host, separator, port = text.strip().rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        raise ValueError(f"{text!r} {_FORM}")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    elif _is_address(host, 6):
        raise ValueError(f"{text!r} must be [ADDRESS]:PORT: an IPv6 address needs brackets")
    elif ":" in host:
        raise ValueError(f"{text!r} {_FORM}, and nothing else")
    if not host and not bracketed:
        return Address("0.0.0.0", int(port))
    if not _is_address(host, 6 if bracketed else 4) and (bracketed or not _is_name(host)):
        raise ValueError(f"{text!r} {_FORM}, and {host!r} is no {'IPv6' if bracketed else 'IP'} address")
    return Address(host, int(port))


def no_such_address(error: OSError) -> str:
    """What to do when an address to listen on is not this machine's; empty: the error is another one."""
    if error.errno != errno.EADDRNOTAVAIL:
        return ""
    return "It is no address of this machine (ip address shows them). Listen on one that is, or on all: 0.0.0.0 or [::]"


def _is_address(host: str, version: int) -> bool:
    try:
        return ip_address(host).version == version
    except ValueError:
        return False


def _is_name(host: str) -> bool:
    """A host name (RFC 1123 section 2.1); one whose last part is a number would be a mistyped address."""
    return _NAME.fullmatch(host) is not None and not host.rpartition(".")[2].isdigit()
