"""NOTIFICATION-LOG-MIB and ENTITY-MIB as we serve them against their texts: OIDs, INDEX, syntax, enumerations."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.schema.snmp.entity_mib import ENTITY_TABLES, PhysicalClass
from gateway.schema.snmp.enums import label
from gateway.schema.snmp.notification_log import LOG_TABLES, ValueType
from gateway.wire.oid import format_oid
from tests.schema import texts

TABLES = {"NOTIFICATION-LOG-MIB": LOG_TABLES, "ENTITY-MIB": ENTITY_TABLES}
BASE_TYPES = {"OctetString": "OCTET STRING", "ObjectIdentifier": "OBJECT IDENTIFIER"}
"""smidump's names of types, where they are not those of the text."""


def numbers(named: dict[str, Any]) -> dict[str, int]:
    return {
        word: int(value["number"])
        for word, value in named.items()
        if isinstance(value, dict) and value.get("nodetype") == "namednumber"
    }


@pytest.fixture(params=TABLES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_column_has_the_oid_and_the_syntax_of_the_text(name):
    nodes = texts.module(name)["nodes"]
    for table in TABLES[name]:
        for column in table.columns:
            theirs = nodes[column.name]
            assert theirs["oid"] == format_oid(table.column_oid(column))
            assert theirs["access"] in ("readonly", "readwrite", "readcreate")
            said = theirs["syntax"]["type"]
            if "name" in said:
                assert BASE_TYPES.get(said["name"], said["name"]) == column.syntax.name
            else:
                assert (said["basetype"] in ("Enumeration", "Integer32")) == (column.syntax.name == "Integer32")


def test_every_table_has_the_index_of_the_text(name):
    nodes = texts.module(name)["nodes"]
    for table in TABLES[name]:
        entry = nodes[table.name.removesuffix("Table") + "Entry"]
        assert entry["oid"] == format_oid((*table.oid, 1))
        assert tuple(entry["linkage"]) == table.index


def test_no_column_of_a_table_is_left_out(name):
    nodes = texts.module(name)["nodes"]
    entries = {format_oid((*table.oid, 1)) for table in TABLES[name]}
    readable = {
        column
        for column, node in nodes.items()
        if node["nodetype"] == "column" and node["access"] != "noaccess" and node["oid"].rpartition(".")[0] in entries
    }
    assert readable == {column.name for table in TABLES[name] for column in table.columns}


def test_types_of_values_and_classes_have_the_numbers_of_the_text():
    kind = texts.module("NOTIFICATION-LOG-MIB")["nodes"]["nlmLogVariableValueType"]["syntax"]["type"]
    assert {label(member): int(member) for member in ValueType} == numbers(kind)
    classes = numbers(texts.module("IANA-ENTITY-MIB")["typedefs"]["IANAPhysicalClass"])
    assert {member.name.lower(): int(member) for member in PhysicalClass}.items() <= classes.items()
