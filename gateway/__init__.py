"""CIM/SNMP integration gateway: one topology of HA clusters, hypervisors and containers, republished."""

__version__ = "0.1.0"
