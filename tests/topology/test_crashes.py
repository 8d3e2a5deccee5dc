"""A VM that crashed: whose word counts, and who repairs it (design: domain, Unrecoverable failure)."""

from dataclasses import dataclass, replace

import pytest

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityState
from gateway.model.events import Event
from gateway.model.observations import ObservedCondition, Whole
from gateway.model.relations import Arrival, Phase
from gateway.model.rows import Entity, Source, SourceState
from gateway.topology.revise import register_source, update_source
from tests.topology.house import T0, House, entity, on, resource, told, vm
from tests.topology.layers import Cluster, Fleet, domain, failure, hypervisor, smbios, uuid

SHOP = vm(uuid("shop"))
CRASHED = ObservedCondition(ConditionKind.CRASHED, SHOP, text="the guest panicked")
MAYBE = replace(CRASHED, holding=False)


class Hosts(House):
    """Two hosts of a fleet, of which each lists the VM `shop` as it is there."""

    def host(
        self,
        at: float,
        name: str,
        phase: Phase | None,
        *conditions: ObservedCondition,
        state: EntityState = EntityState.RUNNING,
        arrival: Arrival = Arrival.UNKNOWN,
        known: bool = True,
    ) -> list[Event]:
        keys = (domain("shop"), smbios("shop"))
        listed = [replace(entity(SHOP, "kvm", state, keys), name="shop")] if known else []
        relations = [on(SHOP, hypervisor(name), phase, "", arrival)] if phase is not None else []
        seen = [entity(hypervisor(name), "qemu", aliases=(smbios(name),)), *listed]
        return self.see(at, seen, relations, conditions, source="fleet", covers=Whole(name))

    def get_shop(self) -> Entity:
        (found,) = self.snapshot.named("shop")
        return found

    def registered(self, at: float, name: str, *conditions: ObservedCondition) -> list[Event]:
        """The host knows the VM, and it does not run there."""
        state = EntityState.CRASHED if conditions else EntityState.STOPPED
        return self.host(at, name, None, *conditions, state=state)


RAISED = [("failure_raised", "shop", None, None)]
CLEARED = [("failure_cleared", "shop", None, None)]
MOVED = [("relocation", "shop", "a", "b")]


def crashed_on_a() -> Hosts:
    house = Hosts()
    house.host(0, "a", Phase.STABLE)
    house.host(0, "b", None, known=False)
    house.registered(5, "a", CRASHED)
    assert told(house.wait(15)) == RAISED
    return house


# -- the words of scopes -----------------------------------------------------------------------------------------


def test_a_crash_ends_when_the_vm_runs_on_another_host_and_what_is_left_behind_says_nothing():
    house = crashed_on_a()
    assert sorted(told(house.host(20, "b", Phase.STABLE))) == sorted([*CLEARED, *MOVED])
    for at in (30, 90, 150):
        assert house.registered(at, "a", CRASHED) == []
        assert house.registered(at + 1, "a", MAYBE) == []
        assert house.host(at + 2, "b", Phase.STABLE) == []
    assert house.wait(1000) == []
    assert house.get_shop().state is EntityState.RUNNING


def test_the_read_of_the_host_that_it_left_ends_no_crash_where_it_runs():
    house = crashed_on_a()
    house.host(20, "b", Phase.STABLE)
    house.host(30, "b", Phase.STABLE, CRASHED, state=EntityState.CRASHED)
    assert told(house.wait(40)) == RAISED
    assert house.registered(41, "a") == []
    assert told(house.host(50, "b", Phase.STABLE)) == CLEARED


def test_a_machine_that_runs_nowhere_is_as_the_host_says_where_it_was_last():
    house = crashed_on_a()
    for at in (20, 30, 40):
        house.registered(at, "b")
        house.registered(at + 5, "a", CRASHED)
        assert house.get_shop().state is EntityState.CRASHED
    revision = house.snapshot.revision
    house.registered(50, "b")
    house.registered(55, "a", CRASHED)
    assert (house.snapshot.revision, told(house.events)) == (revision, RAISED)


def test_a_crash_is_told_of_the_host_where_it_runs_though_that_was_read_first():
    house = Hosts()
    house.host(0, "a", Phase.STABLE)
    house.host(1, "b", Phase.STABLE, arrival=Arrival.LIVE)
    house.registered(1.3, "a")
    house.host(10, "b", Phase.STABLE, CRASHED, state=EntityState.CRASHED)
    house.registered(11, "a")
    assert told(house.wait(20)) == RAISED


def test_what_may_still_be_so_neither_begins_nor_ends_a_crash():
    house = crashed_on_a()
    assert house.registered(20, "a", MAYBE) == []
    assert told(house.host(30, "a", Phase.STABLE)) == CLEARED
    assert house.registered(40, "a", MAYBE) == []
    assert house.wait(200) == []


# -- a manager in charge -----------------------------------------------------------------------------------------


