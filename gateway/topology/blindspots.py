"""Blind spots: what an answer about a loss cannot know, and must not pass over in silence."""

from collections.abc import Collection, Iterator

from gateway.model.entities import EntityKind, EntityState
from gateway.model.ports import TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Entity, Source, SourceState
from gateway.topology.ages import entity_age, entity_is_stale
from gateway.topology.quorum import DOWN
from gateway.topology.said import called, names
from gateway.topology.scopes import unread

_SILENT = (SourceState.STALE, SourceState.FAILING, SourceState.STARTING)
_JOINED_BELOW = {
    EntityKind.HA_NODE: "guest OS",
    EntityKind.K8S_NODE: "guest OS",
    EntityKind.GUEST_OS: "VM or physical host",
    EntityKind.HYPERVISOR: "physical host",
}
"""Kinds that another source joins to the layer below; unjoined, a loss below does not reach them."""
_DEPTH = {
    kind: depth
    for depth, kinds in enumerate(
        (
            (EntityKind.HA_NODE, EntityKind.K8S_NODE),
            (EntityKind.GUEST_OS,),
            (EntityKind.VM,),
            (EntityKind.HYPERVISOR, EntityKind.VIRT_CLUSTER, EntityKind.STORAGE_POOL),
            (EntityKind.PHYSICAL_HOST,),
            (EntityKind.RACK,),
            (EntityKind.SITE,),
        )
    )
    for kind in kinds
}
_SHOWN = 5
_HOSTS = (EntityKind.PHYSICAL_HOST, EntityKind.HYPERVISOR, EntityKind.STORAGE_POOL)


def blind_spots(
    view: TopologyView,
    lost: tuple[Entity, ...],
    hit: Collection[int],
    reached: Collection[int],
    now: int,
    intervals: int,
) -> Iterator[str]:
    """
    What the answer cannot know: silent sources and hosts, what was never read, what was declared to depend on
    something that no source shows, hosts on which nothing is seen, layers that nobody joined.

    `hit`: indexes of all that is affected or lost; `reached`: of all that lie on the way of a loss.
    """
    for source in view.sources.values():
        if source.state in _SILENT:
            yield f"source {source.name} is {source.state.value}: {_last_read(source, now)}"
    yield from _unread(view)
    yield from _unknown_members(view, hit)
    for entity in lost:
        if entity.kind in _HOSTS and entity.index not in reached:
            does = "uses it" if entity.kind is EntityKind.STORAGE_POOL else "runs there"
            yield f"nothing is seen on {called(entity)}: no source tells what {does}"
    deepest = max((_DEPTH.get(entity.kind, -1) for entity in lost), default=-1)
    kinds = {kind: below for kind, below in _JOINED_BELOW.items() if _DEPTH[kind] < deepest}
    loose, quiet = _seen(view, frozenset(kinds), hit, now, intervals) if deepest > 0 else ({}, [])
    if quiet and deepest >= _DEPTH[EntityKind.HYPERVISOR]:
        verb = "does" if len(quiet) == 1 else "do"
        oldest = max((entity_age(view, one, now) or 0 for one in quiet), default=0) // 1_000_000
        yield f"hypervisor {names(quiet)} {verb} not answer: what is known of it is up to {oldest} s old"
    for kind, entities in loose.items():
        verb = "is" if len(entities) == 1 else "are"
        yield f"{kind.value} {names(entities)} {verb} matched to no {kinds[kind]}: may be affected, or not"


def _unread(view: TopologyView) -> Iterator[str]:
    parts: dict[str, list[str]] = {}
    for source, scope in unread(view):
        parts.setdefault(source, []).append(scope.name)
    for source, found in parts.items():
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield f"source {source} has never read {', '.join(found[:_SHOWN])}{more}: what is there is not known"


def _unknown_members(view: TopologyView, hit: Collection[int]) -> Iterator[str]:
    """What depends on something that a person named and no source shows: a misspelt name, or a source not read yet."""
    missing: dict[str, list[str]] = {}
    for entity in view.all_entities():
        named = _stands_for(view, entity)
        for claim in view.claims_on(entity) if named else ():
            upper = view.entity(claim.upper)
            if upper is not None and upper.index not in hit:
                missing.setdefault(called(upper), []).append(named)
    for upper_said, ends in missing.items():
        more = f" and {len(ends) - _SHOWN} more" if len(ends) > _SHOWN else ""
        named = f"{', '.join(ends[:_SHOWN])}{more}"
        yield f"{upper_said} depends on {named}, which no source shows: may be affected, or not"


def _stands_for(view: TopologyView, entity: Entity) -> str:
    """What a stand-in is for, SOURCE/KIND/NATIVE, as long as no source shows that; empty: it is no such stand-in."""
    if entity.state is not EntityState.UNKNOWN or entity.subtype or len(entity.records) > 1:
        return ""
    record = view.record(entity.records[0])
    native = record.key.native if record is not None else ""
    return native if native.split("/", 2)[1:2] == [entity.kind.value] else ""


def _seen(
    view: TopologyView, kinds: frozenset[EntityKind], hit: Collection[int], now: int, intervals: int
) -> tuple[dict[EntityKind, list[Entity]], list[Entity]]:
    """(entities of these kinds that nothing below is known of, hypervisors that are silent in a source that is not)."""
    loose: dict[EntityKind, list[Entity]] = {}
    quiet: list[Entity] = []
    silent = {source.name for source in view.sources.values() if source.state in _SILENT}
    for entity in view.all_entities():
        is_quiet = entity.kind is EntityKind.HYPERVISOR and not silent.issuperset(entity.sources)
        if is_quiet and entity_is_stale(view, entity, now, intervals):
            quiet.append(entity)
        if entity.kind in kinds and entity.index not in hit and not _runs_somewhere(view, entity):
            loose.setdefault(entity.kind, []).append(entity)
    return loose, quiet


def _runs_somewhere(view: TopologyView, entity: Entity) -> bool:
    placement = view.placement(entity)
    if placement is not None:
        return placement.open or entity.state in DOWN
    return any(claim.kind is RelationKind.RUNS_ON for claim in view.claims_of(entity))


def _last_read(source: Source, now: int) -> str:
    if not source.last_success:
        return "no read of it is on record"
    return f"what is known of it is {max(now - source.last_success, 0) // 1_000_000} s old"
