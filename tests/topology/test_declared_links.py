"""Links that a person declared: they hold whenever their ends appear, and do not hide a source's own names."""

import pytest

from gateway.model.entities import DECLARED, EntityKind, EntityState, NativeKey
from gateway.model.errors import AmbiguousName
from gateway.model.events import Cause
from gateway.model.observations import Evidence, EvidenceKind, Link, ObservedRelation
from gateway.model.relations import RelationKind
from gateway.topology.impact import impact
from gateway.topology.lookup import resolve
from tests.topology.house import House, entity, node, on, resource, told, vm

WEB, N1, N2 = resource("web"), node("n1"), node("n2")


def stand_in(key: NativeKey, *, source: str = "lab") -> tuple[NativeKey, Link]:
    """What a declared file says to name another source's record."""
    end = f"{source}/{key.kind}/{key.native}"
    return NativeKey(key.kind, end), Link(f"facts/{key.kind}/{end}", end, same=True)


def test_a_thing_that_appears_after_it_was_declared_is_shown_as_one_with_its_stand_in():
    house = House()
    key, link = stand_in(WEB)
    house.see(0, [entity(key, "", EntityState.UNKNOWN, contact="web team")], source="facts", links=(link,))
    assert house.get(key).state is EntityState.UNKNOWN
    house.see(1, [entity(WEB), entity(N1)], [on(WEB, N1)])
    web = house.get(WEB)
    assert (web.sources, web.state) == (("facts", "lab"), EntityState.RUNNING)
    assert web.attributes["contact"] == "web team"
    assert house.place(WEB) == "n1"


def test_a_thing_that_was_gone_and_comes_back_is_one_with_its_stand_in_again():
    house = House()
    key, link = stand_in(WEB)
    house.see(0, [entity(key, "", EntityState.UNKNOWN)], source="facts", links=(link,))
    house.see(1, [entity(WEB), entity(N1)], [on(WEB, N1)])
    index = house.get(WEB).index
    house.see(2, [entity(N1)])
    house.see(3, [entity(WEB), entity(N1)], [on(WEB, N1)])
    assert house.get(WEB).index == index
    assert house.get(WEB).sources == ("facts", "lab")


def test_a_link_that_is_declared_before_both_ends_are_there_keeps_them_apart_or_joins_them():
    house = House()
    ends = f"one/{WEB.kind}/web", f"two/{WEB.kind}/web"
    house.see(0, [], source="facts", links=(Link(*ends, same=True),))
    house.see(1, [entity(WEB)], source="one")
    house.see(2, [entity(WEB)], source="two")
    assert house.get(WEB).sources == ("one", "two")


def test_the_cause_of_a_move_is_found_when_the_host_was_declared_before_its_source_was_read():
    house = House()
    key, link = stand_in(N1)
    house.see(0, [entity(key, "", EntityState.UNKNOWN, runbook="r")], source="facts", links=(link,))
    house.see(1, [entity(WEB), entity(N1), entity(N2)], [on(WEB, N1)])
    lost = Evidence(EvidenceKind.HOST_LOST, "n1", text="node n1 is offline")
    events = house.see(2, [entity(WEB), entity(N1), entity(N2)], [on(WEB, N2)], evidence=[lost])
    assert told(events) == [("relocation", "web", "n1", "n2")]
    assert events[0].cause is Cause.FAILOVER
    assert house.get(N1).kind is EntityKind.HA_NODE


def test_what_a_message_offers_is_reached_when_the_name_of_one_is_what_a_source_calls_another():
    house = House()
    house.see(0, [entity(vm("db"), ""), entity(vm("web"), "")], source="fleet")
    old, new = house.get(vm("db")), house.get(vm("web"))
    renamed = [entity(vm(name), DECLARED) for name in ("shop", "db")]
    ends = {"shop": "db", "db": "web"}
    links = tuple(Link(f"facts/vm/{name}", f"fleet/vm/{was}", same=True) for name, was in ends.items())
    house.see(1, renamed, source="facts", links=links)
    with pytest.raises(AmbiguousName, match="may mean 2 things: vm:shop, vm:db"):
        resolve(house.snapshot, "db")
    assert [resolve(house.snapshot, name).index for name in ("vm:shop", "vm:db")] == [old.index, new.index]


def test_what_depends_on_a_name_that_no_source_shows_is_a_blind_spot_until_one_does():
    house, shop = House(), NativeKey(EntityKind.SERVICE, "shop")
    key, link = stand_in(WEB)
    declared = [entity(shop, DECLARED, EntityState.UNKNOWN), entity(key, "", EntityState.UNKNOWN)]
    needs = ObservedRelation(RelationKind.DEPENDS_ON, shop, key)
    house.see(0, declared, [needs], source="facts", links=(link,))
    house.see(1, [entity(N1), entity(N2)])

    def without(name: str) -> tuple[str, ...]:
        return impact(house.snapshot, [resolve(house.snapshot, name)], house.snapshot.at).blind_spots

    said = "service shop depends on lab/ha_resource/web, which no source shows: may be affected, or not"
    assert said in without("n1")
    house.see(2, [entity(N1), entity(N2), entity(WEB)], [on(WEB, N1)])
    assert said not in without("n1") + without("n2")
