"""A host of a source that does not answer from the start: nothing is known of it, and the answers say why."""

import pytest

from gateway.model.entities import EntityKind, NativeKey
from gateway.model.errors import UnknownEntity
from gateway.model.observations import ObservedRelation, ScopeFailure
from gateway.model.relations import RelationKind
from gateway.topology.impact import impact
from gateway.topology.lookup import End, meaning, resolve
from gateway.topology.revise import scope_failed
from gateway.topology.scopes import unread
from tests.topology.house import T0, House, entity, node
from tests.topology.layers import hypervisor
from tests.topology.test_where_silent import SECOND, estate

SINCE = "2023-11-14T22:13:22Z"


def with_unread(*names: str, wait_s: int = 3) -> House:
    """h1 and h2 answer; the hosts `names` have not from second 2 on."""
    house = estate(silent=())
    ids = iter(f"unread-{number}" for number in range(99))
    for name in names:
        failure = ScopeFailure("fleet", T0 + 2 * SECOND, name, f"no route to {name}", hypervisor(name))
        house.snapshot, _ = scope_failed(house.snapshot, failure, house.settle_times, lambda: next(ids))
    house.wait(50 + wait_s)
    return house


@pytest.mark.parametrize("wait_s", [3, 60], ids=["it settles", "its alarm is raised"])
@pytest.mark.parametrize("name", ["h9", "H9", "hypervisor:h9"])
def test_the_name_of_a_host_that_was_never_read_says_which_source_has_it_and_why_it_fails(name: str, wait_s: int):
    view = with_unread("h9", wait_s=wait_s).snapshot
    with pytest.raises(UnknownEntity) as error:
        meaning(view, name, End.TOP)
    said = str(error.value)
    assert "source fleet has a part of that name" in said
    assert f"no read has succeeded since {SINCE}" in said
    assert said.endswith("no route to h9")


def test_another_unknown_name_is_no_part_of_a_source():
    with pytest.raises(UnknownEntity, match="Nothing resembles it"):
        resolve(with_unread("h9").snapshot, "zzzzzz")


def test_a_host_that_was_read_before_it_fell_silent_is_known():
    assert list(unread(estate(silent=("h1",)).snapshot)) == []


def test_an_impact_says_which_hosts_it_cannot_know_of():
    view = with_unread("h9", *(f"g{number}" for number in range(6))).snapshot
    answer = impact(view, [resolve(view, "hypervisor:h1")], T0 + 53 * SECOND)
    assert "source fleet has never read g0, g1, g2, g3, g4 and 2 more: what is there is not known" in answer.blind_spots


def test_what_others_call_by_the_name_of_a_host_that_was_never_read_is_not_that_host():
    house = with_unread("h9")
    rack, machine = NativeKey(EntityKind.RACK, "r1"), NativeKey(EntityKind.PHYSICAL_HOST, "h9")
    declared = [entity(rack, ""), entity(machine, "")]
    house.see(54, declared, [ObservedRelation(RelationKind.PART_OF, machine, rack)], source="facts")
    house.see(55, [entity(node("h9"), "member")], source="other")
    answer = impact(house.snapshot, [resolve(house.snapshot, "rack:r1")], T0 + 56 * SECOND)
    assert "source fleet has never read h9: what is there is not known" in answer.blind_spots
    with pytest.raises(UnknownEntity, match="source fleet has a part of that name"):
        resolve(house.snapshot, "hypervisor:h9")
