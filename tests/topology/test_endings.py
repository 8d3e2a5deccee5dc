"""What the end of an alarm says: what is so now and after how long, never the words and the remedy of the failure."""

import pytest

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityState
from gateway.model.events import Event, EventKind
from gateway.model.observations import ObservedCondition
from gateway.model.relations import Phase
from gateway.topology.endings import _OVER
from tests.topology.house import House, on
from tests.topology.test_alarms import ALL, WEB, A, B
from tests.topology.test_crashes import crashed_on_a
from tests.topology.test_lost_hosts import UNCLEAN
from tests.topology.test_lost_hosts import estate as two_hosts

BLOCKED = ObservedCondition(ConditionKind.BLOCKED, WEB, text="web may not be started", remedy="clean it up")


def of_kind(events: list[Event], kind: EventKind) -> Event:
    (found,) = [event for event in events if event.kind is kind]
    return found


def test_every_condition_has_words_for_its_end():
    assert set(_OVER) == set(ConditionKind)


def test_a_crash_that_ended_elsewhere_says_where_the_vm_runs_and_for_how_long_it_did_not():
    house = crashed_on_a()
    house.wait(16)
    raised = of_kind(house.events, EventKind.FAILURE_RAISED)
    cleared = of_kind(house.host(26, "b", Phase.STABLE), EventKind.FAILURE_CLEARED)
    assert raised.text == "shop: the guest panicked"
    assert cleared.text == "shop runs again on b after 21 s"
    assert cleared.remedy == ""


def test_a_crash_that_ended_because_the_vm_was_stopped_does_not_say_that_it_runs():
    house = crashed_on_a()
    house.wait(16)
    cleared = of_kind(house.registered(26, "a"), EventKind.FAILURE_CLEARED)
    assert house.get_shop().state is EntityState.STOPPED
    assert cleared.text == "shop does not count as crashed any more after 21 s"


def test_a_lost_host_that_is_back_answers_again():
    it = two_hosts()
    it.fails(10)
    it.node_is(UNCLEAN, 13)
    (cleared,) = [e for e in it.fleet.read(60, "h1") if e.condition is ConditionKind.HOST_LOST]
    assert cleared.text.startswith("h1 answers again after ")
    assert cleared.remedy == ""


def test_what_is_gone_is_not_said_to_be_well():
    house = House()
    house.see(0, ALL, conditions=[BLOCKED])
    house.wait(10)
    (cleared,) = house.see(20, [one for one in ALL if one.key != WEB])
    assert (cleared.text, cleared.remedy) == ("web is gone after 20 s", "")


@pytest.mark.parametrize("back_on", [A, B])
def test_a_failure_and_its_end_name_the_host_where_it_ran_when_it_failed(back_on):
    house = House()
    house.see(0, ALL, [on(WEB, A)])
    house.see(1, ALL, [on(WEB, A)], [BLOCKED])
    (raised,) = house.wait(11)
    cleared = of_kind(house.see(20, ALL, [on(WEB, back_on)]), EventKind.FAILURE_CLEARED)
    for event in (raised, cleared):
        assert event.old_host == house.snapshot.ref(house.get(A).index)
        assert event.new_host is None


def test_a_failure_of_what_runs_on_nothing_else_names_no_host():
    it = two_hosts()
    it.fails(10)
    it.node_is(UNCLEAN, 13)
    assert it.the(EventKind.FAILURE_RAISED).old_host is None
