"""Arcs: where TOPOLOGY-GATEWAY-MIB hangs in the tree of OIDs, and the standard objects that we speak of."""

from typing import Final

from gateway.wire.ber import Oid

ENTERPRISE: Final[Oid] = (1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7163)
"""
The MIB's root. A placeholder: no enterprise number is registered for this project.

It lies in net-snmp's arc for experiments (netSnmpPlaypen). To change it: here, and in the MODULE-IDENTITY of
mibs/TOPOLOGY-GATEWAY-MIB.txt; every other OID is relative to it.
"""

NOTIFICATIONS: Final[Oid] = (*ENTERPRISE, 0)
OBJECTS: Final[Oid] = (*ENTERPRISE, 1)
INFO: Final[Oid] = (*OBJECTS, 1)
EVENT: Final[Oid] = (*OBJECTS, 7)
PRODUCT: Final[Oid] = (*ENTERPRISE, 3, 1)
"""sysObjectID of this agent."""

SYSTEM: Final[Oid] = (1, 3, 6, 1, 2, 1, 1)
SNMP_GROUP: Final[Oid] = (1, 3, 6, 1, 2, 1, 11)
COLD_START: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5, 1)
ENGINE_GROUP: Final[Oid] = (1, 3, 6, 1, 6, 3, 10, 2, 1)
MPD_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 11, 2, 1)
UNAVAILABLE_CONTEXTS: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1, 4)
UNKNOWN_CONTEXTS: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1, 5)
USM_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 15, 1, 1)
