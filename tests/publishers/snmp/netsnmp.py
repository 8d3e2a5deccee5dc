"""net-snmp's own clients, with our MIB."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MIBS = Path(__file__).parents[3] / "mibs"
TEXTS = tuple(filter(None, [os.environ.get("MIB_TEXTS")]))
"""A folder with the texts of standard MIBs that Debian does not have; they are not ours to carry."""
_WITHOUT_A_TEXT = tuple(f"SNMPv2-SMI::mib-2.{number}." for number in (25, 47, 92, 236))
"""HOST-RESOURCES-MIB, ENTITY-MIB, NOTIFICATION-LOG-MIB, VM-MIB."""
TOOLS = ("snmpget", "snmpgetnext", "snmpbulkwalk", "snmpbulkget", "snmptable", "snmptranslate", "snmpset")


def require() -> str:
    """The folder of the SMIv2 base modules; skips when net-snmp or they are missing."""
    listed = subprocess.run(["dpkg", "-L", "erlang-snmp"], capture_output=True, text=True).stdout.split()
    found = [path for path in listed if path.endswith("/SNMPv2-SMI.mib")]
    if not found or not all(shutil.which(tool) for tool in TOOLS):
        pytest.skip("net-snmp's clients or the base modules are missing: apt-get install -y snmp erlang-snmp")
    return str(Path(found[0]).parent)


def call(tool: str, *arguments: str, check: bool = True) -> str:
    """What a client prints, with the names of our MIB; messages of a failure too."""
    environment = {
        **os.environ,
        "MIBDIRS": ":".join((require(), str(MIBS), *TEXTS)),
        "MIBS": "TOPOLOGY-GATEWAY-MIB",
        "SNMPCONFPATH": "/nonexistent",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, env=environment, timeout=60)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + (done.stderr if not check else "")


def ask(tool: str, port: int, *arguments: str, community: str = "public", check: bool = True) -> str:
    return call(tool, "-v2c", "-c", community, "-t", "5", "-r", "1", f"127.0.0.1:{port}", *arguments, check=check)


def unknown_names(said: str) -> list[str]:
    """The lines of a walk whose names net-snmp found in no MIB, except those of MIBs whose texts are not at hand."""
    unknown = [line for line in said.splitlines() if line.startswith(("iso.", "SNMPv2-SMI::", "."))]
    return [line for line in unknown if TEXTS or not line.startswith(_WITHOUT_A_TEXT)]
