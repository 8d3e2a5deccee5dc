"""What is a relocation, and what is not (design: domain, Relocation)."""

from gateway.model.conditions import Severity
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.events import Cause
from gateway.model.observations import Evidence, EvidenceKind, Glimpse, Objects, ObservedRelation, Whole
from gateway.model.relations import Arrival, Phase, RelationKind
from tests.topology.house import House, entity, node, on, part_of, resource, told, vm

A, B, C = node("alpha"), node("beta"), node("gamma")
WEB = resource("web")
NODES = [entity(A, ""), entity(B, ""), entity(C, "")]


def seen(*relations: ObservedRelation) -> tuple[list, list]:
    return [*NODES, entity(WEB)], list(relations)


def test_the_first_placement_is_no_event():
    house = House()
    assert house.see(0, *seen(on(WEB, A))) == []
    assert house.place(WEB) == "alpha"


def test_a_move_is_told_when_it_is_stable_on_the_other_host():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    assert house.see(1, *seen(on(WEB, B, Phase.TRANSITIONAL))) == []
    assert told(house.see(2, *seen(on(WEB, B)))) == [("relocation", "web", "alpha", "beta")]
    assert house.see(3, *seen(on(WEB, B))) == []


def test_stopped_in_between_only_delays_without_a_time_limit():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    assert house.see(1, *seen()) == []
    assert house.place(WEB) is None
    assert told(house.see(100_000, *seen(on(WEB, B)))) == [("relocation", "web", "alpha", "beta")]


def test_a_stop_and_a_start_on_the_same_host_are_no_event():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    house.see(1, *seen())
    assert house.see(2, *seen(on(WEB, A))) == []
    assert house.place(WEB) == "alpha"


def test_two_hosts_during_a_live_migration_are_not_judged():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    both = seen(on(WEB, A, Phase.TRANSITIONAL), on(WEB, B, Phase.TRANSITIONAL))
    assert house.see(1, *both) == []
    assert house.place(WEB) == "alpha"
    (event,) = house.see(2, *seen(on(WEB, B, arrival=Arrival.LIVE)))
    assert event.live


def test_what_was_on_a_lost_host_has_failed_over_from_there():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    lost = [Evidence(EvidenceKind.HOST_LOST, "alpha")]
    house.see(1, *seen(on(WEB, A, Phase.LAST_KNOWN)), evidence=lost)
    assert house.snapshot.placement(house.get(WEB)).certain is False
    house.see(2, *seen())
    (event,) = house.see(3, *seen(on(WEB, B)))
    assert (event.cause, event.planned) == (Cause.FAILOVER, False)


def test_a_first_view_with_an_unclean_host_counts_as_its_place():
    house = House()
    house.see(0, *seen(on(WEB, A, Phase.LAST_KNOWN)), evidence=[Evidence(EvidenceKind.HOST_LOST, "alpha")])
    (event,) = house.see(3, *seen(on(WEB, B)))
    assert told([event]) == [("relocation", "web", "alpha", "beta")]
    assert event.cause is Cause.FAILOVER


def test_an_old_failure_is_history_and_a_new_one_is_the_cause():
    failed = Evidence(EvidenceKind.FAILED_ON, "alpha", WEB, "old")
    house = House()
    house.see(0, *seen(on(WEB, A)), evidence=[failed])
    (event,) = house.see(100, *seen(on(WEB, B)), evidence=[failed])
    assert event.cause is Cause.BALANCING
    again = Evidence(EvidenceKind.FAILED_ON, "beta", WEB, "new")
    (event,) = house.see(200, *seen(on(WEB, C)), evidence=[failed, again])
    assert event.cause is Cause.RECOVERY


def test_standby_makes_it_an_evacuation_and_a_wish_the_administrators():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    (event,) = house.see(1, *seen(on(WEB, B)), evidence=[Evidence(EvidenceKind.HOST_DRAINED, "alpha")])
    assert (event.cause, event.planned) == (Cause.EVACUATION, True)
    wish = Evidence(EvidenceKind.REQUESTED, "gamma", WEB, "cli-prefer-web")
    (event,) = house.see(2, *seen(on(WEB, C)), evidence=[wish])
    assert (event.cause, event.planned) == (Cause.ADMINISTRATOR, True)


def test_later_evidence_amends_the_log_and_tells_nothing_again():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    house.see(1, *seen(on(WEB, B)))
    wish = Evidence(EvidenceKind.REQUESTED, "beta", WEB, "cli-prefer-web")
    assert house.see(2, *seen(on(WEB, B)), evidence=[wish]) == []
    assert [event.cause for event in house.amended] == [Cause.ADMINISTRATOR]


def test_that_a_host_is_lost_later_is_not_the_cause_of_what_left_it_live():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    (moved,) = house.see(1, *seen(on(WEB, B, arrival=Arrival.LIVE)))
    assert moved.live
    house.see(60, *seen(on(WEB, B)), evidence=[Evidence(EvidenceKind.HOST_LOST, "alpha")])
    assert house.amended == ()


