"""Our numbers for VM-MIB against its text, which is not ours to carry: MIB_TEXTS names a folder that has it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from gateway.schema.snmp import vm_mib, vm_words
from gateway.wire.oid import format_oid
from tests.schema import texts


@pytest.fixture(scope="module")
def module() -> dict[str, Any]:
    return texts.module("VM-MIB")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("VirtualMachineAdminState", vm_words.AdminState),
        ("VirtualMachineOperState", vm_words.OperState),
        ("VirtualMachineStorageSourceType", vm_words.SourceType),
        ("VirtualMachineAutoStart", vm_words.AutoStart),
        ("VirtualMachinePersistent", vm_words.Persistent),
        ("VirtualMachineStorageAccess", vm_words.StorageAccess),
    ],
)
def test_every_enumeration_has_the_numbers_of_the_text(module, name, ours: type[IntEnum]):
    theirs = {
        word: int(value["number"])
        for word, value in module["typedefs"][name].items()
        if isinstance(value, dict) and value.get("nodetype") == "namednumber"
    }
    assert {member.name.lower(): int(member) for member in ours} == {word.lower(): n for word, n in theirs.items()}


@pytest.mark.parametrize(
    ("entry", "columns"),
    [
        ("vmEntry", vm_mib.VM_COLUMNS),
        ("vmStorageEntry", vm_mib.STORAGE_COLUMNS),
        ("vmNetworkEntry", vm_mib.NETWORK_COLUMNS),
    ],
)
def test_every_column_has_the_oid_and_the_access_of_the_text(module, entry, columns):
    for name, oid in columns.items():
        theirs = module["nodes"][name]
        assert (theirs["oid"], theirs["access"]) == (format_oid(oid), "readonly")
        assert theirs["oid"].startswith(module["nodes"][entry]["oid"] + ".")
