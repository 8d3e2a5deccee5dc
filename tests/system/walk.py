"""The gateway's tables as a console reads them: by snmpbulkwalk, with the OIDs of the MIB."""

from __future__ import annotations

from tests.system.received import oid_of, snmp_tool
from tests.system.setups import Installation

RUNS_ON, PART_OF = "1", "3"  # TopologyRelationKind


def column(installation: Installation, name: str) -> dict[tuple[int, ...], str]:
    """One column: value by index."""
    oid = oid_of(name)
    target = f"127.0.0.1:{installation.snmp_port}"
    who = f"SNMPCONFPATH={installation.gateway.state_dir}/snmp"  # the user whom the gateway has made
    command = ("env", who, "snmpbulkwalk", "-Onqe", "-t", "10", target, oid)
    found = {}
    for line in snmp_tool(*command, enter=installation.enter_network).splitlines():
        instance, _, value = line.partition(" ")
        index = instance.lstrip(".").removeprefix(oid).strip(".")
        found[tuple(map(int, index.split(".")))] = value.strip().strip('"')
    return found


def chain_of(installation: Installation, name: str) -> list[str]:
    """From an entity down to the rack, by the entity, where and relation tables alone: the names on the way."""
    names = {index: value for (index,), value in column(installation, "topoEntityName").items()}
    hosts = {index: int(value) for (index,), value in column(installation, "topoWhereHostIndex").items()}
    relations = list(column(installation, "topoRelationPhase"))
    runs_on = {upper: lower for upper, kind, lower in relations if str(kind) == RUNS_ON}
    part_of = {upper: lower for upper, kind, lower in relations if str(kind) == PART_OF}
    (here,) = [index for index, known in names.items() if known == name]
    chain = []
    while here is not None:
        below = hosts.get(here) or runs_on.get(here)
        below = below or (part_of.get(here) if here in set(runs_on.values()) | set(part_of.values()) else None)
        if below is not None:
            chain.append(names[below])
        here = below
    return chain
