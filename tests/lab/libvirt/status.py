"""What virsh says of every host: the independent truth that the gateway's answers are compared with."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.lab.errors import LabError
from tests.lab.libvirt.hosts import daemon_hangs
from tests.lab.libvirt.network import connected_hosts
from tests.lab.libvirt.plan import Plan
from tests.lab.libvirt.virsh import PROBE_TIMEOUT_S, virsh
from tests.lab.machines import init_pid

INACTIVE = ("shut off", "no state")
IN_FLIGHT = ("migrating", "starting up")  # of a paused domain: it does not run here yet
UUID_LENGTH = 36
UNDER_WAY = ("Bounded", "Unbounded")
REASONED = re.compile(r"(.+?) \((.*)\)")


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain on one host, in virsh's words: `state` running, paused, ...; `reason` booted, migrated, ..."""

    name: str
    uuid: str
    state: str
    reason: str
    persistent: bool
    id: int | None
    busy: bool = False
    """A job is under way, such as a migration."""

    @property
    def active(self) -> bool:
        """It runs here or could go on here; the incoming side of a migration does not count."""
        return self.state not in INACTIVE and not (self.state == "paused" and self.reason in IN_FLIGHT)

    @property
    def in_flight(self) -> bool:
        """It is the incoming side of a migration, or about to start."""
        return self.state == "paused" and self.reason in IN_FLIGHT

    def __str__(self) -> str:
        return f"{self.state} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Host:
    """
    One host. `domains` by name; empty when libvirtd does not answer (by its UNIX socket, whatever the network does).
    """

    name: str
    powered: bool
    answers: bool
    connected: bool
    """Its network cable is plugged in."""
    domains: dict[str, Domain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """All hosts at about one time."""

    hosts: dict[str, Host]

    def on(self, vm: str) -> dict[str, Domain]:
        """What each host that knows a guest says of it."""
        return {host.name: host.domains[vm] for host in self.hosts.values() if vm in host.domains}

    def active(self, vm: str) -> list[str]:
        """The hosts that a guest is active on: one; none; two when the brain is split."""
        return [host for host, domain in self.on(vm).items() if domain.active]

    def in_flight(self) -> list[str]:
        """Guests that are between two hosts."""
        return sorted({name for h in self.hosts.values() for name, domain in h.domains.items() if domain.in_flight})

    def __str__(self) -> str:
        lines = []
        for host in self.hosts.values():
            words = ("power on" if host.powered else "power off", "cable in" if host.connected else "cable out")
            lines.append(f"{host.name}: {', '.join(words)}, libvirtd {'answers' if host.answers else 'is silent'}")
            lines += [f"  {domain.name}: {domain}" for domain in host.domains.values()]
        return "\n".join(lines)


def read_status(plan: Plan) -> Status:
    """Ask every host at the same time; a silent one costs some seconds."""
    connected = connected_hosts(plan)
    with ThreadPoolExecutor(len(plan.hosts)) as pool:
        found = pool.map(lambda host: _read_host(plan, host, host in connected), plan.hosts)
        return Status({host.name: host for host in found})


def _read_host(plan: Plan, name: str, connected: bool) -> Host:
    if init_pid(plan.own(name)) is None:
        return Host(name, powered=False, answers=False, connected=False)
    if daemon_hangs(plan, name):
        return Host(name, powered=True, answers=False, connected=connected)
    try:
        return Host(name, powered=True, answers=True, connected=connected, domains=_read_domains(plan, name))
    except LabError:
        return Host(name, powered=True, answers=False, connected=connected)


def _read_domains(plan: Plan, host: str) -> dict[str, Domain]:
    listed = virsh(plan, host, "list --all --uuid", timeout_s=PROBE_TIMEOUT_S).split()
    if not listed:
        return {}
    questions = "; ".join(
        f"echo @{uuid}; domstate {uuid} --reason; dominfo {uuid}; domjobinfo {uuid}" for uuid in listed
    )
    answers = virsh(plan, host, questions, check=False, timeout_s=PROBE_TIMEOUT_S)
    parsed = [parse_domain(text) for text in answers.split("@")[1:]]
    return {domain.name: domain for domain in parsed if domain is not None}


def parse_domain(text: str) -> Domain | None:
    """The domain of `domstate --reason`, `dominfo`, `domjobinfo` behind its UUID; None when it vanished in between."""
    uuid, rest = text[:UUID_LENGTH], text[UUID_LENGTH:]  # `echo` of virsh ends no line
    lines = [line for line in rest.splitlines() if line.strip()]
    fields = dict(re.findall(r"^([\w() ]+):\s+(.*)$", rest, re.M))
    state = REASONED.fullmatch(lines[0]) if lines else None
    if state is None or "Name" not in fields:
        return None
    number = fields["Id"]
    return Domain(
        name=fields["Name"],
        uuid=uuid,
        state=state[1],
        reason=state[2],
        persistent=fields["Persistent"] == "yes",
        id=int(number) if number.isdigit() else None,
        busy=fields.get("Job type", "None").strip() in UNDER_WAY,
    )
