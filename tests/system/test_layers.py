"""A cluster whose nodes are declared VMs on declared hosts: one chain from the service down to the rack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.pacemaker import PacemakerLab
from tests.system import received
from tests.system.agreement import CLONES, PRIMITIVES, expected_places
from tests.system.comparison import LONGEST_PENDING_S, Comparison, moment
from tests.system.setups import SOURCE, Installation, SetUp, installed
from tests.system.walk import chain_of

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

UUIDS = {
    "n1": "0b6f1c1e-6a2d-4d57-9a52-3d1f0c7b9e01",
    "n2": "5f0e7a42-91c3-4b6e-8d14-c2a9b85d7f02",
    "n3": "a3d94c70-27be-4e81-b6f5-19e6d0c48b03",
}
HOSTS = {"srv-1": "r1", "srv-2": "r2", "srv-3": "r2"}
AT_FIRST = {"n1": "srv-1", "n2": "srv-2", "n3": "srv-3"}
FACTS = '[sources.facts]\nkind = "declared"\nfile = "facts.yaml"\ninterval_s = 1\n'


def declared(host_of: dict[str, str]) -> str:
    """The file of facts: a site, racks, hosts, and a VM for each node."""
    lines = ["sites:", "  - name: north", "racks:", *(f"  - {{name: {r}, site: north}}" for r in ("r1", "r2"))]
    lines += ["physical_hosts:", *(f"  - {{name: {host}, rack: {rack}}}" for host, rack in HOSTS.items())]
    lines += ["vms:"]
    lines += [f"  - {{name: guest-{n}, uuid: {UUIDS[n]}, host: {host}}}" for n, host in host_of.items()]
    lines += ["services:", f"  - {{name: shop, members: [{SOURCE}/ha_resource/svc-a]}}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def layered(pacemaker_lab: PacemakerLab) -> Iterator[Installation]:
    """The gateway with agents that were given the UUIDs of the declared VMs."""
    reason = received.missing()
    if reason:
        pytest.skip(reason)
    identity = {node: {"smbios_uuid": uuid} for node, uuid in UUIDS.items()}
    files = {"facts.yaml": declared(AT_FIRST)}
    with installed(SetUp.AGENTS, pacemaker_lab, more=FACTS, files=files, identity=identity) as made:
        yield made


@pytest.fixture
def seen(layered: Installation, _clean_labs: None) -> Comparison:
    (layered.gateway.folder / "facts.yaml").write_text(declared(AT_FIRST))
    layered.join_cluster()
    return Comparison(layered)


def hops_down(body: dict[str, Any]) -> list[str]:
    """KIND:NAME of each hop of an answer that is one straight way."""
    found, hops = [], body["hops"]
    while hops:
        (hop,) = hops
        found.append(f"{hop['entity']['kind']}:{hop['entity']['name']}")
        hops = hop["below"]
    return found


def chain(node: str, host: str) -> list[str]:
    names = [f"ha_node:{node}", f"guest_os:{node}", f"vm:guest-{node}", f"physical_host:{host}"]
    return [*names, f"rack:{HOSTS[host]}", "site:north"]


def test_a_service_is_followed_down_to_the_rack_by_every_way_of_asking(seen: Comparison):
    node = seen.places.of["svc-a"]
    wanted = chain(node, AT_FIRST[node])

    by_rest = seen.gateway.get("/where/svc-a")
    by_command = json.loads(seen.gateway.cli("where", "svc-a", "--json").stdout)
    assert hops_down(by_rest) == hops_down(by_command) == wanted
    assert by_rest["reaches_hardware"] is True
    assert hops_down(seen.gateway.get("/where/shop")) == ["ha_resource:svc-a", *wanted]

    assert chain_of(seen.installation, "svc-a") == [step.split(":", 1)[1] for step in wanted]

    lost = seen.gateway.get(f"/impact/{AT_FIRST[node]}")
    affected = {one["entity"]["name"] for one in lost["affected"] if one["effect"] == "lost"}
    assert {"shop", "svc-a", f"guest-{node}"} <= affected


def test_a_vm_that_is_moved_is_told_alone_with_the_number_that_it_carries(seen: Comparison):
    node = seen.places.of["svc-a"]
    old = AT_FIRST[node]
    new = next(host for host in HOSTS if host != old)
    before = time.time()

    facts: Path = seen.gateway.folder / "facts.yaml"
    facts.write_text(declared(AT_FIRST | {node: new}))

    trap = seen.installation.receiver.wait_for(
        lambda each: each.oid == received.oid_of("topologyRelocation"), timeout_s=60
    )
    told = received.traps([trap])[0]
    view = seen.lab.view()
    assert view is not None
    inside = {r for r in (*PRIMITIVES, *CLONES) if any(place == node for place, _ in expected_places(view, r))}
    assert (told.told.entity, told.told.old, told.told.new) == (f"guest-{node}", old, new)
    assert int(told.objects["topoEventCarried"]) == len(inside)

    time.sleep(LONGEST_PENDING_S)
    assert [each.name for each in seen.traps()] == ["topologyRelocation"]

    vm, *others = seen.gateway.items("/events", kind="relocation", since=moment(before))
    assert (vm["entity"]["name"], vm["carried"], vm["told"]) == (f"guest-{node}", len(inside), True)
    assert {event["entity"]["name"] for event in others} == inside
    assert {(event["caused_by"], event["told"]) for event in others} == {(vm["id"], False)}

    assert hops_down(seen.gateway.get("/where/svc-a")) == chain(node, new)
    assert chain_of(seen.installation, "svc-a")[3:5] == [new, HOSTS[new]]
    assert hops_down(seen.gateway.get("/where/svc-a", at=moment(before))) == chain(node, old)
