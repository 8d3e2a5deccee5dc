"""The MIB under another root: the same module, smilint content, and the agent and notifications follow."""

from __future__ import annotations

import os
import subprocess

import pytest

from gateway.schema.snmp import arcs
from gateway.schema.snmp.mib_text import rerooted
from tests.schema import smi
from tests.schema.test_mib import base_modules

TEXT = smi.MIB.read_text()
BARE = (1, 3, 6, 1, 4, 1, 4711)
ROOTS = [BARE, (*BARE, 2), (*BARE, 2, 9), (*BARE, 1, 2, 3, 4), arcs.ENTERPRISE]


@pytest.mark.parametrize("root", ROOTS)
def test_every_oid_of_the_module_follows_the_root_and_nothing_else_changes(root):
    ours, moved = smi.parse(TEXT), smi.parse(rerooted(TEXT, root))
    below = [name for name in ours.oids if not name.startswith("topologyArc")]
    assert len(below) > 150
    assert {name: moved.oids[name] for name in below} == {name: arcs.under(root, ours.oids[name]) for name in below}
    assert moved.oids["topologyGatewayMIB"] == root
    assert (moved.syntax, moved.enums, moved.groups) == (ours.syntax, ours.enums, ours.groups)


def test_the_own_root_gives_the_text_as_it_is():
    assert rerooted(TEXT, arcs.ENTERPRISE) == TEXT


@pytest.mark.parametrize("root", ROOTS)
def test_smilint_finds_nothing_under_any_root(root, tmp_path):
    text = tmp_path / "TOPOLOGY-GATEWAY-MIB.txt"
    text.write_text(rerooted(TEXT, root))
    environment = {**os.environ, "SMIPATH": base_modules()}
    said = subprocess.run(["smilint", "-l", "6", str(text)], capture_output=True, text=True, env=environment)
    assert said.stdout + said.stderr == ""


@pytest.mark.parametrize("root", [(1, 3, 6, 1, 2, 1, 236), arcs.ENTERPRISES])
def test_a_root_that_is_nobodys_is_refused(root):
    with pytest.raises(ValueError, match="not below enterprises"):
        rerooted(TEXT, root)


@pytest.mark.parametrize("text", ["", "abc", "1.", "4711.x", "-1", "4294967296", "1.3.6.1.4.1.4711" + ".1" * 20])
def test_what_is_no_enterprise_number_is_refused(text):
    with pytest.raises(ValueError, match="is no enterprise number"):
        arcs.parse_root(text)


def test_an_enterprise_number_is_read_with_and_without_arcs():
    assert arcs.parse_root("4711") == BARE
    assert arcs.parse_root("4711.2.9") == (*BARE, 2, 9)
    assert arcs.is_documentation(arcs.parse_root("32473.1"))
    assert not arcs.is_documentation(BARE)