def test_a_failed_collection_of_less_than_everything_loses_nothing():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    assert house.see(1, [entity(A, "")], covers=Objects(frozenset({A}))) == []
    assert house.place(WEB) == "alpha"
    assert house.see(2, [entity(B, "")], [on(WEB, B)], covers=Glimpse()) == []
    assert house.place(WEB) == "alpha"


def test_a_glimpse_adds_what_was_unknown_as_last_known():
    house = House()
    assert house.see(0, *seen(on(WEB, A)), covers=Glimpse()) == []
    assert house.snapshot.placement(house.get(WEB)).certain is False
    assert told(house.see(1, *seen(on(WEB, B)))) == [("relocation", "web", "alpha", "beta")]


APP = resource("app")
MEMBERS = [resource("app-ip"), resource("app-fs"), resource("app-db")]


def group(*relations: ObservedRelation) -> tuple[list, list]:
    members = [entity(member) for member in reversed(MEMBERS)]
    inside = [part_of(member, APP, position=number) for number, member in enumerate(MEMBERS)]
    return [*NODES, entity(APP, "group"), *members], [*inside, *relations]


def test_a_group_is_one_event_when_all_members_are_stable():
    house = House()
    house.see(0, *group(*(on(m, A) for m in MEMBERS)))
    house.see(1, *group())
    assert house.see(2, *group(on(MEMBERS[0], B))) == []
    (event,) = house.see(3, *group(*(on(m, B) for m in MEMBERS)))
    assert told([event]) == [("relocation", "app", "alpha", "beta")]
    assert [member.name for member in event.members] == ["app-ip", "app-fs", "app-db"]
    assert house.wait(100) == []


def test_a_group_of_which_a_member_stays_down_is_told_after_ten_seconds():
    house = House()
    house.see(0, *group(*(on(m, A) for m in MEMBERS)))
    house.see(2, *group(on(MEMBERS[0], B)))
    (event,) = house.wait(60)
    assert event.at == house.snapshot.at
    assert [member.name for member in event.members] == ["app-ip"]
    (late,) = [e for e in house.see(70, *group(*(on(m, B) for m in MEMBERS))) if e.notify]
    assert [member.name for member in late.members] == ["app-fs", "app-db"]


def test_members_that_went_to_two_hosts_are_two_events():
    house = House()
    house.see(0, *group(*(on(m, A) for m in MEMBERS)))
    events = house.see(1, *group(on(MEMBERS[0], B), on(MEMBERS[1], C), on(MEMBERS[2], C)))
    assert [(e.new_host.name, len(e.members)) for e in events] == [("beta", 1), ("gamma", 2)]


def test_a_member_that_is_back_before_the_group_is_told_has_not_moved():
    house = House()
    house.see(0, *group(*(on(m, A) for m in MEMBERS)))
    house.see(1, *group(on(MEMBERS[0], B)))
    house.see(2, *group(*(on(m, A) for m in MEMBERS)))
    assert house.wait(100) == []
    assert house.events == []


DB = resource("db-clone")


def promotable(*relations: ObservedRelation) -> tuple[list, list]:
    return [*NODES, entity(DB, "promotable")], list(relations)


def test_a_promotion_elsewhere_is_a_role_relocation():
    house = House()
    house.see(0, *promotable(on(DB, A, role="promoted"), on(DB, B, role="unpromoted")))
    assert house.see(1, *promotable(on(DB, A, role="unpromoted"), on(DB, B, role="unpromoted"))) == []
    (event,) = house.see(2, *promotable(on(DB, A, role="unpromoted"), on(DB, B, role="promoted")))
    assert told([event]) == [("role_relocation", "db-clone", "alpha", "beta")]
    assert event.cause is Cause.PROMOTION_CHANGE


def test_instances_of_a_clone_come_and_go_without_events():
    house = House()
    clone = resource("agent-clone")
    entities = [*NODES, entity(clone, "clone")]
    house.see(0, entities, [on(clone, A), on(clone, B)])
    assert house.see(1, entities, [on(clone, B), on(clone, C)]) == []


def test_a_vm_and_the_resource_that_it_is_are_told_once():
    house = House()
    machine, starter = vm("guest"), resource("guest")
    entities = [*NODES, entity(machine, ""), entity(starter)]
    managed = ObservedRelation(RelationKind.MANAGED_BY, machine, starter)
    house.see(0, entities, [on(machine, A), on(starter, A), managed])
    events = house.see(1, entities, [on(machine, B), on(starter, B), managed])
    (main,) = [event for event in events if event.notify]
    (second,) = [event for event in events if not event.notify]
    assert (main.entity.kind, second.entity.kind) == (EntityKind.VM, EntityKind.HA_RESOURCE)
    assert second.caused_by == main.id


