"""A fleet is one source and each host a scope of it: who has the word, and what silence means."""

from dataclasses import replace

from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import Alias, EntityKind, EntityState, KeyNamespace, NativeKey
from gateway.model.events import Cause
from gateway.model.observations import Evidence, EvidenceKind, Link, ObservedCondition, ObservedRelation, Whole
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Source, SourceState
from gateway.topology.revise import register_source
from tests.topology.house import T0, House, entity, node, on, resource, told, vm

MACHINE = vm("guest")
HOSTS = {name: NativeKey(EntityKind.HYPERVISOR, name) for name in ("a", "b")}
MAC = (Alias(KeyNamespace.MAC, "52:54:00:00:00:01"),)


class Fleet(House):
    """Two hosts, read every 20 s."""

    def __init__(self) -> None:
        super().__init__()
        row = Source(0, "", "fleet", "libvirt", SourceState.OK, 20 * SECOND)
        self.snapshot, _ = register_source(self.snapshot, row, T0, lambda: next(self._ids))

    def host(
        self,
        at: float,
        name: str,
        phase: Phase | None = Phase.STABLE,
        state: EntityState = EntityState.RUNNING,
        conditions: tuple[ObservedCondition, ...] = (),
        evidence: tuple[Evidence, ...] = (),
    ) -> list:
        """A host read completely; `phase` None: the guest is registered there and does not run."""
        relations = [on(MACHINE, HOSTS[name], phase)] if phase is not None else []
        seen = [entity(HOSTS[name], ""), entity(MACHINE, "", state)]
        return self.see(at, seen, relations, conditions, evidence, source="fleet", covers=Whole(name))

    def empty(self, at: float, name: str) -> list:
        return self.see(at, [entity(HOSTS[name], "")], source="fleet", covers=Whole(name))

    def conditions(self) -> set[ConditionKind]:
        return {alarm.condition for alarm in self.snapshot.active_alarms()}


def both_read() -> Fleet:
    fleet = Fleet()
    fleet.host(0, "a")
    fleet.empty(0, "b")
    return fleet


def test_two_hosts_that_both_go_on_saying_so_are_a_conflict():
    fleet = both_read()
    fleet.host(20, "b")
    assert fleet.wait(39) == []
    fleet.host(40, "a")
    assert told(fleet.wait(46)) == [("conflict_raised", "guest", None, None)]
    assert fleet.place(MACHINE) == "a"


def test_what_runs_elsewhere_while_its_host_is_silent_has_failed_over_and_that_is_not_sure():
    fleet = both_read()
    for at in (20, 40, 60, 70):
        fleet.host(at, "b")
    silent, event = fleet.events
    assert told([silent, event]) == [("stale_raised", "a", None, None), ("relocation", "guest", "a", "b")]
    assert (event.cause, event.evidence) == (Cause.FAILOVER, ("old host unverified",))
    assert T0 + 60 * SECOND < event.at <= T0 + 70 * SECOND
    assert told(fleet.wait(90)) == [("finding_raised", "guest", None, None)]
    assert fleet.conditions() == {ConditionKind.PLACEMENT_UNCERTAIN, ConditionKind.SOURCE_STALE}
    back = [("stale_cleared", "a", None, None), ("finding_cleared", "guest", None, None)]
    assert told(fleet.empty(91, "a")) == back


def test_how_long_silence_is_says_the_setting():
    fleet = both_read()
    fleet.settle_times = replace(fleet.settle_times, stale_intervals=10)
    for at in (20, 40, 60, 71, 90):
        fleet.host(at, "b")
    assert fleet.events == []


def test_the_silent_host_that_comes_back_and_still_runs_it_is_a_conflict():
    fleet = both_read()
    for at in (20, 40, 60, 80):
        fleet.host(at, "b")
    fleet.wait(90)
    fleet.host(91, "a")
    fleet.host(95, "b")
    assert fleet.wait(101)
    assert fleet.conditions() == {ConditionKind.PLACEMENT_CONFLICT}


