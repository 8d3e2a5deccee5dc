"""
Verdicts: what becomes of everything that a loss reaches, if what is lost is rebooted.

The question is "if I reboot these": machines (and racks and sites, all of whose machines they mean) come back, and
with them what boots with them. What does not boot (a pool, a network, a service) is gone for good when it is asked
about. A verdict is the worst that anything below gives; so a greater loss makes none better.
"""

from collections.abc import Iterable, Iterator

from gateway.model.entities import EntityKind, EntityState, has_one_placement
from gateway.model.relations import Phase, RelationKind
from gateway.model.rows import Claim, Entity
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.topology.composites import COMPOSITES, is_group, is_membership, members_of
from gateway.topology.quorum import DOWN
from gateway.topology.recovery import Judgement, Recovery
from gateway.topology.spread import Blow, Effect, Spread

K, R, V = EntityKind, VerdictReason, Verdict
_BOOTS = frozenset(
    {K.PHYSICAL_HOST, K.HYPERVISOR, K.VM, K.GUEST_OS, K.HA_NODE, K.K8S_NODE, K.RACK, K.SITE, K.VIRT_CLUSTER}
)
"""What comes back when it is rebooted."""
_BELONGING = frozenset({RelationKind.PART_OF, RelationKind.MEMBER_OF})
_STORAGE = frozenset({RelationKind.USES_STORAGE, RelationKind.BACKED_BY})
_SCHEDULED = frozenset({K.POD, K.WORKLOAD})
"""What does not boot with its node: something starts it that is not asked."""
_VOTING = frozenset({K.HA_CLUSTER, K.K8S_CLUSTER})
_STAYS = Judgement(V.STAYS, R.OTHERS_LEFT)


def judge(spread: Spread) -> dict[int, Judgement]:
    """The verdict on all that a loss reached, by index."""
    return _Judge(spread).verdicts()


