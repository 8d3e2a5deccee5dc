"""The standard MIBs as net-snmp reads them: the configuration in tables, hypervisors as contexts, no name unknown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim
from gateway.model.snapshot import Snapshot
from gateway.publishers.snmp import SnmpPublisher, SnmpSettings
from gateway.publishers.snmp.machines import Machines
from gateway.schema.snmp import vm_mib
from gateway.schema.snmp.engine import SnmpEngine
from gateway.schema.snmp.targets import SecurityModel, Target
from gateway.support.clock import SystemClock
from gateway.wire.ber import encode_integer
from gateway.wire.pdu import PduType
from gateway.wire.usm import SecurityLevel
from gateway.wire.values import Empty, Integer, OctetString
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import SYS_NAME, Asker

VM = (1, 3, 6, 1, 2, 1, 236, 1)
DOMAIN_UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
TARGETS = (
    Target("noc", "192.0.2.9", 162, SecurityModel.USM, SecurityLevel.AUTH_PRIV, "watcher", inform=True, timeout_s=3),
    Target("old", "2001:db8::9", 1162, SecurityModel.V1, SecurityLevel.NO_AUTH_NO_PRIV, "old"),
    Target("named", "noc.example.org", 162, SecurityModel.V2C, SecurityLevel.NO_AUTH_NO_PRIV, "named"),
)
SETTINGS = {
    **running.SETTINGS,
    "communities": {
        **running.SETTINGS["communities"],
        "one": {"community": "only-host-1", "context": "host-0001"},
        "few": {"community": "few", "contexts": ["host-000[12]"]},
    },
    "users": {
        **running.USERS,
        "bound": {"auth": "SHA", "auth_password": "authpass1234", "contexts": ["host-0002"], "allow": ["127.0.0.0/8"]},
    },
}


def hypervisors(count: int = 60) -> Snapshot:
    """The estate with hypervisors in place of hosts; one VM knows its UUID, a disk and a network card."""
    made = estate.snapshot(count, alarms=0)
    hosts = {n: replace(e, kind=EntityKind.HYPERVISOR, attributes={"driver": "QEMU", "version": "9.2.1"})
             for n, e in made.entities.rows() if e.kind is EntityKind.PHYSICAL_HOST}  # fmt: skip
    vm, disk, wire = made.entities.get(10), count + 1, count + 2
    assert vm is not None
    known = {"vcpus": 4, "max_vcpus": 8, "memory_bytes": 3 * 2**30, "max_memory_bytes": 2**42,
             "os": "http://debian.org/debian/12", "autostart": True, "persistent": True}  # fmt: skip
    keys = (Alias(KeyNamespace.DOMAIN_UUID, DOMAIN_UUID), Alias(KeyNamespace.MAC, "52:54:00:00:00:0a"),
            Alias(KeyNamespace.MAC, "52:54:00:00:00:0c"))  # fmt: skip
    vm = replace(vm, attributes=known, aliases=keys)
    volume = replace(vm, index=disk, records=(disk,), kind=EntityKind.VOLUME, name="root.qcow2", subtype="file",
                     attributes={"capacity_bytes": 20 * 2**30, "format": "qcow2"}, aliases=())  # fmt: skip
    network = replace(volume, index=wire, records=(wire,), kind=EntityKind.NETWORK, name="lan", subtype="bridge")
    things = {10: vm, disk: volume, wire: network}
    stored = replace(estate.record_of(volume, "fleet"), key=NativeKey(EntityKind.VOLUME, "h1/images/root.qcow2"))
    used = Claim("fleet", RelationKind.USES_STORAGE, 10, disk,
                 attributes={"mode": "RWO", "target": "vda", "bus": "virtio"})  # fmt: skip
    cards = {"mac": "52:54:00:00:00:0b,52:54:00:00:00:0a", "model": "virtio,e1000e"}
    joined = Claim("fleet", RelationKind.CONNECTS_TO, 10, wire, attributes=cards)
    claims = {10: (*(made.claims.get(10) or ()), used, joined)}
    return replace(
        made,
        entities=made.entities.evolve({**hosts, **things}),
        records=made.records.evolve({n: estate.record_of(e, "fleet") for n, e in things.items()} | {disk: stored}),
        claims=made.claims.evolve(claims),
    )


def make(snapshot: Snapshot) -> tuple[SnmpPublisher, running.Holder]:
    clock, holder = SystemClock(), running.Holder(snapshot)
    engine = SnmpEngine(running.ENGINE_ID, 3, clock.monotonic())
    settings = SnmpSettings.model_validate(SETTINGS)
    return SnmpPublisher(settings, holder, engine, clock, "test", targets=TARGETS), holder


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    netsnmp.require()
    with running.running(running.Holder(estate.read(hypervisors(), time.time_ns() // 1000)), SETTINGS) as publisher:
        yield publisher.addresses[0][1]


def shown(asker: Asker, *columns: int, entry: int = 4) -> dict[tuple[int, ...], list[object]]:
    """The rows of a table of VM-MIB, by index."""
    rows: dict[tuple[int, ...], list[object]] = {}
    for column in columns:
        for varbind in asker.walk((*VM, entry, 1, column)):
            rows.setdefault(varbind.oid[len(VM) + 3 :], []).append(varbind.value)
    return rows


def test_a_context_shows_the_machines_of_its_hypervisor_and_no_others():
    snapshot = hypervisors()
    publisher, _ = make(snapshot)
    for host in (1, 2, 3):
        asker = Asker(publisher, f"public@host-{host:04d}".encode())
        there = {(index,) for index, placement in snapshot.placements.rows() if placement.host == host}
        assert set(shown(asker, 2)) == there
        assert asker.get((*VM, 2, 0)).value == Integer(len(there))
        assert asker.get((*VM, 1, 1, 0)).value == OctetString(b"QEMU")
        assert asker.get(SYS_NAME).value == OctetString(b"gateway-under-test")
    assert Asker(publisher).walk(VM) == []


def test_a_machine_is_shown_as_far_as_it_is_known():
    publisher, _ = make(hypervisors())
    snapshot = hypervisors()
    home = snapshot.placements.get(10)
    assert home is not None
    asker = Asker(publisher, f"public@host-{home.host:04d}".encode())
    row = {varbind.oid[len(VM) + 2]: varbind.value for varbind in asker.walk((*VM, 4)) if varbind.oid[-1] == 10}
    assert row[3] == OctetString(UUID(DOMAIN_UUID).bytes)
    assert row[4] == OctetString(b"http://debian.org/debian/12")
    assert (row[7], row[8]) == (Integer(2), Integer(2))
    assert (row[9], row[10], row[11]) == (Integer(4), Integer(-1), Integer(8))
    assert (row[12], row[13], row[14], row[15]) == (Integer(2**20), Integer(3 * 2**10), Integer(-1), Integer(2**22))
    assert not {16, 17} & set(row)
    [disk] = shown(asker, 4, 5, 6, 7, 9, 10, 11, entry=7).values()
    assert disk == [
        Integer(5),
        OctetString(b"qcow2"),
        OctetString(b"h1/images/root.qcow2"),
        Integer(2),
        OctetString(b"virtio"),
        Integer(1024),
        Integer(20 * 2**20),
    ]
    assert list(shown(asker, 5, 4, entry=8).values()) == [
        [OctetString(bytes.fromhex("52540000000a")), OctetString(b"e1000e")],
        [OctetString(bytes.fromhex("52540000000b")), OctetString(b"virtio")],
        [OctetString(bytes.fromhex("52540000000c"))],
    ]


def test_limits_that_nobody_told_are_not_there():
    told = replace(estate.vm(10), attributes={"vcpus": 2, "memory_bytes": 2**30})
    values = vm_mib.vm_values(told)
    assert (values[9], values[12], values[13]) == tuple(map(encode_integer, (2, 1024, 2**20)))
    assert not {10, 11, 14, 15} & set(values)


def test_a_machine_that_moves_is_shown_where_it_is():
    snapshot = hypervisors()
    publisher, holder = make(snapshot)
    before, after = Asker(publisher, b"public@host-0001"), Asker(publisher, b"public@host-0002")
    vm = next(index for index, placement in snapshot.placements.rows() if placement.host == 1)
    assert (vm,) in shown(before, 2)
    holder.snapshot = estate.moved(snapshot, vm, to=2)
    assert (vm,) not in shown(before, 2)
    assert (vm,) in shown(after, 2)


def off(snapshot: Snapshot, vm: int, scope: str, last: int | None) -> Snapshot:
    """The VM is off: it was on `last`, and the source tells of it in the scope."""
    record, entity = snapshot.records.get(vm), snapshot.entities.get(vm)
    assert record is not None
    assert entity is not None
    placement = replace(snapshot.placements.get(vm), host=last, open=False) if last is not None else None
    return replace(
        snapshot,
        entities=snapshot.entities.evolve({vm: replace(entity, state=EntityState.STOPPED)}),
        records=snapshot.records.evolve({vm: replace(record, scope=scope)}),
        placements=snapshot.placements.evolve({vm: placement}),
    )


def in_scopes(*indexes: int) -> Snapshot:
    """These hypervisors, each with a scope of its own."""
    made = hypervisors()
    own = {n: estate.record_of(made.entities.get(n), "fleet") for n in indexes}
    return replace(made, records=made.records.evolve({n: replace(r, scope=r.name) for n, r in own.items()}))


@pytest.mark.parametrize(
    ("scope", "last", "there"),
    [
        ("host-0001", 1, 1),
        ("host-0001", None, 1),
        ("host-0002", 1, 2),
        ("of-no-host", 1, 1),
        ("of-no-host", None, 0),
        ("", 1, 1),  # the scope of many hypervisors
    ],
)
def test_a_machine_that_is_off_is_shown_where_it_is_defined_or_else_where_it_ran_last(scope, last, there):
    snapshot = in_scopes(1, 2)
    vm = next(index for index, placement in snapshot.placements.rows() if placement.host == 1)
    publisher, holder = make(snapshot)
    askers = {n: Asker(publisher, f"public@host-{n:04d}".encode()) for n in (1, 2)}
    before = {n: set(shown(asker, 2)) for n, asker in askers.items()}
    holder.snapshot = off(snapshot, vm, scope, last)
    for n, asker in askers.items():
        there_now = before[n] - {(vm,)} | ({(vm,)} if n == there else set())
        assert (set(shown(asker, 2)), asker.get((*VM, 2, 0)).value) == (there_now, Integer(len(there_now)))


def test_machines_are_the_same_object_until_they_are_others():
    snapshot = in_scopes(1, 2)
    shelves = {name: getattr(snapshot, name).shards for name in ("entities", "records", "placements")}
    machines = Machines(shelves)
    before, vm = machines[1], machines[2][0]
    shelves["placements"] = estate.moved(snapshot, vm, to=3).placements.shards
    assert machines[1] is before
    assert vm not in machines[2]
    assert vm in machines[3]


def test_a_context_that_ends_is_unknown_and_a_community_has_only_the_contexts_it_may_have():
    snapshot = hypervisors()
    publisher, holder = make(snapshot)
    gone = Asker(publisher, b"public@host-0003")
    assert gone.get(SYS_NAME)
    holder.snapshot = replace(snapshot, entities=snapshot.entities.evolve({3: None}))
    assert gone.ask(PduType.GET, SYS_NAME) is None
    assert Asker(publisher, b"few@host-0002").get(SYS_NAME)
    assert Asker(publisher, b"public@nowhere").ask(PduType.GET, SYS_NAME) is None
    assert Asker(publisher, b"few@host-0003").ask(PduType.GET, SYS_NAME) is None
    assert Asker(publisher, b"guess@host-0001").ask(PduType.GET, SYS_NAME) is None
    assert (publisher.counters.unknown_contexts, publisher.counters.bad_community_names) == (3, 1)
    assert Asker(publisher, b"only-host-1").get((*VM, 2, 0)).value != Empty.NO_SUCH_OBJECT
    assert Asker(publisher, b"systemonly@host-0001").get((*VM, 2, 0)).value is Empty.NO_SUCH_OBJECT


def test_who_asks_a_context_that_is_not_there_is_no_intruder():
    snapshot = hypervisors()
    publisher, holder = make(replace(snapshot, entities=snapshot.entities.evolve({1: None})))
    for community in (b"public@nowhere", b"only-host-1", b"public@" + b"@" * 60_000):
        assert Asker(publisher, community).ask(PduType.GET, SYS_NAME) is None
    assert (publisher.counters.unknown_contexts, publisher.counters.bad_community_names) == (3, 0)
    assert publisher.refused() == ()
    assert Asker(publisher, b"notfromhere@host-0002").ask(PduType.GET, SYS_NAME) is None
    assert [each.why for each in publisher.refused()] == ["a community that is not allowed from there"]
    holder.snapshot = snapshot
    assert Asker(publisher, b"only-host-1").get(SYS_NAME)


def test_a_context_whose_name_has_an_at_sign_is_asked_with_a_community():
    publisher, _ = make(estate.renamed(hypervisors(), 2, "qemu@host-2"))
    assert Asker(publisher, b"public@qemu@host-2").get((*VM, 2, 0)).value != Empty.NO_SUCH_OBJECT


def test_hypervisors_of_one_name_are_told_apart_by_their_index():
    publisher, _ = make(estate.renamed(hypervisors(), 2, "host-0001"))
    for context in (b"1", b"2", b"host-0003"):
        assert Asker(publisher, b"public@" + context).get((*VM, 2, 0)).value != Empty.NO_SUCH_OBJECT
    assert Asker(publisher, b"public@host-0001").ask(PduType.GET, SYS_NAME) is None


def test_v3_asks_a_context_by_its_name(port):
    user = ["-v3", "-l", "authNoPriv", "-u", "bound", "-a", "SHA", "-A", "authpass1234", f"127.0.0.1:{port}"]
    assert "INTEGER" in netsnmp.call("snmpget", "-n", "host-0002", *user, "1.3.6.1.2.1.236.1.2.0")
    refused = netsnmp.call("snmpget", "-n", "host-0001", *user, "1.3.6.1.2.1.236.1.2.0", check=False)
    assert "Bad context specified" in refused


def test_net_snmp_knows_the_name_and_the_type_of_everything(port):
    for community in ("public", "public@host-0001"):
        said = netsnmp.ask("snmpbulkwalk", port, "-m", "ALL", "-Cr30", "1.3.6.1", community=community)
        assert "SNMP-VIEW-BASED-ACM-MIB::vacmContextName." in said
        assert ("usmUserAuthProtocol." in said, ".236.1.4.1.2." in said or "VM-MIB::vmName." in said) == (
            community == "public",
            community != "public",
        )
        for fault in ("Wrong Type", "No Such", "Unknown Object", "not increasing"):
            assert fault not in said
        assert netsnmp.unknown_names(said) == []


def test_the_configuration_is_shown_without_a_secret():
    publisher, _ = make(hypervisors())
    asker = Asker(publisher)
    users = asker.walk((1, 3, 6, 1, 6, 3, 15, 1, 2, 2, 1, 3))
    assert {varbind.value for varbind in users} == {OctetString(name.encode()) for name in SETTINGS["users"]}
    names = {varbind.value for varbind in asker.walk((1, 3, 6, 1, 6, 3, 12, 1, 2, 1, 6))}
    assert names == {OctetString(target.name.encode()) for target in TARGETS}
    everything = b"".join(
        varbind.value.value for varbind in asker.walk((1, 3)) if isinstance(varbind.value, OctetString)
    )
    for user in publisher.agent._usm._users.values():
        for key in (user.user.auth_key, user.user.priv_key):
            assert not key or key not in everything
    for secret in (b"authpass1234", b"privpass1234", b"only-host-1", b"notfromhere"):
        assert secret not in everything


def test_labels_that_begin_alike_stay_apart_in_names_of_at_most_32_octets():
    long = "a-label-whose-first-32-octets-are-those-of-another"
    given = {f"{long}-{each}": {"community": each} for each in ("one", "two", "three")}
    settings = {**running.SETTINGS, "communities": {"all": {"community": "public"}, **given}}
    asker = Asker(running.make(running.Holder(estate.snapshot(3)), settings))
    groups = [varbind.value.value for varbind in asker.walk((1, 3, 6, 1, 6, 3, 16, 1, 2, 1, 3))]
    assert len(groups) == 2 * len(settings["communities"]) + len(settings["users"])
    assert len(set(groups)) == len(settings["communities"]) + len(settings["users"])
    assert max(map(len, groups)) == 32
    for entry in (2, 4):
        rows = [varbind.oid for varbind in asker.walk((1, 3, 6, 1, 6, 3, 16, 1, entry, 1))]
        assert len(rows) == len(set(rows))


def shown_access(settings: dict[str, object]) -> set[tuple[str, str, int]]:
    """(group, vacmAccessContextPrefix, vacmAccessContextMatch: 1 exact, 2 prefix) for SNMPv2c."""
    asker = Asker(running.make(running.Holder(estate.snapshot(3)), {**running.SETTINGS, "users": {}, **settings}))
    column = (1, 3, 6, 1, 6, 3, 16, 1, 4, 1, 4)
    found = set()
    for varbind in asker.walk(column):
        index = varbind.oid[len(column) :]
        group, prefix = bytes(index[1 : 1 + index[0]]), bytes(index[2 + index[0] : -2])
        if index[-2] == SecurityModel.V2C:
            found.add((group.decode(), prefix.decode(), varbind.value.value))
    return found


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({}, {("", 2)}),
        ({"contexts": []}, {("", 1)}),
        ({"contexts": ["hv-1", "hv-1*", "db**"]}, {("", 1), ("hv-1", 2), ("db", 2)}),
        ({"contexts": ["hv-1*", "hv-1"]}, {("", 1), ("hv-1", 2)}),
        ({"contexts": ["hv-*-prod", "x?", "[ab]1", "*a*", "y" * 33]}, {("", 1)}),
        ({"context": "hv-1"}, {("hv-1", 1)}),
        ({"context": "hv[1]*"}, {("hv[1]*", 1)}),
    ],
)
def test_no_context_is_shown_as_granted_that_is_not(given, rows):
    communities = {"all": {"community": "public"}, "asker": {"community": "x", **given}}
    found = shown_access({"communities": communities})
    assert {(prefix, match) for group, prefix, match in found if group == "asker"} == rows


def test_long_names_of_views_are_the_same_in_both_tables_and_at_most_32_octets():
    views = {"v" * 40 + each: {"include": ["1.3.6.1.2.1.1"]} for each in "ab"}
    communities = {name: {"community": name, "view": name} for name in views} | {"all": {"community": "public"}}
    settings = {**running.SETTINGS, "users": {}, "views": views, "communities": communities}
    asker = Asker(running.make(running.Holder(estate.snapshot(3)), settings))
    read = {varbind.value.value for varbind in asker.walk((1, 3, 6, 1, 6, 3, 16, 1, 4, 1, 5))}
    column = (1, 3, 6, 1, 6, 3, 16, 1, 5, 2, 1, 4)
    families = [varbind.oid[len(column) :] for varbind in asker.walk(column)]
    assert read == {bytes(index[1 : 1 + index[0]]) for index in families}
    assert sorted(map(len, read)) == [3, 32, 32]
