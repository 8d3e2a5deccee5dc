"""Our terms in SNMP: OIDs, columns, enumerations and notifications of TOPOLOGY-GATEWAY-MIB, for publisher and sink."""
