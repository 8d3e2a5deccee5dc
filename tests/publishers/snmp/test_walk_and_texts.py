"""All that a walk shows of standard MIBs, against their texts: names, INDEX, types, ranges and enumerations."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.wire.ber import Oid
from gateway.wire.oid import IndexPart, IndexType, IndexValue, decode_index, parse_oid
from gateway.wire.values import (
    Counter32,
    Counter64,
    Gauge32,
    Integer,
    IpAddress,
    ObjectIdentifier,
    OctetString,
    TimeTicks,
    VarBind,
)
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import Asker
from tests.publishers.snmp.test_notification_log import raised
from tests.publishers.snmp.test_recent import relocation
from tests.publishers.snmp.test_standard_mibs import hypervisors, make
from tests.schema import texts

MODULES = {
    "SNMPv2-MIB": [(1, 3, 6, 1, 2, 1, 1), (1, 3, 6, 1, 2, 1, 11), (1, 3, 6, 1, 6, 3, 1)],
    "SNMP-FRAMEWORK-MIB": [(1, 3, 6, 1, 6, 3, 10)],
    "SNMP-MPD-MIB": [(1, 3, 6, 1, 6, 3, 11)],
    "SNMP-TARGET-MIB": [(1, 3, 6, 1, 6, 3, 12)],
    "SNMP-NOTIFICATION-MIB": [(1, 3, 6, 1, 6, 3, 13)],
    "SNMP-USER-BASED-SM-MIB": [(1, 3, 6, 1, 6, 3, 15)],
    "SNMP-VIEW-BASED-ACM-MIB": [(1, 3, 6, 1, 6, 3, 16)],
    "HOST-RESOURCES-MIB": [(1, 3, 6, 1, 2, 1, 25)],
    "ENTITY-MIB": [(1, 3, 6, 1, 2, 1, 47)],
    "NOTIFICATION-LOG-MIB": [(1, 3, 6, 1, 2, 1, 92)],
    "VM-MIB": [(1, 3, 6, 1, 2, 1, 236)],
}
"""Each with where it hangs."""
IN_PART = {"NOTIFICATION-LOG-MIB", "VM-MIB"}
"""Not all columns of their tables have an instance."""
MAY_BE_EMPTY = {"nlmLogEngineID", "nlmLogContextEngineID"}
"""Of one engine's log they are, says the description, whatever the SIZE."""
TYPES = {
    "Integer32": Integer,
    "Enumeration": Integer,
    "Counter32": Counter32,
    "Counter64": Counter64,
    "Gauge32": Gauge32,
    "Unsigned32": Gauge32,
    "TimeTicks": TimeTicks,
    "OctetString": OctetString,
    "Bits": OctetString,
    "IpAddress": IpAddress,
    "ObjectIdentifier": ObjectIdentifier,
}


@pytest.fixture(scope="module")
def walked() -> list[VarBind]:
    """Of an agent with hosts, and of one with hypervisors and receivers, and of the context of a hypervisor."""
    hosts = running.make(running.Holder(estate.snapshot(30)))
    hosts.remember([relocation(62), raised(63)])
    contexts, _ = make(hypervisors())
    askers = (Asker(hosts), Asker(contexts), Asker(contexts, b"public@host-0001"))
    roots = [root for roots in MODULES.values() for root in roots]
    return [varbind for asker in askers for root in roots for varbind in asker.walk(root)]


