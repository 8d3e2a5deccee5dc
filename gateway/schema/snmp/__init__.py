"""Our terms in SNMP: OIDs, columns, enums, notifications of TOPOLOGY-GATEWAY-MIB."""
