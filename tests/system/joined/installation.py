"""A gateway with three sources: the cluster, the libvirt hosts, and the facts that people declared."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

from gateway.collectors.pacemaker.agent import AGENT
from tests.lab.joined import JoinedLab
from tests.lab.joined.lab import guest_of, host_of
from tests.system.setups import SOURCE, Installation, SetUp, installed

FLEET = "fleet"
FACTS = "facts"
SITE = "north"
RACKS = {"h1": "r1", "h2": "r2", "h3": "r2"}
SERVICE = "shop"
MEMBER = "svc-a"
SHARED_POOL = "shared"
GROUP_S = 5
"""`[settle] group` here, shortened: how long a move may wait for others."""

Identity = dict[str, dict[str, object]]


def declared_name(host: str) -> str:
    """What people call the machine that libvirt knows as a host: srv-1 for h1."""
    return f"srv-{host[1:]}"


def declared(lab: JoinedLab) -> str:
    """The file of facts: a site, racks, the machines by their firmware's UUID, and a service."""
    racks = sorted(set(RACKS.values()))
    lines = ["sites:", f"  - name: {SITE}", "racks:", *(f"  - {{name: {rack}, site: {SITE}}}" for rack in racks)]
    lines += ["physical_hosts:"]
    lines += [
        f"  - {{name: {declared_name(host)}, uuid: {lab.hosts.plan.host_uuid(host)}, rack: {RACKS[host]}}}"
        for host in lab.hosts.hosts
    ]
    lines += ["services:", f"  - {{name: {SERVICE}, members: [{SOURCE}/ha_resource/{MEMBER}]}}"]
    return "\n".join(lines) + "\n"


def in_guests(lab: JoinedLab) -> Identity:
    """Each node's machine is a guest: what its firmware says is the guest's UUID."""
    return {node: {"smbios_uuid": lab.hosts.plan.vm_uuid(guest_of(node))} for node in lab.cluster.nodes}


def on_hosts(lab: JoinedLab) -> Identity:
    """Each node's machine is a host; the guests that are its resources are found by the agent, in their definitions."""
    found: Identity = {}
    for node in lab.cluster.nodes:
        facts = json.loads(lab.cluster.run(node, "python3", str(AGENT), "facts").stdout)
        found[node] = {
            "smbios_uuid": lab.hosts.plan.host_uuid(host_of(node)),
            "domains": facts["domains"],
        }
    return found


@contextlib.contextmanager
def joined(lab: JoinedLab, identity: Identity, settle: Mapping[str, float] | None = None) -> Iterator[Installation]:
    """The gateway on the cluster's management machine, with agents on the nodes; on leaving nothing of it is left."""
    lab.connect()
    more = "\n".join((_fleet(lab), _facts(), _settle(settle or {})))
    files = {"facts.yaml": declared(lab)}
    with installed(SetUp.AGENTS, lab.cluster, more=more, files=files, identity=identity) as made:
        yield made


def _fleet(lab: JoinedLab) -> str:
    hosts = "\n".join(f'{host} = "{lab.hosts.uri(host)}"' for host in lab.hosts.hosts)
    return f"""
[sources.{FLEET}]
kind = "libvirt"
shared_pools = ["{SHARED_POOL}"]

[sources.{FLEET}.hosts]
{hosts}
"""


def _facts() -> str:
    return f'[sources.{FACTS}]\nkind = "declared"\nfile = "facts.yaml"\n'


def _settle(times: Mapping[str, float]) -> str:
    return "\n".join(["[settle]", f"group = {GROUP_S}", *(f"{name} = {seconds}" for name, seconds in times.items())])
