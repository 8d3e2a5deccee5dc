"""The SNMP publisher: an agent for SNMPv1, v2c and v3 over the current snapshot."""

from gateway.publishers.snmp.publisher import SnmpPublisher
from gateway.publishers.snmp.settings import SnmpSettings

__all__ = ["SnmpPublisher", "SnmpSettings"]