def test_a_silent_host_that_is_known_to_be_lost_leaves_no_doubt():
    fleet = both_read()
    for at in (20, 40, 60, 80):
        fleet.host(at, "b")
    fleet.wait(90)
    lost = (Evidence(EvidenceKind.HOST_LOST, "a", at=T0 + 85 * SECOND),)
    assert told(fleet.host(100, "b", evidence=lost)) == [("finding_cleared", "guest", None, None)]


def test_a_scope_that_is_read_again_after_a_long_time_is_not_silent():
    fleet = both_read()
    fleet.host(1000, "b")
    assert fleet.place(MACHINE) == "b"


def test_a_registration_left_behind_changes_nothing():
    fleet = both_read()
    fleet.host(10, "b", Phase.TRANSITIONAL)
    fleet.host(20, "a", None, EntityState.STOPPED)
    fleet.host(21, "b")
    crashed = ObservedCondition(ConditionKind.CRASHED, MACHINE)
    fleet.host(30, "b", conditions=(crashed,))
    for at in (31, 41, 51):
        fleet.host(at, "a", None, EntityState.STOPPED)
    assert fleet.get(MACHINE).state is EntityState.RUNNING
    assert told(fleet.events) == [("relocation", "guest", "a", "b"), ("failure_raised", "guest", None, None)]
    fleet.empty(60, "a")
    assert fleet.get(MACHINE).index
    assert told(fleet.host(61, "b")) == [("failure_cleared", "guest", None, None)]


def test_starting_there_while_it_runs_here_is_not_stopped():
    fleet = both_read()
    fleet.host(1, "b", Phase.TRANSITIONAL)
    assert fleet.place(MACHINE) == "a"


def test_an_end_that_nobody_has_described_stays_until_nothing_names_it():
    house = House()
    pool = NativeKey(EntityKind.STORAGE_POOL, "pool")
    uses = ObservedRelation(RelationKind.USES_STORAGE, MACHINE, pool)
    house.see(0, [entity(MACHINE, "")], [uses], covers=Whole("a"))
    index = house.get(pool).index
    house.see(1, [entity(MACHINE, "")], [uses], covers=Whole("a"))
    assert house.get(pool).index == index
    house.see(2, [entity(MACHINE, "")], covers=Whole("a"))
    assert house.snapshot.named("pool") == ()
    house.see(3, [entity(pool, "")], covers=Whole(""))
    assert house.get(pool).index == index


# -- records that are one thing ----------------------------------------------------------------------------------


def merged() -> tuple[House, int]:
    house = House()
    house.see(0, [entity(MACHINE, "", aliases=MAC)], source="fleet")
    house.see(1, [entity(vm("twin"), "", aliases=MAC)], source="other")
    return house, house.get(MACHINE).index


def test_the_oldest_record_that_is_gone_for_a_while_leaves_its_index_to_the_entity():
    house, index = merged()
    house.see(2, [], source="fleet")
    (shown,) = house.snapshot.all_entities(kind=EntityKind.VM)
    assert (shown.index, shown.name) == (index, "twin")
    house.see(3, [entity(MACHINE, "", aliases=MAC)], source="fleet")
    (shown,) = house.snapshot.all_entities(kind=EntityKind.VM)
    assert (shown.index, shown.sources) == (index, ("fleet", "other"))


def test_an_alarm_follows_its_record_through_an_un_merge_and_is_cleared_there():
    house, index = merged()
    twin = entity(vm("twin"), "", aliases=MAC)
    crashed = ObservedCondition(ConditionKind.CRASHED, vm("twin"))
    house.see(2, [twin], conditions=[crashed], source="other")
    (raised,) = house.wait(20)
    assert raised.entity.index == index
    apart = Link("fleet/vm/guest", "other/vm/twin", same=False)
    events = house.see(30, [], source="facts", links=(apart,))
    assert [event.kind.value for event in events] == ["failure_cleared", "failure_raised"]
    assert (events[0].alarm_key, events[1].entity.name) == (raised.alarm_key, "twin")
    assert [e.alarm_key for e in house.see(40, [twin], source="other")] == [events[1].alarm_key]


