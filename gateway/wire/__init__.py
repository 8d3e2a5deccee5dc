"""Sans-IO codecs: BER, SNMP messages, USM. Knows nothing of the domain."""