@dataclass
class Managed:
    """The VM `shop` on h1 is the resource shop-vm on n1 of a cluster."""

    house: House
    fleet: Fleet
    cluster: Cluster

    def crash(self, at: float) -> list[Event]:
        self.fleet.conditions = [CRASHED]
        return self.fleet.read(at, "h1")

    def gives_up(self, at: float, kind: ConditionKind = ConditionKind.EXHAUSTED) -> list[Event]:
        self.cluster.conditions = [failure(kind, resource("shop-vm"))]
        return self.cluster.read(at)

    def is_well(self, at: float) -> list[Event]:
        self.fleet.conditions, self.cluster.conditions = [], []
        return [*self.cluster.read(at), *self.fleet.read(at + 1)]

    def source(self, at: float, state: SourceState) -> None:
        row, ids = replace(self.house.snapshot.sources["lab"], state=state), self.house._ids
        made = update_source(
            self.house.snapshot, row, EntityState.FAILED, T0 + round(at * SECOND), self.house.settle_times, ids.__next__
        )
        self.house.snapshot = made[0]


def managed() -> Managed:
    house = House()
    fleet = Fleet(house, hosts=("h1", "h2"), vms=("shop",))
    cluster = Cluster(house, nodes=("n1", "n2"), machines={"n1": "h1", "n2": "h2"}, starts={"shop-vm": "shop"})
    for name in ("fleet", "lab"):
        row = Source(0, "", name, "test", SourceState.OK, 0)
        house.snapshot, _ = register_source(house.snapshot, row, T0, house._ids.__next__)
    fleet.run("shop", "h1")
    cluster.run("shop-vm", "n1")
    fleet.read(0)
    cluster.read(0)
    return Managed(house, fleet, cluster)


def test_a_crash_that_the_manager_repairs_within_two_minutes_is_not_told():
    it = managed()
    it.crash(10)
    assert it.house.wait(127) == []
    assert it.is_well(128) == []
    assert it.house.wait(1000) == []


def test_a_crash_that_lasts_two_minutes_is_told_once_as_managed():
    it = managed()
    it.crash(10)
    (event,) = it.house.wait(130)
    assert told([event]) == RAISED
    assert (event.condition, event.at) == (ConditionKind.CRASHED_MANAGED, T0 + 130 * SECOND)
    it.crash(140)
    assert told(it.is_well(150)) == CLEARED


@pytest.mark.parametrize("gave_up_at", [15, 100])
def test_when_the_manager_gives_up_that_is_told_and_the_crash_is_linked_to_it(gave_up_at):
    it = managed()
    it.crash(10)
    it.gives_up(gave_up_at)
    failed, crashed = it.house.wait(gave_up_at + 15)
    assert (failed.entity.name, failed.notify) == ("shop-vm", True)
    assert (crashed.condition, crashed.notify) == (ConditionKind.CRASHED_MANAGED, False)
    assert crashed.caused_by == failed.id
    assert it.house.wait(1000) == []
    assert told(it.is_well(1001)) == [("failure_cleared", "shop-vm", None, None)]
    assert not list(it.house.snapshot.active_alarms())


def test_a_manager_that_gives_up_after_the_crash_was_told_is_linked_to_it():
    it = managed()
    it.crash(10)
    (crashed,) = it.house.wait(131)
    it.gives_up(200)
    (failed,) = it.house.wait(216)
    assert (failed.entity.name, failed.notify, failed.caused_by) == ("shop-vm", False, crashed.id)


def test_a_crash_after_the_manager_gave_up_follows_from_that():
    it = managed()
    it.gives_up(10)
    (failed,) = it.house.wait(26)
    it.crash(30)
    (crashed,) = it.house.wait(41)
    assert (crashed.condition, crashed.caused_by, crashed.notify) == (ConditionKind.CRASHED, failed.id, False)


@pytest.mark.parametrize("state", [SourceState.STALE, SourceState.DISABLED])
def test_a_manager_that_does_not_answer_is_not_in_charge(state):
    it = managed()
    it.source(5, state)
    it.crash(10)
    (event,) = it.house.wait(20)
    assert (event.condition, event.notify) == (ConditionKind.CRASHED, True)


def test_the_alarm_of_a_crash_keeps_its_key_when_the_manager_falls_silent():
    it = managed()
    it.crash(10)
    it.source(20, SourceState.STALE)
    it.crash(30)
    (event,) = it.house.wait(1000)
    assert event.condition is ConditionKind.CRASHED_MANAGED
    assert told(it.is_well(1001)) == CLEARED


def test_of_a_vm_without_a_manager_a_crash_is_told_after_ten_seconds():
    house = Hosts()
    house.host(0, "a", Phase.STABLE)
    house.registered(5, "a", CRASHED)
    (event,) = house.wait(15)
    assert (event.condition, event.at) == (ConditionKind.CRASHED, T0 + 15 * SECOND)
