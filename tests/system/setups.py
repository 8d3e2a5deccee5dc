"""
The three ways to install the gateway beside a cluster, each with an snmptrapd of its own next to it.

inside: in a node's namespaces, the cluster's tools called directly; ssh: on the management machine, polling by ssh
with the shipped forced command; agents: the same, and each node has the node agent, which posts to the gateway.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.collectors.pacemaker.agent import AGENT, FORCED_COMMAND
from tests.lab import machines
from tests.lab.pacemaker import PacemakerLab
from tests.lab.pacemaker.plan import MANAGEMENT
from tests.lab.snmptrapd import Snmptrapd
from tests.system.certificates import Certificates, make_certificates
from tests.system.gateway_process import GatewayProcess, Place

SOURCE = "lab"
COMMUNITY = "traps-for-tests"
POLLED_INTERVAL_S = 2
DEFAULT_INTERVAL_S = 20  # what is told sooner is told because agents pushed
AGENT_SCRIPT = "/usr/local/lib/gateway-agent/gateway_agent.py"  # private to each node of the lab
AUTHORITY = "/etc/gateway-agent/authority.pem"
SSH_FOLDER = "/run/ssh"


class SetUp(StrEnum):
    """Where the gateway is, and how it learns."""

    INSIDE = "inside"
    SSH = "ssh"
    AGENTS = "agents"

    @property
    def home(self) -> str:
        """The machine of the lab that the gateway runs on."""
        return "n1" if self is SetUp.INSIDE else MANAGEMENT


@dataclass(slots=True)
class Installation:
    """A gateway that runs beside a lab, and its trap receiver."""

    setup: SetUp
    lab: PacemakerLab
    gateway: GatewayProcess
    receiver: Snmptrapd
    snmp_port: int
    rest_port: int
    forced_command: Path = FORCED_COMMAND
    identity: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Facts by node that the agents are given, instead of what they find."""
    interval_s: float = POLLED_INTERVAL_S
    token: str = ""
    heard_before: set[str] = field(default_factory=set)
    """Ids of the events that a comparison has dealt with."""

    @property
    def enter_network(self) -> list[str]:
        """The argv prefix of the gateway's network, for programs that need nothing else of its machine."""
        return network_of(self.lab, self.setup.home)

    def join_cluster(self) -> None:
        """Bring to the cluster what the set-up needs there; again after each reset of the lab, which takes it away."""
        if self.setup is SetUp.INSIDE:
            return
        self.lab.use_forced_command(self.forced_command)
        if self.setup is SetUp.AGENTS:
            for node in self.lab.nodes:
                self._install_agent(node)

    def leave_cluster(self) -> None:
        """Take it away again."""
        if self.setup is SetUp.INSIDE:
            return
        for node in self.lab.nodes if self.setup is SetUp.AGENTS else ():
            if self.lab.powered(node):
                options = ("--script", AGENT_SCRIPT)
                self.lab.run(node, AGENT_SCRIPT, "uninstall", *options, check=False)
        self.lab.use_forced_command(None)

    def _install_agent(self, node: str) -> None:
        """By the agent's own command, as an administrator does it."""
        folder = self.lab.node_file(node, AUTHORITY).parent
        self.lab.node_file(node, AUTHORITY).write_bytes((self.gateway.folder / "authority.pem").read_bytes())
        words = ["--url", f"https://{self.lab.address(MANAGEMENT)}:{self.rest_port}/ingest/{SOURCE}"]
        words += ["--token-file", "-", "--ca-file", AUTHORITY, "--script", AGENT_SCRIPT]
        if node in self.identity:
            (folder / "identity.json").write_text(json.dumps({"nodes": [dict(self.identity[node], node=node)]}))
            words += ["--identity", "/etc/gateway-agent/identity.json"]
        said = self.lab.run(node, "python3", str(AGENT), "install", *words, stdin=self.token + "\n").stdout
        assert "knows this node now" in said, said


