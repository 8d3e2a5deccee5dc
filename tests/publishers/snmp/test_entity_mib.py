"""ENTITY-MIB: machines in racks, hypervisors with the context in which VM-MIB shows their VMs."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.entities import Alias, EntityKind, KeyNamespace
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim
from gateway.model.snapshot import Snapshot
from gateway.publishers.snmp.entity_changes import EntityChanges
from gateway.publishers.snmp.render import Renderer
from gateway.schema.snmp.entity_mib import ENTITY_OBJECTS, ENTITY_TABLES
from gateway.wire.values import Integer, ObjectIdentifier, OctetString, Value
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import Asker

COLUMNS = {column.name: table.column_oid(column) for table in ENTITY_TABLES for column in table.columns}
RACK, MACHINE, HYPERVISOR, BARE, VM = range(1, 6)
SMBIOS = "4c4c4544-0042-3510-8052-b4c04f4a4d32"


def house() -> Snapshot:
    """A machine in a rack with a hypervisor on it, a machine outside of any rack, and a VM."""
    made = estate.snapshot(5, alarms=0)
    plain = made.entities.get(1)
    assert plain is not None
    told = {"manufacturer": "Supermicro", "product": "X12", "serial": "S-77"}
    keys = (Alias(KeyNamespace.SMBIOS_UUID, SMBIOS), Alias(KeyNamespace.SERIAL, "S-77"))

    def thing(index: int, kind: EntityKind, name: str, **more: object) -> object:
        return replace(plain, index=index, records=(index,), kind=kind, name=name, aliases=(), **more)

    things = {
        RACK: thing(RACK, EntityKind.RACK, "r12"),
        MACHINE: replace(thing(MACHINE, EntityKind.PHYSICAL_HOST, "srv-1"), attributes=told, aliases=keys),
        HYPERVISOR: thing(HYPERVISOR, EntityKind.HYPERVISOR, "hv-1", attributes={"driver": "QEMU", "version": "9.2"}),
        BARE: thing(BARE, EntityKind.PHYSICAL_HOST, "srv-2"),
    }
    claims = {
        MACHINE: (Claim("declared", RelationKind.PART_OF, MACHINE, RACK),),
        HYPERVISOR: (Claim("fleet", RelationKind.RUNS_ON, HYPERVISOR, MACHINE),),
    }
    return replace(
        made,
        entities=made.entities.evolve(things),
        records=made.records.evolve({n: estate.record_of(e, "fleet") for n, e in things.items()}),
        claims=made.claims.evolve(claims),
        dependents=made.dependents.evolve({RACK: (MACHINE,), MACHINE: (HYPERVISOR,)}),
    )


def rows(asker: Asker, name: str) -> dict[tuple[int, ...], Value]:
    column = COLUMNS[name]
    return {varbind.oid[len(column) :]: varbind.value for varbind in asker.walk(column)}


def test_machines_and_racks_are_physical_and_nothing_else_is():
    asker = Asker(running.make(running.Holder(house())))
    assert rows(asker, "entPhysicalClass") == {(RACK,): Integer(5), (MACHINE,): Integer(3), (BARE,): Integer(3)}
    assert rows(asker, "entPhysicalContainedIn") == {
        (RACK,): Integer(0),
        (MACHINE,): Integer(RACK),
        (BARE,): Integer(0),
    }
    assert rows(asker, "entPhysicalChildIndex") == {(RACK, MACHINE): Integer(MACHINE)}


def test_a_machine_is_described_as_far_as_somebody_told():
    asker = Asker(running.make(running.Holder(house())))
    found = {name: rows(asker, name) for name in COLUMNS}
    assert found["entPhysicalDescr"][MACHINE,] == OctetString(b"Supermicro X12")
    assert found["entPhysicalDescr"][BARE,] == OctetString(b"physical host")
    assert found["entPhysicalSerialNum"][MACHINE,] == OctetString(b"S-77")
    assert found["entPhysicalSerialNum"][BARE,] == OctetString(b"")
    assert found["entPhysicalUUID"][MACHINE,] == OctetString(bytes.fromhex(SMBIOS.replace("-", "")))
    assert found["entPhysicalUris"][MACHINE,] == OctetString(f"urn:uuid:{SMBIOS}".encode())
    assert found["entPhysicalUUID"][BARE,] == OctetString(b"")


def test_a_hypervisor_is_logical_on_its_machine_and_names_a_context_that_answers():
    publisher = running.make(running.Holder(house()))
    asker = Asker(publisher)
    assert rows(asker, "entLPPhysicalIndex") == {(HYPERVISOR, MACHINE): Integer(MACHINE)}
    assert rows(asker, "entLogicalType") == {(HYPERVISOR,): ObjectIdentifier((1, 3, 6, 1, 2, 1, 236))}
    assert rows(asker, "entLogicalDescr") == {(HYPERVISOR,): OctetString(b"QEMU 9.2")}
    assert rows(asker, "entLogicalContextEngineID") == {(HYPERVISOR,): OctetString(running.ENGINE_ID)}
    [context] = rows(asker, "entLogicalContextName").values()
    assert isinstance(context, OctetString)
    there = Asker(publisher, b"public@" + context.value)
    assert there.get((1, 3, 6, 1, 2, 1, 236, 1, 1, 1, 0)).value == OctetString(b"QEMU")


def test_a_hypervisor_is_asked_where_the_agent_listens():
    with running.running(running.Holder(house())) as publisher:
        host, port = publisher.addresses[0]
        [address] = rows(Asker(publisher), "entLogicalTAddress").values()
        [domain] = rows(Asker(publisher), "entLogicalTDomain").values()
    assert (host, address) == ("127.0.0.1", OctetString(bytes((127, 0, 0, 1)) + port.to_bytes(2, "big")))
    assert domain == ObjectIdentifier((1, 3, 6, 1, 2, 1, 100, 1, 1))


def test_the_context_follows_a_new_name_and_a_name_that_another_one_has_too():
    holder = running.Holder(house())
    asker = Asker(running.make(holder))
    assert rows(asker, "entLogicalContextName") == {(HYPERVISOR,): OctetString(b"hv-1")}
    holder.snapshot = estate.renamed(holder.snapshot, HYPERVISOR, "hv-9")
    assert rows(asker, "entLogicalContextName") == {(HYPERVISOR,): OctetString(b"hv-9")}
    twin = holder.snapshot.entities.get(HYPERVISOR)
    assert twin is not None
    twin = replace(twin, index=900, records=(900,))
    holder.snapshot = replace(holder.snapshot, entities=holder.snapshot.entities.evolve({900: twin}))
    said = rows(asker, "entLogicalContextName")
    assert said == {(HYPERVISOR,): OctetString(b"3"), (900,): OctetString(b"900")}


def test_net_snmp_reads_both_tables():
    netsnmp.require()
    with running.running(running.Holder(house())) as publisher:
        said = netsnmp.ask("snmpbulkwalk", publisher.addresses[0][1], "-On", ".1.3.6.1.2.1.47")
    prefix = "." + ".".join(map(str, ENTITY_OBJECTS))
    assert f'{prefix}.1.1.1.7.2 = STRING: "srv-1"' in said
    assert f"{prefix}.3.1.1.1.3.2 = INTEGER: 2" in said
    assert f"{prefix}.4.1.0 = Timeticks:" in said


def upgraded(before: Snapshot) -> Snapshot:
    """The hypervisor has another version."""
    hypervisor = replace(before.entities.get(HYPERVISOR), attributes={"driver": "QEMU", "version": "9.3"})
    entities = before.entities.evolve({HYPERVISOR: hypervisor})
    return replace(before, revision=before.revision + 1, entities=entities)


def test_the_tables_have_changed_when_one_of_their_values_has_and_not_with_every_revision():
    renderer = Renderer()
    changes = EntityChanges(renderer, lambda snapshot: snapshot.revision)
    told = []

    def tell(snapshot: Snapshot) -> None:
        renderer.use(snapshot)
        told.append((snapshot.revision, changes.last()))

    now = house()
    tell(now)
    for change in (
        lambda s: estate.moved(s, VM, to=MACHINE),  # no table has it
        lambda s: estate.renamed(s, VM, "another"),
        lambda s: estate.renamed(s, MACHINE, "srv-9"),
        lambda s: replace(s, revision=s.revision + 1, claims=s.claims.evolve({MACHINE: None})),  # out of its rack
        lambda s: estate.renamed(s, VM, "yet another"),
        upgraded,
    ):
        now = change(now)
        tell(now)
    assert told == [(7, 7), (8, 7), (9, 7), (10, 10), (11, 11), (12, 11), (13, 13)]
