"""How grave relocations are told to be."""

import pytest

from gateway.model.conditions import Severity
from gateway.model.entities import EntityKind, EntityRef
from gateway.model.events import RELOCATIONS, Cause, Event, EventKind
from gateway.model.observations import Evidence, EvidenceKind, ObservedRelation, Whole
from gateway.topology.severities import graded
from tests.topology.house import House, entity, node, on, resource

WEB, A, B = resource("web"), node("alpha"), node("beta")


def event(kind: EventKind, cause: Cause | None, *, planned: bool = False) -> Event:
    web = EntityRef(1, "id", EntityKind.HA_RESOURCE, "web", "lab", "web")
    return Event("id", 0, kind, web, "lab", cause=cause, planned=planned)


@pytest.mark.parametrize("kind", sorted(RELOCATIONS))
@pytest.mark.parametrize("cause", list(Cause))
def test_a_relocation_is_minor_when_it_repaired_a_failure_and_else_a_warning(kind: EventKind, cause: Cause):
    repaired = cause in (Cause.FAILOVER, Cause.RECOVERY)
    assert graded(event(kind, cause)).severity is (Severity.MINOR if repaired else Severity.WARNING)
    assert graded(event(kind, cause, planned=True)).severity is Severity.WARNING


def test_alarms_keep_the_severity_of_their_rule():
    for kind in set(EventKind) - RELOCATIONS:
        assert graded(event(kind, None)) == event(kind, None)


def test_what_is_told_and_what_later_evidence_amends_is_graded():
    house = House()

    def see(at_s: float, *relations: ObservedRelation, evidence: tuple[Evidence, ...] = ()):
        return house.see(at_s, [entity(A, ""), entity(B, ""), entity(WEB)], relations, (), evidence, covers=Whole())

    see(0, on(WEB, A))
    (moved,) = see(1, on(WEB, B))
    assert (moved.cause, moved.severity) == (Cause.BALANCING, Severity.WARNING)
    see(2, on(WEB, B), evidence=(Evidence(EvidenceKind.HOST_LOST, "alpha"),))
    assert [(better.cause, better.severity) for better in house.amended] == [(Cause.FAILOVER, Severity.MINOR)]