class _Judge:
    """
    Goes through what is hit, what was hit first first, until no verdict changes.

    Verdicts only become worse: the order decides how often it is gone through, and nothing else.
    """

    def __init__(self, spread: Spread) -> None:
        self._spread = spread
        self._view = spread.view
        self._recovery = Recovery(spread.view, spread.lost)
        self._judged: dict[int, Judgement] = {}
        self._ahead = False
        """Something was asked for that was not judged yet: once through is not enough."""

    def verdicts(self) -> dict[int, Judgement]:
        roots = self._spread.roots
        todo = [*roots.values(), *(entity for index, (entity, _) in self._spread.hit.items() if index not in roots)]
        changes = self._go_through(todo)
        while changes and self._ahead:
            changes = self._go_through(todo)
        return self._judged

    def _go_through(self, todo: list[Entity]) -> bool:
        """Judge all of it; True when a verdict is another one than before."""
        changes = False
        for entity in todo:
            found, known = _worst([*self._told(entity)]), self._judged.get(entity.index)
            changes = changes or known is None or known.verdict is not found.verdict
            self._judged[entity.index] = found
        return changes

    def _told(self, entity: Entity) -> Iterator[Judgement]:
        """All that speaks for a verdict."""
        is_asked = entity.index in self._spread.roots
        if is_asked:
            yield Judgement(V.RESTARTS if entity.kind in _BOOTS else V.LOST, R.REBOOTED)
        blows = list(self._spread.blows.get(entity.index, {}).values())
        own = [blow for blow in blows if not _is_of_a_member(entity, blow)]
        if len(own) < len(blows):
            yield self._composite(entity)
        nearer = [blow for blow in own if not self._is_of_what_it_makes_up(blow)]
        own = nearer if nearer or is_asked else own
        if entity.kind is K.VM:
            yield from self._machine(entity, own)
        elif entity.kind is K.HA_RESOURCE:
            yield from self._resource(entity, own)
        else:
            yield from (self._follow(entity, blow) for blow in own)

    def _is_of_what_it_makes_up(self, blow: Blow) -> bool:
        """What is lost with its members says no more of them than they do, unless it is what is asked about."""
        if blow.relation not in _BELONGING or blow.through.index in self._spread.roots:
            return False
        return blow.through.kind in COMPOSITES or is_group(blow.through)

    def _of(self, lower: Entity) -> Judgement:
        found = self._judged.get(lower.index)
        if found is None:
            self._ahead = True
            return _STAYS
        return found

    # -- what follows what is below ----------------------------------------------------------------------------------

    def _follow(self, upper: Entity, blow: Blow) -> Judgement:
        lower = self._of(blow.through)
        if blow.effect is Effect.DEGRADED and blow.through.index in self._spread.lost:
            return self._in_part(blow)
        if blow.relation in _STORAGE:
            return Judgement(lower.verdict, R.FOLLOWS_STORAGE, lower.destination, lower.manager)
        if blow.relation in _BELONGING or blow.relation is RelationKind.RUNS_ON:
            if upper.kind in _SCHEDULED:
                return Judgement(V.LOST if lower.verdict is V.LOST else V.UNKNOWN, R.NO_MANAGER_KNOWN)
            return Judgement(lower.verdict, R.FOLLOWS_CARRIER, lower.destination, lower.manager)
        return Judgement(lower.verdict, R.FOLLOWS_DEPENDENCY, lower.destination, lower.manager)

    def _in_part(self, blow: Blow) -> Judgement:
        """What is lost is one of several, or not needed; it may also be a place that it is leaving."""
        if blow.relation is RelationKind.RUNS_ON:
            return Judgement(V.UNKNOWN, R.UNSETTLED)
        if blow.relation is RelationKind.USES_STORAGE:
            return Judgement(V.STAYS, R.REMOVABLE_MEDIUM)
        return _STAYS

    # -- VMs ---------------------------------------------------------------------------------------------------------

    def _machine(self, vm: Entity, blows: list[Blow]) -> Iterator[Judgement]:
        """A VM: by the HA resource that it is, else by the host that it is on."""
        claims = self._view.claims_of(vm)
        manager = self._manager_of(claims)
        if manager is not None:
            found = self._of(manager)
            where = self._machine_of(found.destination) if found.destination is not None else None
            yield Judgement(found.verdict, found.reason, where or found.destination, found.manager)
        for blow in blows:
            if blow.relation is RelationKind.RUNS_ON and blow.effect is Effect.LOST:
                if manager is None:
                    yield self._boots_with(vm, blow.through)
            elif blow.relation is not RelationKind.MANAGED_BY and not (manager and blow.relation in _STORAGE):
                yield self._follow(vm, blow)
        if self._is_moving(vm, claims):
            yield Judgement(V.UNKNOWN, R.UNSETTLED)

    def _boots_with(self, vm: Entity, host: Entity) -> Judgement:
        found, autostart = self._of(host), vm.attributes.get("autostart")
        if found.verdict in (V.STAYS, V.LOST):
            return Judgement(found.verdict, R.FOLLOWS_CARRIER)
        if autostart is False:
            return Judgement(V.LOST, R.NO_AUTOSTART)
        if found.verdict is V.UNKNOWN:
            return Judgement(V.UNKNOWN, R.FOLLOWS_CARRIER)
        return Judgement(V.RESTARTS, R.AUTOSTART, host) if autostart else Judgement(V.UNKNOWN, R.NO_MANAGER_KNOWN)

    def _manager_of(self, claims: Iterable[Claim]) -> Entity | None:
        """The HA resource that it is, when that is hit too: one that is stopped is in charge of nothing."""
        lowers = (self._view.entity(c.lower) for c in claims if c.kind is RelationKind.MANAGED_BY)
        return next((r for r in lowers if r is not None and r.kind is K.HA_RESOURCE and self._is_reached(r)), None)

    def _is_reached(self, entity: Entity) -> bool:
        return entity.index in self._spread.hit or entity.index in self._spread.roots

    def _machine_of(self, node: Entity) -> Entity | None:
        """The one hypervisor of the machine that a node is; None: it is not known."""
        seen: set[int] = set()
        here: Entity | None = node
        while here is not None and here.index not in seen and here.kind not in (K.HYPERVISOR, K.PHYSICAL_HOST):
            seen.add(here.index)
            lowers = (self._view.entity(c.lower) for c in self._view.claims_of(here) if c.kind is RelationKind.RUNS_ON)
            here = next((lower for lower in lowers if lower is not None), None)
        if here is None or here.kind is not K.PHYSICAL_HOST:
            return here if here is not None and here.kind is K.HYPERVISOR else None
        uppers = (self._view.entity(c.upper) for c in self._view.claims_on(here) if c.kind is RelationKind.RUNS_ON)
        found = {upper.index: upper for upper in uppers if upper is not None and upper.kind is K.HYPERVISOR}
        return next(iter(found.values())) if len(found) == 1 else None

    # -- HA resources ------------------------------------------------------------------------------------------------

    def _resource(self, resource: Entity, blows: list[Blow]) -> Iterator[Judgement]:
        """An HA resource: by what its cluster does, and by what it needs."""
        stops = [b for b in blows if b.relation in (RelationKind.RUNS_ON, RelationKind.MANAGED_BY)]
        is_spread = not has_one_placement(resource.kind, resource.subtype)
        if stops and is_spread:
            yield self._instances(resource)
        elif any(blow.effect is Effect.LOST for blow in stops):
            yield self._recovery.of(resource)
        for blow in blows:
            if blow.relation is RelationKind.MANAGED_BY and blow.through.kind is K.VM:
                yield from self._disks(blow.through)
            elif blow not in stops:
                yield self._follow(resource, blow)
        if not is_spread and self._is_moving(resource, self._view.claims_of(resource)):
            yield Judgement(V.UNKNOWN, R.UNSETTLED)

    def _instances(self, resource: Entity) -> Judgement:
        """Of a clone or bundle: whether others are left, and one of them promoted."""
        claims = [claim for claim in self._view.claims_of(resource) if claim.kind is RelationKind.RUNS_ON]
        places = [(claim, node) for claim in claims if (node := self._view.entity(claim.lower)) is not None]
        lost = self._spread.lost
        left = [(claim, node) for claim, node in places if node.index not in lost and node.state not in DOWN]
        standstill = any(
            blow.relation is RelationKind.MANAGED_BY for blow in self._spread.blows[resource.index].values()
        )
        if not left or standstill:
            return self._recovery.of(resource)
        had_promoted = any(claim.role == "promoted" for claim in claims)
        if had_promoted and not any(claim.role == "promoted" for claim, _ in left):
            return self._recovery.of_role(resource, (node for _, node in left))
        if all(claim.phase is not Phase.STABLE for claim, _ in left):
            return Judgement(V.UNKNOWN, R.UNSETTLED)
        return _STAYS

    def _disks(self, vm: Entity) -> Iterator[Judgement]:
        """Of a resource that is a VM: whether its storage is there when it is started elsewhere."""
        for blow in self._spread.blows.get(vm.index, {}).values():
            if blow.relation in _STORAGE:
                found = self._follow(vm, blow)
                is_here_only = found.verdict in (V.RESTARTS, V.UNKNOWN)
                yield Judgement(V.LOST, R.LOCAL_DISK) if is_here_only else found

    def _is_moving(self, entity: Entity, claims: Iterable[Claim]) -> bool:
        """True when a place is lost that it is claimed on beside the one where it is placed."""
        places = [claim for claim in claims if claim.kind is RelationKind.RUNS_ON]
        placement = self._view.placement(entity) if len(places) > 1 else None
        if placement is None or not placement.open:
            return False
        placed = self._view.entity(placement.host)
        others = [lower for claim in places if (lower := self._view.entity(claim.lower)) is not None]
        return placed is not None and any(
            one.index != placed.index and one.kind is placed.kind and one.index in self._spread.lost for one in others
        )

    # -- what consists of members --------------------------------------------------------------------------------------

    def _composite(self, composite: Entity) -> Judgement:
        members = [one for _, one in members_of(self._view, composite)]
        reached = [one for one in members if self._is_reached(one)]
        verdicts = [self._of(one) for one in reached]
        if is_group(composite):
            return _worst(verdicts)
        if any(one.index in self._spread.lost for one in reached) and self._votes_count(composite):
            return self._recovery.of_cluster(composite)
        others = [one for one in members if not self._is_reached(one) and one.state is not EntityState.STOPPED]
        if composite.kind is K.REPLICATION_GROUP:
            return _of_copies(verdicts, len(others))
        is_redundant = composite.kind is not K.SERVICE or composite.attributes.get("redundancy") == "any"
        if is_redundant and others:
            return _STAYS
        least = min if is_redundant and composite.kind is K.SERVICE else max
        found = least(verdicts, key=_badness, default=_STAYS)
        return Judgement(found.verdict, R.FOLLOWS_MEMBERS, found.destination, found.manager)

    def _votes_count(self, composite: Entity) -> bool:
        return composite.kind in _VOTING or self._recovery.votes(composite) is not None


def _of_copies(verdicts: list[Judgement], others: int) -> Judgement:
    """Of a replication group that tells of no votes: more than half left is enough for each that there is."""
    if others > len(verdicts):
        return _STAYS
    return _worst([*verdicts, Judgement(V.UNKNOWN, R.QUORUM_DOUBTFUL)])


def _badness(one: Judgement) -> int:
    return one.verdict.badness


def _worst(judgements: list[Judgement]) -> Judgement:
    """The worst, of equals the first."""
    if len(judgements) == 1:
        return judgements[0]
    return max(judgements, key=_badness, default=_STAYS)


def _is_of_a_member(entity: Entity, blow: Blow) -> bool:
    """True for a blow that comes from what the entity consists of."""
    claim = blow.claim
    if claim is None or not (entity.kind in COMPOSITES or is_group(entity)):
        return False
    if claim.upper not in entity.records:
        return claim.kind in _BELONGING
    return entity.kind is K.SERVICE and claim.kind is RelationKind.DEPENDS_ON and is_membership(claim)