@contextlib.contextmanager
def installed(
    setup: SetUp,
    lab: PacemakerLab,
    *,
    more: str = "",
    files: Mapping[str, str] | None = None,
    identity: Mapping[str, Mapping[str, object]] | None = None,
    forced_command: Path = FORCED_COMMAND,
    interval_s: float | None = None,
) -> Iterator[Installation]:
    """
    The gateway running in a set-up, ready for questions; on leaving nothing of it is left.

    Args:
        more: TOML put behind the configuration of the set-up.
        files: texts by name, put beside the configuration.
        identity: facts by node for the agents (`agents` only).
        interval_s: seconds from one read to the next when nothing happens; default: short where it is polled, the
            product's own where agents push.
    """
    place = Place(lambda: lab.enter(setup.home), lambda process: lab.process_of(setup.home, process))
    with contextlib.ExitStack() as undo:
        gateway = GatewayProcess(place)
        undo.callback(gateway.remove)
        receiver = undo.enter_context(Snmptrapd(community=COMMUNITY, enter=network_of(lab, setup.home)))
        ports = free_port(), free_port()
        interval_s = interval_s or (DEFAULT_INTERVAL_S if setup is SetUp.AGENTS else POLLED_INTERVAL_S)
        made = Installation(setup, lab, gateway, receiver, *ports, forced_command, identity or {}, interval_s)
        gateway.configure("\n".join((_configuration(made), more)))
        for name, text in (files or {}).items():
            (gateway.folder / name).write_text(text)
        undo.callback(made.leave_cluster)
        if setup is SetUp.AGENTS:
            made.token = _ingest_token(gateway)
        if setup is not SetUp.INSIDE:
            lab.use_forced_command(forced_command)
        gateway.start()
        gateway.await_sources()
        made.join_cluster()
        yield made
        gateway.stop()


def network_of(lab: PacemakerLab, machine: str) -> list[str]:
    """The argv prefix of a machine's network alone: the command keeps our files, and its process is the child."""
    return machines.enter(lab.plan.own(machine), ("n",))


def free_port() -> int:
    """A port that nobody uses here; the lab's networks are empty anyway."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configuration(made: Installation) -> str:
    return "\n".join((_source(made), _publishers(made), _receiver(made)))


def _source(made: Installation) -> str:
    lines = [f"[sources.{SOURCE}]", 'kind = "pacemaker"', f"interval_s = {made.interval_s}"]
    if made.setup is not SetUp.INSIDE:
        lines += [f"prefix = {_list(made.lab.ssh_argv())}", f"nodes = {_list(made.lab.nodes)}"]
    return "\n".join(lines) + "\n"


def _publishers(made: Installation) -> str:
    lines = ["[publishers.snmp]", f'listen = ["127.0.0.1:{made.snmp_port}"]', "", "[publishers.rest]"]
    if made.setup is not SetUp.AGENTS:
        return "\n".join([*lines, f'listen = "127.0.0.1:{made.rest_port}"']) + "\n"
    address = made.lab.address(MANAGEMENT)
    files: Certificates = make_certificates(made.gateway.folder, address)
    lines += [f'listen = "{address}:{made.rest_port}"']
    return "\n".join([*lines, f'tls_certificate = "{files.certificate}"', f'tls_key = "{files.key}"']) + "\n"


def _receiver(made: Installation) -> str:
    return (
        f'[receivers.console]\nkind = "snmp"\nhost = "127.0.0.1"\nport = {made.receiver.port}\n'
        f'version = "2c"\ncommunity = "{COMMUNITY}"\n'
    )


def _ingest_token(gateway: GatewayProcess) -> str:
    done = gateway.cli("token", "create", "agents", "--role", f"ingest:{SOURCE}")
    assert done.returncode == 0, done.stderr
    secret = done.stdout.strip()
    assert re.fullmatch(r"\S{16,}", secret), "no secret was printed"
    return secret


def _list(words: object) -> str:
    assert isinstance(words, list | tuple)
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
