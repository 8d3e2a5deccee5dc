"""Short names: the names of a configuration in at most 32 octets, all that many names in the standard MIBs may have."""

import hashlib
from typing import Final

LONGEST_NAME: Final = 32
"""Octets of vacmSecurityName, vacmGroupName, view names (RFC 3415), snmpTargetAddrName and its like (RFC 3413)."""
_DIGITS: Final = 8


def short_name(name: str) -> str:
    """The name in at most 32 octets; of one that is cut a digest tells it apart from those that begin alike."""
    octets = name.encode()
    if len(octets) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(octets).hexdigest()[:_DIGITS]
    return f"{octets[: LONGEST_NAME - _DIGITS - 1].decode(errors='ignore')}-{digest}"
