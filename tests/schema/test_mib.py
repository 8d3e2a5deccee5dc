"""The MIB and the schema say the same, in both directions, and smilint has nothing to say."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.schema.snmp import arcs, info
from gateway.schema.snmp.enums import CONVENTIONS, label
from gateway.schema.snmp.notifications import EVENT_OBJECTS, NOTIFICATION_TYPES
from gateway.schema.snmp.receivers import DELIVERY_TABLES
from gateway.schema.snmp.recent import RECENT_TABLE
from gateway.schema.snmp.tables import TABLES as BY_SHELF
from tests.schema import smi

MODULE = smi.parse(smi.MIB.read_text())
TABLES = (*BY_SHELF, RECENT_TABLE, *DELIVERY_TABLES)
COLUMNS = {column.name: (table, column) for table in TABLES for column in table.columns}


def base_modules() -> str:
    """The folder of Debian's package erlang-snmp that has the SMIv2 base modules."""
    listed = subprocess.run(["dpkg", "-L", "erlang-snmp"], capture_output=True, text=True).stdout.split()
    found = [path for path in listed if path.endswith("/SNMPv2-SMI.mib")]
    if not found or not shutil.which("smilint"):
        pytest.skip("smilint and the base modules are missing: apt-get install -y smitools erlang-snmp")
    return str(Path(found[0]).parent)


def test_smilint_finds_nothing_at_its_strictest():
    environment = {**os.environ, "SMIPATH": base_modules()}
    said = subprocess.run(["smilint", "-l", "6", str(smi.MIB)], capture_output=True, text=True, env=environment)
    assert said.stdout + said.stderr == ""
    known = subprocess.run(
        ["smidump", "-f", "identifiers", str(smi.MIB)], capture_output=True, text=True, env=environment
    )
    assert "topologyRelocation" in known.stdout  # it was read at all


def test_the_root_is_the_constant():
    assert MODULE.oids["topologyGatewayMIB"] == arcs.ENTERPRISE
    assert MODULE.oids["topologyGateway"] == arcs.PRODUCT


def test_every_scalar_is_in_both():
    ours = {scalar.name: (scalar.oid, scalar.syntax.name) for scalar in info.SCALARS}
    theirs = {
        n: (MODULE.oids[n], MODULE.syntax[n]) for n in MODULE.oids if n.startswith("topoInfo") and n in MODULE.syntax
    }
    assert ours == theirs


def test_every_table_is_in_both():
    ours = {table.name: table.oid for table in TABLES}
    assert ours == {name: MODULE.oids[name] for name in MODULE.syntax if MODULE.syntax[name].startswith("SEQUENCE OF")}
    for table in TABLES:
        assert table.index == MODULE.index[table.name.removesuffix("Table") + "Entry"]


def test_every_readable_column_is_in_both():
    ours = {name: (table.column_oid(column), column.syntax.name) for name, (table, column) in COLUMNS.items()}
    theirs = {
        name: (MODULE.oids[name], MODULE.syntax[name])
        for name, access in MODULE.access.items()
        if access == "read-only" and not name.startswith("topoInfo")
    }
    assert ours == theirs


def test_every_enumeration_is_in_both():
    ours = {
        name: {label(member): number for member, number in numbers.items()} for name, numbers in CONVENTIONS.items()
    }
    assert ours == MODULE.enums


@pytest.mark.parametrize("name", CONVENTIONS)
def test_no_member_of_an_enumeration_is_left_out(name):
    numbers = CONVENTIONS[name]
    assert set(numbers) == {member for kind in set(map(type, numbers)) for member in kind}
    assert len(set(numbers.values())) == len(numbers)


def test_every_notification_has_its_objects_in_the_order_of_the_mib():
    ours = {wanted.name: tuple(each.name for each in wanted.objects) for wanted in NOTIFICATION_TYPES}
    assert ours == MODULE.notifications
    assert {wanted.name: wanted.oid for wanted in NOTIFICATION_TYPES} == {
        n: MODULE.oids[n] for n in MODULE.notifications
    }


def test_every_object_of_notifications_is_in_both():
    ours = {each.name: (each.oid, each.syntax.name) for each in EVENT_OBJECTS}
    notify_only = [name for name, access in MODULE.access.items() if access == "accessible-for-notify"]
    assert ours == {name: (MODULE.oids[name], MODULE.syntax[name]) for name in notify_only}


def test_what_raises_and_what_clears_have_the_alarm_key_first_and_the_same_order():
    by_name = {wanted.name: wanted.objects for wanted in NOTIFICATION_TYPES}
    raising = [name for name in by_name if name.endswith("Raised")]
    assert len(raising) == 4
    for name in raising:
        assert by_name[name][0].name == "topoEventAlarmKey"
        assert by_name[name] == by_name[name.replace("Raised", "Cleared")]


def test_every_object_is_in_a_conformance_group():
    grouped = {name for names in MODULE.groups.values() for name in names}
    readable = {name for name, access in MODULE.access.items() if access != "not-accessible"}
    assert grouped == readable | set(MODULE.notifications)