@pytest.fixture(params=MODULES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shown(name: str, walked: list[VarBind]) -> list[tuple[str, dict[str, Any], Oid, VarBind]]:
    """(object, what the text says of it, instance, varbind) of all that is shown of a module."""
    nodes = texts.module(name)["nodes"]
    objects = {parse_oid(node["oid"]): each for each, node in nodes.items() if node["nodetype"] in ("column", "scalar")}
    found = []
    for varbind in walked:
        if any(varbind.oid[: len(root)] == root for root in MODULES[name]):
            oid = next((varbind.oid[:size] for size in range(len(varbind.oid)) if varbind.oid[:size] in objects), None)
            assert oid is not None, f"{varbind.oid} is nowhere in {name}"
            found.append((objects[oid], nodes[objects[oid]], varbind.oid[len(oid) :], varbind))
    assert found
    return found


def test_all_that_is_shown_may_be_read_and_is_of_the_type_and_in_the_range_of_the_text(shown):
    for column, node, _, varbind in shown:
        kind = texts.kind(node["syntax"]["type"])
        value = varbind.value
        assert node["access"] in ("readonly", "readwrite"), column
        assert type(value) is TYPES[kind.type], column
        if kind.labels and isinstance(value, Integer):
            assert value.value in kind.labels, column
        elif kind.ranges and not (value == OctetString(b"") and column in MAY_BE_EMPTY):
            size = len(value.value) if isinstance(value, OctetString) else value.value
            assert any(least <= size <= most for least, most in kind.ranges), (column, value)


def test_all_that_is_shown_has_the_instances_that_the_index_of_the_text_makes(name, shown):
    nodes = texts.module(name)["nodes"]
    for column, node, instance, _ in shown:
        if node["nodetype"] == "scalar":
            assert instance == (0,), column
            continue
        for each, value in _index(name, node, instance).items():
            size = value if isinstance(value, int) else len(value)
            ranges = texts.kind(nodes[each]["syntax"]["type"]).ranges
            assert not ranges or any(least <= size <= most for least, most in ranges), (column, instance)


@pytest.mark.parametrize(
    ("name", "column", "of_index"),
    [
        ("SNMP-TARGET-MIB", "snmpTargetAddrParams", "snmpTargetAddrName"),
        ("SNMP-NOTIFICATION-MIB", "snmpNotifyTag", "snmpNotifyName"),
        ("SNMP-USER-BASED-SM-MIB", "usmUserSecurityName", "usmUserName"),
        ("SNMP-VIEW-BASED-ACM-MIB", "vacmGroupName", "vacmSecurityName"),
        ("HOST-RESOURCES-MIB", "hrSWRunIndex", "hrSWRunIndex"),
    ],
)
def test_rows_that_show_the_name_of_their_index_show_what_is_in_it(name, column, of_index, shown):
    rows = [(node, instance, varbind.value) for each, node, instance, varbind in shown if each == column]
    assert rows
    for node, instance, value in rows:
        assert _index(name, node, instance)[of_index] == value.value


@pytest.mark.parametrize("name", [each for each in MODULES if each not in IN_PART])
def test_a_table_that_is_shown_has_all_its_columns(name, shown):
    nodes = texts.module(name)["nodes"]
    columns = {node["oid"] for _, node, _, _ in shown if node["nodetype"] == "column"}
    entries = {oid.rpartition(".")[0] for oid in columns}
    readable = {
        node["oid"]
        for node in nodes.values()
        if node["nodetype"] == "column" and node["access"] != "noaccess" and node["oid"].rpartition(".")[0] in entries
    }
    assert columns == readable


@pytest.mark.parametrize(
    ("module", "wanted"),
    [
        (
            "SNMP-USER-BASED-SM-MIB",
            {"usmUserStorageType": {"readOnly"}, "usmUserStatus": {"active"}},
        ),
        (
            "SNMP-VIEW-BASED-ACM-MIB",
            {
                "vacmAccessContextMatch": {"exact", "prefix"},
                "vacmViewTreeFamilyType": {"included", "excluded"},
                "vacmAccessStatus": {"active"},
            },
        ),
        (
            "SNMP-TARGET-MIB",
            {"snmpTargetParamsSecurityLevel": {"noAuthNoPriv", "authPriv"}, "snmpTargetAddrRowStatus": {"active"}},
        ),
        (
            "SNMP-NOTIFICATION-MIB",
            {"snmpNotifyType": {"trap", "inform"}, "snmpNotifyFilterType": {"included"}},
        ),
        ("HOST-RESOURCES-MIB", {"hrSWRunType": {"application"}, "hrSWRunStatus": {"running"}}),
        (
            "NOTIFICATION-LOG-MIB",
            {"nlmConfigLogAdminStatus": {"enabled"}, "nlmConfigLogOperStatus": {"operational"}},
        ),
    ],
)
def test_what_is_said_by_a_number_is_what_the_text_calls_so(walked, module, wanted):
    nodes = texts.module(module)["nodes"]
    for column, labels in wanted.items():
        prefix, named = parse_oid(nodes[column]["oid"]), texts.kind(nodes[column]["syntax"]["type"]).labels
        values = {varbind.value for varbind in walked if varbind.oid[: len(prefix)] == prefix}
        assert {named[value.value] for value in values if isinstance(value, Integer)} == labels, column


def test_protocols_of_users_are_the_identities_of_the_texts(walked):
    usm, aes = texts.module("SNMP-USER-BASED-SM-MIB")["nodes"], texts.module("SNMP-USM-AES-MIB")["nodes"]
    said = {varbind.value.value for varbind in walked if isinstance(varbind.value, ObjectIdentifier)}
    for identity in ("usmNoAuthProtocol", "usmHMACMD5AuthProtocol", "usmHMACSHAAuthProtocol", "usmNoPrivProtocol"):
        assert parse_oid(usm[identity]["oid"]) in said
    assert parse_oid(usm["usmDESPrivProtocol"]["oid"]) in said
    assert parse_oid(aes["usmAesCfb128Protocol"]["oid"]) in said


def _index(name: str, column: dict[str, Any], instance: Oid) -> dict[str, IndexValue]:
    """What an instance of a column says, by the INDEX of its row."""
    nodes = texts.module(name)["nodes"]
    entry = column["oid"].rpartition(".")[0]
    row = next(node for node in nodes.values() if node["nodetype"] == "row" and node["oid"] == entry)
    if isinstance(row["linkage"][0], dict):  # AUGMENTS
        row = nodes[row["linkage"][0][name]["relatedNode"]]
    linkage = row["linkage"]
    parts = [_part(nodes[each], implied="implied" in row and each == linkage[-1]) for each in linkage]
    return dict(zip(linkage, decode_index(parts, instance), strict=True))


def _part(node: dict[str, Any], *, implied: bool) -> IndexPart:
    kind = texts.kind(node["syntax"]["type"])
    if kind.type == "ObjectIdentifier":
        return IndexPart(IndexType.IMPLIED_OID if implied else IndexType.OID)
    if kind.type == "OctetString":
        return IndexPart(IndexType.IMPLIED_STRING if implied else IndexType.STRING)
    return IndexPart(IndexType.INTEGER)
