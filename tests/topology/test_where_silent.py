"""Where something is whose host has not answered: where it was last seen, and the alarm that says so."""

import pytest

from gateway.app.commands_ask import PLACED
from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.observations import ScopeFailure
from gateway.model.rows import Source, SourceState
from gateway.topology.hops import HopState, Where, WhereStatus
from gateway.topology.lookup import resolve
from gateway.topology.revise import register_source, scope_failed
from gateway.topology.where import where
from tests.topology.house import T0, House
from tests.topology.layers import Cluster, Fleet, hypervisor

SAID = "; h1 of source fleet has not answered since 2023-11-14T22:13:50Z"


def estate(silent: tuple[str, ...] = ("h1",)) -> House:
    """v1 and the node n1 run on h1, v2 on h2; web on n1. The hosts `silent` do not answer from second 30 on."""
    house = House()
    ids = iter(f"source-{number}" for number in range(99))
    row = Source(0, "", "fleet", "libvirt", SourceState.OK, 60 * SECOND)
    house.snapshot, _ = register_source(house.snapshot, row, T0, lambda: next(ids))
    fleet = Fleet(house, ("h1", "h2"), ("v1", "v2", "n1"))
    for name, host in {"v1": "h1", "n1": "h1", "v2": "h2"}.items():
        fleet.run(name, host)
    cluster = Cluster(house, ("n1",), machines={"n1": "n1"})
    cluster.run("web", "n1")
    fleet.read(0)
    cluster.read(0)
    for host in silent:
        failure = ScopeFailure("fleet", T0 + 30 * SECOND, host, "connection refused", hypervisor(host))
        house.snapshot, _ = scope_failed(house.snapshot, failure, house.settle_times, lambda: next(ids))
    house.wait(50)
    return house


def ask(house: House, name: str) -> Where:
    return where(house.snapshot, resolve(house.snapshot, name), T0 + 50 * SECOND)


def test_a_vm_of_a_silent_host_was_last_seen_there():
    answer = ask(estate(), "v1")
    assert answer.status is WhereStatus.LAST_KNOWN
    assert answer.status.value not in PLACED
    assert answer.said == "vm v1 was last seen on hypervisor h1 > physical_host h1" + SAID
    assert answer.below[0].state is HopState.LAST_KNOWN
    assert answer.below[0].notes[0].endswith(": this is where vm v1 was last")


def test_the_alarm_of_its_host_is_part_of_the_answer_once():
    (alarm,) = ask(estate(), "v1").alarms
    assert alarm.condition is ConditionKind.SOURCE_STALE
    assert alarm.detail == "h1"
    assert ask(estate(), "hypervisor:h1").alarms == (alarm,)


def test_what_a_host_that_answers_says_stands():
    answer = ask(estate(), "v2")
    assert (answer.status, answer.alarms) == (WhereStatus.PLACED, ())
    assert answer.said == "vm v2 runs on hypervisor h2 > physical_host h2"


def test_a_failure_that_has_not_lasted_is_no_silence():
    answer = ask(estate(silent=()), "v1")
    assert (answer.status, answer.alarms) == (WhereStatus.PLACED, ())


def test_the_fresh_word_of_a_cluster_stands_above_a_silent_host_whose_alarm_is_shown():
    (web,) = estate().snapshot.named("web")
    house = estate()
    answer = where(house.snapshot, web, T0 + 50 * SECOND)
    assert answer.status is WhereStatus.PLACED
    assert [alarm.detail for alarm in answer.alarms] == ["h1"]


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_when_all_are_silent_nothing_is_said_to_run(name: str):
    assert ask(estate(("h1", "h2")), name).status is WhereStatus.LAST_KNOWN
