"""What is said of where something is: sentences for a person, and why a chain ends."""

from collections.abc import Iterable, Iterator

from gateway.model.entities import EntityKind, EntityState
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity
from gateway.topology.composites import COMPOSITES, is_group
from gateway.topology.hops import Descent, Hop, HopState, WhereStatus, leads_somewhere

_SHOWN = 5
_UNMATCHED = {
    EntityKind.HA_NODE: "is matched to no guest OS",
    EntityKind.K8S_NODE: "is matched to no guest OS",
    EntityKind.GUEST_OS: "is matched to no VM and no physical host",
    EntityKind.VM: "is placed on no known hypervisor",
    EntityKind.HYPERVISOR: "is matched to no physical host",
    EntityKind.PHYSICAL_HOST: "is in no known rack or site",
    EntityKind.RACK: "is in no known site",
    EntityKind.POD: "is placed on no known node",
    EntityKind.HA_RESOURCE: "is placed on no known node",
    EntityKind.STORAGE_POOL: "is on no known hypervisor",
    EntityKind.NETWORK: "is on no known hypervisor",
}


def sentence(entity: Entity, status: WhereStatus, descent: Descent) -> str:
    """The answer in one sentence."""
    if not descent.below and descent.storage and not descent.ends:
        backing = ", ".join(called(hop.entity) for hop in descent.storage)
        return f"{_titled(entity)} {descent.storage[0].relation.value.replace('_', ' ')} {backing}"
    if not descent.below:
        return descent.ends or f"{called(entity)} is a place of its own"
    ways = [hop for hop in descent.below if leads_somewhere(hop)]
    nowhere = "".join(f"; {end}" for hop in descent.below if not leads_somewhere(hop) for end in _ends(hop))
    if not ways:
        return f"{_titled(entity)} is in no known place{nowhere}"
    if len(ways) > 1:
        listed = ", ".join(_brief(hop) for hop in ways)
        verb = "was last seen" if status is WhereStatus.LAST_KNOWN else "is"
        return f"{_titled(entity)} {verb} in {len(ways)} places: {listed}{_silence(ways)}{nowhere}"
    hop = ways[0]
    chain = " > ".join(called(step.entity) for step in _straight(hop))
    words = {
        WhereStatus.STOPPED: f"is {condition(entity)}; it was last on",
        WhereStatus.LAST_KNOWN: "was last seen on" if hop.silence else "was last known on",
        WhereStatus.MOVING: "is in transition on",
    }
    usual = "runs on" if hop.relation is RelationKind.RUNS_ON else f"{hop.relation.value.replace('_', ' ')}"
    title = called(entity) if status is WhereStatus.STOPPED else _titled(entity)
    machines = "".join(map(_as_machine, descent.machines))
    return f"{title} {words.get(status, usual)} {chain}{_silence(ways)}{machines}{nowhere}"


def _silence(hops: Iterable[Hop]) -> str:
    """Who of those that know the place has not answered."""
    return "".join(f"; {silence}" for silence in dict.fromkeys(hop.silence for hop in hops) if silence)


def _ends(hop: Hop) -> Iterator[str]:
    """Why nothing is known below a step, at the end of each way."""
    if hop.ends:
        yield hop.ends
    for below in hop.below:
        yield from _ends(below)


def _as_machine(hop: Hop) -> str:
    """Of a resource that is a VM: what its hypervisor says."""
    place = next((below for below in hop.below if below.relation is RelationKind.RUNS_ON), None)
    words = {HopState.STABLE: "on", HopState.STOPPED: "stopped, last on", HopState.LAST_KNOWN: "last known on"}
    where = f", {words.get(place.state, 'in transition on')} {called(place.entity)}" if place is not None else ""
    return f"; it is {called(hop.entity)}{where}"


def _titled(entity: Entity) -> str:
    """With its condition, when there is something to say of it."""
    usual = entity.state in (EntityState.RUNNING, EntityState.UNKNOWN)
    return called(entity) if usual else f"{called(entity)}, {condition(entity)},"


def _brief(hop: Hop) -> str:
    extra = [hop.role] if hop.role and hop.role != "started" else []
    if hop.state is not HopState.STABLE:
        extra.append(hop.state.value.replace("_", " "))
    if hop.members:
        extra.append(", ".join(member.name for member in hop.members))
    return called(hop.entity) + (f" ({'; '.join(extra)})" if extra else "")


def _straight(hop: Hop) -> Iterator[Hop]:
    """The hop and those below it, as long as there is one way only."""
    yield hop
    while len(hop.below) == 1:
        hop = hop.below[0]
        yield hop


def why_it_ends(entity: Entity, has_storage: bool) -> str:
    """Why nothing is known below an entity; empty when nothing need be."""
    if entity.kind is EntityKind.SITE or has_storage:
        return ""
    if is_group(entity) or entity.kind in COMPOSITES:
        return f"{called(entity)} has no known members"
    if entity.kind in (EntityKind.VM, EntityKind.HA_RESOURCE, EntityKind.POD):
        return f"{called(entity)} {no_place(entity)}"
    return f"{called(entity)} {_unmatched(entity)}"


def no_place(entity: Entity) -> str:
    """Why an entity that should be somewhere is nowhere."""
    if entity.state is EntityState.STOPPED:
        return "is stopped, and was never seen running"
    if entity.state in (EntityState.UNKNOWN, EntityState.RUNNING):
        return _unmatched(entity)
    return f"is {condition(entity)}, and {_unmatched(entity)}"


def _unmatched(entity: Entity) -> str:
    return _UNMATCHED.get(entity.kind, "has no known place")


def condition(entity: Entity) -> str:
    """Its state, with the reason."""
    return entity.state.value + (f" ({entity.reason})" if entity.reason else "")


def names(entities: Iterable[Entity], kind: str = "") -> str:
    """The first of them by name, and how many more there are; `kind`: of them all."""
    every = [entity.name for entity in entities]
    listed = ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
    return f"{kind} {listed}" if kind else listed


def called(entity: Entity) -> str:
    """`KIND NAME`."""
    return f"{entity.kind.value} {entity.name}"
