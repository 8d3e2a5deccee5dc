"""Targets: the receivers of notifications as SNMP-TARGET-MIB names them (RFC 3413), and their addresses (RFC 3419)."""

import ipaddress
from dataclasses import dataclass
from enum import IntEnum

from gateway.wire.ber import Oid
from gateway.wire.usm import SecurityLevel


class SecurityModel(IntEnum):
    """SnmpSecurityModel (RFC 3411)."""

    V1 = 1
    V2C = 2
    USM = 3


@dataclass(frozen=True, slots=True)
class Target:
    """
    A receiver. `security_name`: the user, or a label in place of the community. `runbook`: what it is told as
    topoEventRunbook, `{kind}` and `{condition}` not yet filled in.
    """

    name: str
    host: str
    port: int
    model: SecurityModel
    level: SecurityLevel
    security_name: str
    inform: bool = False
    timeout_s: float = 0
    retries: int = 0
    runbook: str = ""


_DOMAINS: Oid = (1, 3, 6, 1, 2, 1, 100, 1)


def transport(host: str, port: int) -> tuple[Oid, bytes]:
    """TDomain and TAddress of a UDP address: IPv4, IPv6 (RFC 3419), or a name that is resolved when it is used."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return (*_DOMAINS, 14), f"{host}:{port}".encode()
    return (*_DOMAINS, 1 if address.version == 4 else 2), address.packed + port.to_bytes(2, "big")
