"""Conditions become alarms when they hold, and end with the same key."""

from dataclasses import replace

from gateway.model.conditions import RULES, SECOND, ConditionKind, SettleTimes, alarm_detail, alarm_key
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import Evidence, EvidenceKind, Glimpse, Objects, ObservedCondition, ObservedRelation
from gateway.model.relations import Phase, RelationKind
from gateway.topology.revise import resume
from tests.topology.house import T0, House, entity, node, on, part_of, resource, told

A, B = node("alpha"), node("beta")
WEB = resource("web")
CLUSTER = NativeKey(EntityKind.HA_CLUSTER, "prod")
ALL = [entity(CLUSTER, ""), entity(A, ""), entity(B, ""), entity(WEB)]
BLOCKED = ObservedCondition(ConditionKind.BLOCKED, WEB, text="blocked", remedy="crm_resource --cleanup")


def test_every_condition_has_a_rule_and_a_settle_time():
    assert set(RULES) == set(ConditionKind)
    for rule in RULES.values():
        assert getattr(SettleTimes(), rule.settle) >= 0


def test_the_detail_of_a_key_is_what_the_key_was_made_with():
    for detail in ("", "h1", "h1:16509"):
        assert alarm_detail(alarm_key(ConditionKind.SOURCE_STALE, "some-id", detail)) == detail


def test_a_condition_is_raised_after_its_settle_time_and_cleared_with_the_same_key():
    house = House()
    assert house.see(0, ALL, [on(WEB, A)], [BLOCKED]) == []
    assert list(house.snapshot.active_alarms()) == []
    assert house.wait(9.99) == []
    (raised,) = house.wait(10)
    assert raised.at == T0 + 10 * SECOND
    assert raised.alarm_key == f"blocked:{house.get(WEB).id}"
    (cleared,) = house.see(20, ALL, [on(WEB, A)])
    assert (cleared.kind, cleared.alarm_key) == ("failure_cleared", raised.alarm_key)
    assert house.snapshot.alarm_keys.get(raised.alarm_key) is None


def test_a_condition_that_ends_before_its_settle_time_is_never_told():
    house = House()
    house.see(0, ALL, [on(WEB, A)], [BLOCKED])
    house.see(5, ALL, [on(WEB, A)])
    assert house.wait(1000) == []


def test_the_clock_does_not_run_while_the_manager_is_busy():
    house = House()
    busy = ObservedCondition(ConditionKind.EXHAUSTED, WEB, holding=False)
    idle = ObservedCondition(ConditionKind.EXHAUSTED, WEB)
    house.see(0, ALL, conditions=[idle])
    house.see(10, ALL, conditions=[busy])
    house.see(12, ALL, conditions=[idle])
    assert house.wait(26.9) == []
    assert [event.kind for event in house.wait(27)] == ["failure_raised"]
    assert house.see(30, ALL, conditions=[busy]) == []
    assert [event.kind for event in house.see(40, ALL)] == ["failure_cleared"]


def test_what_a_view_does_not_judge_stays():
    house = House()
    house.see(0, ALL, conditions=[BLOCKED])
    house.wait(10)
    assert house.see(11, ALL, judged=frozenset()) == []
    assert house.see(12, [entity(A, "")], covers=Objects(frozenset({A}))) == []
    quorum = ObservedCondition(ConditionKind.QUORUM_LOST, CLUSTER)
    house.see(13, ALL, conditions=[quorum], covers=Glimpse(), judged=frozenset({ConditionKind.QUORUM_LOST}))
    assert {event.condition for event in house.wait(60)} == {ConditionKind.QUORUM_LOST}
    assert len(list(house.snapshot.active_alarms())) == 2


def test_an_alarm_of_what_is_gone_is_cleared():
    house = House()
    house.see(0, ALL, conditions=[BLOCKED])
    house.wait(10)
    assert [event.kind for event in house.see(20, ALL[:3])] == ["failure_cleared"]


def test_active_on_two_hosts_is_a_conflict_when_it_lasts():
    house = House()
    house.see(0, ALL, [on(WEB, A)])
    assert house.see(1, ALL, [on(WEB, A), on(WEB, B)]) == []
    assert told(house.wait(6)) == [("conflict_raised", "web", None, None)]
    assert house.place(WEB) == "alpha"
    assert told(house.see(9, ALL, [on(WEB, A)])) == [("conflict_cleared", "web", None, None)]


def test_a_failure_on_a_failed_host_is_linked_to_its_root_and_not_sent():
    house = House()
    fence = ObservedCondition(ConditionKind.FENCING_FAILED, A)
    house.see(0, ALL, [on(WEB, A)], [fence])
    (root,) = house.wait(10)
    house.see(11, ALL, [on(WEB, A)], [fence, BLOCKED])
    (consequence,) = house.wait(60)
    assert (consequence.caused_by, consequence.notify) == (root.id, False)


