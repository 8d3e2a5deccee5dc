"""What snmptrapd received, read with the MIB as net-snmp's own tools read it: relocations and alarms."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.lab import snmptrapd
from tests.lab.requirements import SEARCH_PATH
from tests.lab.snmptrapd import Notification
from tests.lab.told import Told

MIBS = Path(__file__).resolve().parents[2] / "mibs"
RELOCATIONS = frozenset({"topologyRelocation", "topologyRoleRelocation"})
ARRIVED_LIVE = "1"  # TopologyArrival


@dataclass(frozen=True, slots=True)
class Trap:
    """One notification: the name of its type, and its objects by name. `time`: when it was received."""

    name: str
    objects: Mapping[str, str]
    time: float

    @property
    def told(self) -> Told:
        return Told(
            self.objects["topoEventEntityName"],
            self.objects["topoEventOldHostName"],
            self.objects["topoEventNewHostName"],
            self.objects["topoEventArrival"] == ARRIVED_LIVE,
        )

    @property
    def alarm_key(self) -> str:
        return self.objects["topoEventAlarmKey"]

    @property
    def condition(self) -> str:
        return self.alarm_key.split(":", 1)[0]


def missing() -> str | None:
    """Say what keeps notifications from being received and read here, or None."""
    absent = None if _base_modules() else "erlang-snmp missing: apt-get install --no-install-recommends erlang-snmp"
    return snmptrapd.missing() or absent


def traps(notifications: Iterable[Notification]) -> list[Trap]:
    """Each notification in the words of the MIB."""
    names = oid_names()
    return [
        Trap(
            names.get(each.oid, each.oid),
            {names.get(oid.removesuffix(".0"), oid): value for oid, value in each.varbinds.items()},
            each.time,
        )
        for each in notifications
    ]


def relocations(received: Iterable[Trap]) -> Counter[Told]:
    """The multiset of relocations and role relocations."""
    return Counter(trap.told for trap in received if trap.name in RELOCATIONS)


def raised(received: Iterable[Trap]) -> Counter[str]:
    """Keys of the alarms that were raised, how often."""
    return Counter(trap.alarm_key for trap in received if re.fullmatch(r"topology\w+Raised", trap.name))


def cleared(received: Iterable[Trap]) -> Counter[str]:
    """Keys of the alarms that were cleared, how often."""
    return Counter(trap.alarm_key for trap in received if re.fullmatch(r"topology\w+Cleared", trap.name))


@cache
def oid_names() -> dict[str, str]:
    """Every name of TOPOLOGY-GATEWAY-MIB by its OID, as snmptranslate gives it."""
    listed = snmp_tool("snmptranslate", "-Tz", "-m", "TOPOLOGY-GATEWAY-MIB")
    pairs = re.findall(r'^"([\w-]+)"\s+"([\d.]+)"$', listed, re.M)
    found = {oid: name for name, oid in pairs if name.startswith("topo")}
    if "topologyRelocation" not in found.values():
        raise LookupError(f"snmptranslate does not know TOPOLOGY-GATEWAY-MIB in {MIBS}:\n{listed[:2000]}")
    return found


@cache
def oid_of(name: str) -> str:
    """The OID of a name of the MIB."""
    return next(oid for oid, known in oid_names().items() if known == name)


def snmp_tool(*command: str, enter: Iterable[str] = ()) -> str:
    """What a tool of net-snmp prints, with our MIB at hand."""
    environment = {"PATH": SEARCH_PATH, "MIBDIRS": f"{MIBS}:{_base_modules()}", "MIBS": "", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([*enter, *command], capture_output=True, text=True, env=environment, timeout=60, check=False)
    if done.returncode:
        raise LookupError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def _base_modules() -> Path | None:
    """Where Debian's erlang-snmp has the modules that ours imports from."""
    return next(Path("/usr/lib/erlang/lib").glob("snmp-*/mibs"), None)
