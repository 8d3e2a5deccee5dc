"""The declared source: a real file that changes, goes wrong and comes back, and what the topology makes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.collectors.declared import PLUGIN
from gateway.collectors.declared.source import DeclaredSettings, DeclaredSource
from gateway.model.conditions import SettleTimes
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.errors import SourceMalformed, SourceUnavailable
from gateway.model.events import Cause, Event
from gateway.model.observations import Observation, ObservedEntity, ObservedRelation, Whole
from gateway.model.ports import CollectorContext
from gateway.model.relations import RelationKind
from gateway.model.snapshot import Snapshot
from gateway.support.clock import FakeClock
from gateway.topology.revise import observe
from gateway.topology.where import where

UUID = "7c1f1f0e-3a54-4b0f-9c41-0d7f5a1b2c3d"
FACTS = f"""\
sites: [{{name: north}}]
racks: [{{name: r1, site: north}}]
physical_hosts: [{{name: srv-1, rack: r1}}, {{name: srv-2, rack: r1}}]
vms: [{{name: node-1, uuid: {UUID.upper()}, host: srv-1}}]
services: [{{name: shop, members: [lab/ha_resource/web]}}]
"""


class Topology:
    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._ids: Iterator[int] = iter(range(1, 10_000))

    def take(self, observation: Observation) -> tuple[Event, ...]:
        self.snapshot, changes = observe(self.snapshot, observation, SettleTimes(), lambda: f"id-{next(self._ids)}")
        return changes.events


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def source(tmp_path: Path, clock: FakeClock) -> DeclaredSource:
    (tmp_path / "facts.yaml").write_text(FACTS)
    settings = DeclaredSettings(kind="declared", file="facts.yaml")
    made = PLUGIN.create("facts", settings, CollectorContext(clock.now, tmp_path, tmp_path))
    assert isinstance(made, DeclaredSource)
    return made


def cluster(at: int) -> Observation:
    """A cluster of one node that runs in the declared VM."""
    web, node, system = (
        NativeKey(EntityKind.HA_RESOURCE, "web"),
        NativeKey(EntityKind.HA_NODE, "n1"),
        NativeKey(EntityKind.GUEST_OS, "n1/os"),
    )
    entities = (
        ObservedEntity(web, "web", "primitive", EntityState.RUNNING),
        ObservedEntity(node, "n1", "member", EntityState.RUNNING),
        ObservedEntity(system, "n1", aliases=(Alias(KeyNamespace.SMBIOS_UUID, UUID),)),
    )
    relations = (
        ObservedRelation(RelationKind.RUNS_ON, web, node, "started"),
        ObservedRelation(RelationKind.RUNS_ON, node, system),
    )
    return Observation("lab", at, Whole(), entities, relations)


def test_a_service_is_followed_down_to_the_rack_whichever_source_comes_first(source, clock) -> None:
    for first in ("declared", "cluster"):
        topology = Topology()
        views = [source.read(), cluster(clock.now())]
        for view in views if first == "declared" else reversed(views):
            topology.take(view)
        (shop,) = topology.snapshot.named("shop")
        kinds, hops = [], where(topology.snapshot, shop, clock.now()).below
        while hops:
            kinds.append(hops[0].entity.kind.value)
            hops = hops[0].below
        assert kinds == ["ha_resource", "ha_node", "guest_os", "vm", "physical_host", "rack", "site"], first
        assert len(topology.snapshot.named("web")) == 1


def test_what_no_source_shows_is_there_with_state_unknown(source) -> None:
    topology = Topology()
    topology.take(source.read())
    (web,) = topology.snapshot.named("web")
    assert (web.state, web.kind) == (EntityState.UNKNOWN, EntityKind.HA_RESOURCE)


def test_what_it_names_of_other_sources_can_be_asked_for(source, tmp_path) -> None:
    assert source.named() == {"lab/ha_resource/web"}
    (tmp_path / "facts.yaml").write_text(FACTS + "same: [[srv-1, fleet/physical_host/h1]]\n")
    assert source.named() == {"lab/ha_resource/web", "fleet/physical_host/h1"}


def test_a_vm_that_is_moved_in_the_file_is_told_with_what_it_carries(source, clock, tmp_path) -> None:
    topology = Topology()
    topology.take(source.read())
    topology.take(cluster(clock.now()))
    clock.advance(5)
    (tmp_path / "facts.yaml").write_text(FACTS.replace("host: srv-1", "host: srv-2"))
    events = topology.take(source.read())
    (told,) = [event for event in events if event.notify]
    assert told.old_host is not None
    assert told.new_host is not None
    assert (told.entity.name, told.old_host.name, told.new_host.name) == ("node-1", "srv-1", "srv-2")
    assert (told.cause, told.live, told.carried) == (Cause.COLD_MOVE, False, 1)


def test_an_unchanged_file_says_the_same_again(source, clock) -> None:
    topology = Topology()
    first = source.read()
    topology.take(first)
    revision = topology.snapshot.revision
    clock.advance(5)
    again = source.read()
    assert again.entities is first.entities
    assert again.at == clock.now()
    topology.take(again)
    assert topology.snapshot.revision == revision


def test_a_wrong_file_is_an_error_and_the_right_one_is_read_again(source, tmp_path) -> None:
    file = tmp_path / "facts.yaml"
    before = source.read()
    file.write_text(FACTS.replace("rack: r1", "rack: r2"))
    with pytest.raises(SourceMalformed, match=r"facts.yaml:3:38: physical_hosts\[0\].rack: no rack 'r2' is declared"):
        source.read()
    file.write_text(FACTS)
    assert source.read().entities == before.entities


def test_a_file_that_was_replaced_is_noticed_though_its_times_are_the_same(source, tmp_path) -> None:
    import os

    file = tmp_path / "facts.yaml"
    source.read()
    old = file.stat()
    file.write_text(FACTS.replace("north", "south"))
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert source.read().entities[0].name == "south"


def test_a_missing_file_names_the_setting(source, tmp_path) -> None:
    (tmp_path / "facts.yaml").unlink()
    with pytest.raises(SourceUnavailable, match=r"No such file.*Create it, or correct sources\.facts\.file"):
        source.read()


def test_a_file_of_any_size_is_bounded(source, tmp_path) -> None:
    with (tmp_path / "facts.yaml").open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(SourceMalformed, match="larger than 16 MB"):
        source.read()


async def test_probe_says_what_it_found(source) -> None:
    line = await source.probe()
    assert line.endswith("1 ha_resource, 2 physical_host, 1 rack, 1 service, 1 site, 1 vm; 1 links to other sources")