def test_a_vm_carries_what_runs_in_it():
    house = House()
    host_a, host_b = NativeKey(EntityKind.PHYSICAL_HOST, "a"), NativeKey(EntityKind.PHYSICAL_HOST, "b")
    machine, guest = vm("guest"), NativeKey(EntityKind.GUEST_OS, "guest-os")
    entities = [entity(host_a, ""), entity(host_b, ""), entity(machine, ""), entity(guest, ""), *NODES, entity(WEB)]
    inside = [on(guest, machine), on(A, guest), on(WEB, A)]
    house.see(0, entities, [on(machine, host_a), *inside])
    events = house.see(1, entities, [on(machine, host_b), *inside])
    (main,) = [event for event in events if event.notify]
    assert (main.entity.name, main.carried) == ("guest", 1)
    assert [(e.entity.name, e.caused_by) for e in events if not e.notify] == [("web", main.id)]


def test_a_thing_that_one_scope_lost_and_another_has_keeps_its_index():
    house = House()
    machine = vm("guest")
    hosts = {name: NativeKey(EntityKind.HYPERVISOR, name) for name in ("a", "b")}
    house.see(0, [entity(hosts["a"], ""), entity(machine, "")], [on(machine, hosts["a"])], covers=Whole("a"))
    house.see(0, [entity(hosts["b"], "")], covers=Whole("b"))
    index = house.get(machine).index
    house.see(1, [entity(hosts["b"], ""), entity(machine, "")], [on(machine, hosts["b"])], covers=Whole("b"))
    events = house.see(2, [entity(hosts["a"], "")], covers=Whole("a"))
    assert told(house.events) == [("relocation", "guest", "a", "b")]
    assert house.get(machine).index == index
    assert events == house.events


def test_what_is_gone_keeps_its_index_when_it_comes_back():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    index = house.get(WEB).index
    house.see(1, NODES)
    assert house.snapshot.named("web") == ()
    house.see(2, *seen(on(WEB, A)))
    assert house.get(WEB).index == index


def test_a_failed_live_migration_is_told_when_the_thing_stayed():
    house = House()
    house.see(0, *seen(on(WEB, A)))
    failed = Evidence(EvidenceKind.MIGRATION_FAILED, "alpha", WEB, "1")
    house.see(1, *seen(on(WEB, A, Phase.TRANSITIONAL)), evidence=[failed])
    (event,) = house.see(2, *seen(on(WEB, A)), evidence=[failed])
    assert told([event]) == [("migration_failed", "web", "alpha", None)]
    assert event.severity is Severity.WARNING
    assert event.remedy
    assert house.see(3, *seen(on(WEB, A)), evidence=[failed]) == []


def test_the_state_of_an_entity_is_the_sources():
    house = House()
    house.see(0, [*NODES, entity(WEB, state=EntityState.FAILED)], [on(WEB, A)])
    assert house.get(WEB).state is EntityState.FAILED


def test_a_host_that_is_back_is_shown_for_a_moment_with_what_it_ran_before_it_was_lost():
    lost = [Evidence(EvidenceKind.HOST_LOST, "alpha")]
    house = House()
    house.see(0, *seen(on(WEB, A)))
    house.see(4, *seen(on(WEB, A)), evidence=lost, covers=Glimpse())
    house.see(27, *seen(on(WEB, A, Phase.LAST_KNOWN)), evidence=lost)
    house.see(28, *seen(on(WEB, A)))
    house.see(29, *seen())
    (event,) = house.see(30, *seen(on(WEB, B)))
    assert event.cause is Cause.FAILOVER


def test_a_failure_of_an_earlier_stay_does_not_explain_why_it_left():
    """It failed on beta, went to alpha, is back on beta, and leaves it seconds later because beta is drained."""
    failed = [Evidence(EvidenceKind.FAILED_ON, "beta", WEB, "1")]
    house = House()
    house.see(0, *seen(on(WEB, B)))
    (recovered,) = house.see(10, *seen(on(WEB, A)), evidence=failed)
    house.see(11, *seen(on(WEB, B)), evidence=failed)
    (left,) = house.see(12, *seen(on(WEB, A)), evidence=[*failed, Evidence(EvidenceKind.HOST_DRAINED, "beta")])
    assert (recovered.cause, left.cause) == (Cause.RECOVERY, Cause.EVACUATION)
    house.see(13, *seen(on(WEB, A)), evidence=[Evidence(EvidenceKind.REQUESTED, "gamma", WEB, "1")])
    assert not house.amended


def test_a_group_that_waits_to_be_told_knows_since_when_it_had_been_where_it_was():
    failed = [Evidence(EvidenceKind.FAILED_ON, "beta", MEMBERS[0], "1")]
    house = House()
    house.see(0, *group(*(on(m, B) for m in MEMBERS)))
    house.see(10, *group(*(on(m, A) for m in MEMBERS)), evidence=failed)
    house.see(11, *group(*(on(m, B) for m in MEMBERS)), evidence=failed)
    house.see(12, *group(on(MEMBERS[0], A)), evidence=failed)
    house.see(13, *group(*(on(m, A) for m in MEMBERS)), evidence=failed)
    assert [event.cause for event in house.events] == [Cause.RECOVERY, Cause.BALANCING, Cause.BALANCING]
