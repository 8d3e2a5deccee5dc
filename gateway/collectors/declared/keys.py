"""Keys as people write them, in the canonical form that all sources share. None: it is no such key."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from uuid import UUID

from gateway.model.entities import KeyNamespace

_UUID = re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_MAC = re.compile(r"[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", re.I)


def canonical_uuid(text: str) -> str | None:
    """Lower case with hyphens."""
    return str(UUID(text)) if _UUID.fullmatch(text) else None


def canonical_mac(text: str) -> str | None:
    """Lower case with colons; `52-54-00-AA-BB-CC` and `5254.00aa.bbcc` are understood."""
    if not _MAC.fullmatch(text):
        return None
    return bytes.fromhex(re.sub(r"[:.-]", "", text)).hex(":")


def canonical_address(text: str) -> str | None:
    """An IPv4 or IPv6 address."""
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def canonical_serial(text: str) -> str | None:
    return text


def canonical_host_name(text: str) -> str | None:
    return text.lower().rstrip(".") or None


KEYS: dict[str, tuple[KeyNamespace, Callable[[str], str | None], str]] = {
    "uuid": (KeyNamespace.SMBIOS_UUID, canonical_uuid, "a UUID like 4c4c4544-0042-3510-8052-b4c04f4d3132"),
    "smbios_uuid": (KeyNamespace.SMBIOS_UUID, canonical_uuid, "a UUID like 4c4c4544-0042-3510-8052-b4c04f4d3132"),
    "serial": (KeyNamespace.SERIAL, canonical_serial, "a serial number"),
    "macs": (KeyNamespace.MAC, canonical_mac, "MAC addresses like 52:54:00:12:34:56"),
    "addresses": (KeyNamespace.IP_ADDRESS, canonical_address, "IP addresses"),
    "host_names": (KeyNamespace.HOST_NAME, canonical_host_name, "host names"),
}
"""Key of the file -> namespace, canonical form, what is expected. Plural ones are lists."""
LISTS = frozenset({"macs", "addresses", "host_names"})