def orphaned() -> House:
    """A node fails, then what runs there, which is not told; then the node is well, at 40 s."""
    house = House()
    fence = ObservedCondition(ConditionKind.FENCING_FAILED, A)
    house.see(0, ALL, [on(WEB, A)], [fence])
    house.wait(10)
    house.see(11, ALL, [on(WEB, A)], [fence, BLOCKED])
    house.wait(30)
    house.see(40, ALL, [on(WEB, A)], [BLOCKED])
    return house


def test_a_failure_that_outlives_its_root_is_told_and_its_end_as_well():
    house = orphaned()
    assert house.wait(54.9) == []
    (raised,) = house.wait(55)
    assert (raised.kind, raised.notify, raised.caused_by) == ("failure_raised", True, "")
    assert raised.text == "web: blocked; still so after the failure that it followed from has ended"
    (alarm,) = house.snapshot.active_alarms()
    assert (alarm.key, alarm.event_id, alarm.text) == (raised.alarm_key, raised.id, "blocked")
    assert house.wait(4000) == []
    (cleared,) = house.see(5000, ALL, [on(WEB, A)])
    assert (cleared.kind, cleared.notify, cleared.ends) == ("failure_cleared", True, raised.id)


def test_of_two_that_outlive_their_root_the_lower_one_is_told():
    house = House()
    quorum = ObservedCondition(ConditionKind.QUORUM_LOST, CLUSTER)
    fence = ObservedCondition(ConditionKind.FENCING_FAILED, A)
    relations = [on(WEB, A), *(ObservedRelation(RelationKind.MEMBER_OF, each, CLUSTER) for each in (A, WEB))]
    house.see(0, ALL, relations, [quorum])
    house.wait(10)
    house.see(11, ALL, relations, [quorum, BLOCKED, fence])
    assert [event.notify for event in house.wait(30)] == [False, False]
    house.see(40, ALL, relations, [BLOCKED, fence])
    node, web = house.wait(60)
    assert (node.entity.name, node.notify) == ("alpha", True)
    assert (web.entity.name, web.caused_by) == ("web", node.id)


def test_what_ends_soon_after_its_root_is_not_told():
    house = orphaned()
    (cleared,) = house.see(50, ALL, [on(WEB, A)])
    assert (cleared.kind, cleared.notify) == ("failure_cleared", False)
    assert house.wait(4000) == []


def test_what_outlives_its_root_follows_from_the_next_one():
    house = orphaned()
    fence = ObservedCondition(ConditionKind.FENCING_FAILED, A)
    house.see(41, ALL, [on(WEB, A)], [fence, BLOCKED])
    root, again = house.wait(60)
    assert (root.notify, again.notify, again.caused_by) == (True, False, root.id)
    house.see(70, ALL, [on(WEB, A)], [BLOCKED])
    (told_now,) = house.wait(90)
    assert told_now.notify


def test_a_restart_neither_loses_nor_doubles_what_outlives_its_root():
    house = orphaned()
    house.snapshot = resume(replace(house.snapshot, pending={}), T0 + 50 * SECOND, SettleTimes(), lambda: "unused")
    (raised,) = house.wait(65)
    assert raised.notify
    house.snapshot = resume(replace(house.snapshot, pending={}), T0 + 70 * SECOND, SettleTimes(), lambda: "unused")
    assert house.wait(4000) == []


def test_a_text_that_changes_is_no_event():
    house = House()
    house.see(0, ALL, conditions=[BLOCKED])
    house.wait(10)
    worse = ObservedCondition(ConditionKind.BLOCKED, WEB, text="still blocked", remedy="look")
    assert house.see(20, ALL, conditions=[worse]) == []
    assert [alarm.text for alarm in house.snapshot.active_alarms()] == ["still blocked"]


def test_a_group_waits_for_nobody_who_is_no_member():
    house = House()
    app, member = resource("app"), resource("app-ip")
    entities = [*ALL, entity(app, "group"), entity(member)]
    house.see(0, entities, [on(member, A), part_of(member, app)])
    assert told(house.see(1, entities, [on(member, B), part_of(member, app)])) == [
        ("relocation", "app", "alpha", "beta")
    ]


def test_what_leaves_a_failed_host_follows_from_its_failure_also_just_after_it_ended():
    house = House()
    fence = ObservedCondition(ConditionKind.FENCING_FAILED, A)
    lost = [Evidence(EvidenceKind.HOST_LOST, "alpha")]
    house.see(0, ALL, [on(WEB, A, Phase.LAST_KNOWN)], [fence], lost)
    (root,) = house.wait(10)
    house.see(60, ALL, evidence=lost)
    (moved,) = house.see(61, ALL, [on(WEB, B)], evidence=lost)
    assert moved.caused_by == root.id