def test_a_vm_that_two_layers_place_is_no_conflict_and_the_nearer_layer_has_the_word():
    house = House()
    n1, n2, starter = node("n1"), node("n2"), resource("guest")
    managed = ObservedRelation(RelationKind.MANAGED_BY, MACHINE, starter)

    def cluster(at: float, where: NativeKey) -> list:
        things = [entity(n1, ""), entity(n2, ""), entity(starter), entity(MACHINE, "", aliases=MAC)]
        return house.see(at, things, [on(starter, where), on(MACHINE, where), managed], source="cluster")

    def fleet(at: float, where: str) -> list:
        hosts = [entity(host, "") for host in HOSTS.values()]
        return house.see(
            at, [*hosts, entity(vm("uuid"), "", aliases=MAC)], [on(vm("uuid"), HOSTS[where])], source="fleet"
        )

    cluster(0, n1)
    fleet(1, "a")
    assert house.wait(60) == []
    assert told(fleet(61, "b")) == [("relocation", "guest", "a", "b")]
    assert house.place(MACHINE) == "b"


# -- groups ------------------------------------------------------------------------------------------------------

APP, IP, FS = resource("app"), resource("ip"), resource("fs")
NODES = [node("n1"), node("n2")]


def group(*relations: ObservedRelation, members: tuple[NativeKey, ...] = (IP, FS)) -> tuple[list, list]:
    parts = [ObservedRelation(RelationKind.PART_OF, member, APP) for member in members]
    return [*(entity(n, "") for n in NODES), entity(APP, "group"), entity(IP), entity(FS)], [*parts, *relations]


def test_a_member_that_stopped_before_its_move_was_told_is_told_when_it_runs_there_again():
    house = House()
    house.see(0, *group(on(IP, NODES[0]), on(FS, NODES[0])))
    house.see(1, *group(on(IP, NODES[1])))
    house.see(2, *group())
    assert house.wait(60) == []
    house.see(70, *group(on(IP, NODES[1]), on(FS, NODES[1])))
    (event,) = house.events
    assert told([event]) == [("relocation", "app", "n1", "n2")]
    assert len(event.members) == 2


def test_a_member_that_leaves_its_group_before_its_move_was_told_is_told_by_itself():
    house = House()
    house.see(0, *group(on(IP, NODES[0]), on(FS, NODES[0])))
    house.see(1, *group(on(IP, NODES[1]), on(FS, NODES[0], Phase.TRANSITIONAL)))
    house.see(2, *group(on(IP, NODES[1]), on(FS, NODES[0], Phase.TRANSITIONAL), members=(FS,)))
    assert told(house.events) == [("relocation", "ip", "n1", "n2")]


def test_a_vm_that_is_a_member_of_a_group_is_told_by_the_group():
    house = House()
    managed = ObservedRelation(RelationKind.MANAGED_BY, MACHINE, FS)
    for at, where in enumerate(NODES):
        things, relations = group(on(IP, where), on(FS, where), on(MACHINE, where), managed)
        house.see(at, [*things, entity(MACHINE, "")], relations)
    assert told(house.events) == [("relocation", "app", "n1", "n2")]
    assert [e.entity.kind for e in house.events if not e.notify] == [EntityKind.VM]


def test_a_host_that_was_merged_while_something_was_stopped_on_it_is_still_the_same_host():
    house = House()
    web, host = resource("web"), node("n1")
    see = lambda at, *relations: house.see(at, [entity(host, "", aliases=MAC), entity(web)], relations)  # noqa: E731
    house.see(0, [replace(entity(host, "", aliases=MAC), name="n1.other")], source="older")
    house.see(0, [entity(host, ""), entity(web)], [on(web, host)])
    house.see(1, [entity(host, ""), entity(web)])
    see(2)
    assert see(3, on(web, host)) == []
    assert house.events == []
