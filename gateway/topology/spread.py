"""Spread: a loss on its way up: what it hits, how hard, and by which way."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.model.entities import EntityKind, EntityState, has_one_placement
from gateway.model.ports import TopologyView
from gateway.model.relations import CARRYING, Phase, RelationKind
from gateway.model.rows import Claim, Entity, Placement
from gateway.topology.composites import COMPOSITES, LOCATIONS, is_group, is_membership, members_of, needs_all
from gateway.topology.disks import REMOVABLE
from gateway.topology.quorum import Quorum, quorum
from gateway.topology.said import called, names
from gateway.topology.standstill import is_only_demoted, stopped_resources, why_it_stops


class Effect(StrEnum):
    """What the loss does to an entity."""

    LOST = "lost"
    """It stops: all that carries it is lost."""
    DEGRADED = "degraded"
    """A part of it is lost: an instance of a clone, a node of a cluster, a member of a group."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way from the affected entity down to what is lost."""

    relation: RelationKind
    entity: Entity


_HAD_BY = (RelationKind.PART_OF, RelationKind.CONNECTS_TO)
_REDUNDANT = frozenset({RelationKind.BACKED_BY})
"""Relations of which one remaining lower is enough to go on, degraded."""


@dataclass(frozen=True, slots=True)
class Blow:
    """How one entity is hit by way of one other (`through`): worked out from all that is lost so far."""

    effect: Effect
    reason: str
    relation: RelationKind
    through: Entity
    parts_lost: int = 1
    parts: int = 1
    roles_lost: tuple[str, ...] = ()
    claim: Claim | None = None
    certain: bool = True


class Spread:
    """The loss on its way up: a work list until nothing more is hit."""

    def __init__(self, view: TopologyView, lost: tuple[Entity, ...]) -> None:
        self.view = view
        self.roots = {entity.index: entity for entity in lost}
        self.hit: dict[int, tuple[Entity, Blow]] = {}
        """What is affected, by the blow that hit it first and hardest."""
        self.blows: dict[int, dict[tuple[RelationKind, int], Blow]] = {}
        """All that hit an entity, by relation and by what it came through."""
        self.lost = set(self.roots)
        self.queue = deque(lost)
        self.touched: dict[int, tuple[Entity, Claim, Entity]] = {}
        self._quorums: dict[int, Quorum] = {}
        self.inquorate: list[Quorum] = []
        while self.queue or self.touched or self.inquorate:
            if self.queue:
                self._spread_from(self.queue.popleft())
            elif self.touched:
                self._judge_composite(*self.touched.pop(next(iter(self.touched))))
            else:
                self._stop_the_rest(self.inquorate.pop())

    def quorums(self) -> list[Quorum]:
        """Of each cluster that loses votes, those without a majority first."""
        return sorted(self._quorums.values(), key=lambda votes: (votes.majority, votes.cluster.name.lower()))

    def path(self, blow: Blow) -> Iterator[Step]:
        """From what the blow hit down to one of the lost."""
        passed: set[int] = set()
        yield Step(blow.relation, blow.through)
        while blow.through.index not in self.roots and blow.through.index not in passed:
            passed.add(blow.through.index)
            blow = self.hit[blow.through.index][1]
            yield Step(blow.relation, blow.through)

    def _spread_from(self, lower: Entity) -> None:
        for upper, blow in self._blows(lower):
            self._strike(upper, blow)
        if (votes := self._quorums.get(lower.index)) is not None and lower.index in self.lost:
            self.inquorate.append(votes)
        for claim, composite in self._memberships(lower):
            self.touched.setdefault(composite.index, (composite, claim, lower))

    def _stop_the_rest(self, votes: Quorum) -> None:
        """Strike what the cluster stops, after all that the loss hits for a nearer reason."""
        for claim, resource in stopped_resources(self.view, votes):
            self._strike(resource, _standstill(votes, claim, resource))

    def _strike(self, upper: Entity, blow: Blow) -> None:
        """Note the blow, unless the entity was hit as hard before; what is hit anew hits on."""
        self.blows.setdefault(upper.index, {})[blow.relation, blow.through.index] = blow
        known = self.hit.get(upper.index)
        if upper.index in self.roots or (known is not None and known[1].effect is Effect.LOST):
            return
        again = known is not None and blow.effect is Effect.DEGRADED
        if not (again and known is not None and blow.parts_lost <= known[1].parts_lost):
            self.hit[upper.index] = (upper, blow)
        if again:
            return
        if blow.effect is Effect.LOST:
            self.lost.add(upper.index)
        self.queue.append(upper)

    def _blows(self, lower: Entity) -> Iterator[tuple[Entity, Blow]]:
        """Each entity that the loss (or degradation) of `lower` hits, and how."""
        is_lost = lower.index in self.lost
        for claim in self.view.claims_on(lower):
            upper = self.view.entity(claim.upper)
            if upper is None or upper.index == lower.index:
                continue
            if claim.kind is RelationKind.MANAGED_BY and is_lost and _are_a_pair(upper, lower) and _runs(upper):
                reason = f"is run by {called(lower)}, which is lost"
                yield upper, Blow(Effect.LOST, reason, claim.kind, lower, claim=claim)
            if claim.kind not in CARRYING:
                continue
            blow = self._by_loss(upper, claim, lower) if is_lost else self._by_degradation(upper, claim, lower)
            if blow is not None:
                yield upper, blow
        if is_lost and lower.kind is EntityKind.VM:
            yield from self._managers(lower)

    def _managers(self, vm: Entity) -> Iterator[tuple[Entity, Blow]]:
        """The HA resource that a lost VM is."""
        for claim in self.view.claims_of(vm):
            manager = self.view.entity(claim.lower)
            if claim.kind is not RelationKind.MANAGED_BY or manager is None:
                continue
            if _are_a_pair(vm, manager) and _runs(manager):
                reason = f"is {called(vm)}, which is lost"
                yield manager, Blow(Effect.LOST, reason, claim.kind, vm, claim=claim)

    def _by_loss(self, upper: Entity, claim: Claim, lower: Entity) -> Blow | None:
        match claim.kind:
            case RelationKind.RUNS_ON:
                return self._host_lost(upper, claim, lower)
            case RelationKind.PART_OF if upper.kind is EntityKind.SNAPSHOT or self._is_elsewhere_too(upper):
                return None
            case RelationKind.MEMBER_OF if lower.index in self._quorums:
                return None
            case RelationKind.USES_STORAGE if claim.attributes.get("device") in REMOVABLE:
                reason = f"has {called(lower)} in its drive, which is lost"
                return Blow(Effect.DEGRADED, reason, claim.kind, lower, claim=claim)
            case RelationKind.PART_OF | RelationKind.MEMBER_OF:
                where = "is in" if lower.kind in LOCATIONS else f"is {claim.kind.value.replace('_', ' ')}"
                return Blow(Effect.LOST, f"{where} {called(lower)}, which is lost", claim.kind, lower, claim=claim)
            case RelationKind.DEPENDS_ON if _is_member_of(upper, claim):
                return None
            case kind if kind in _REDUNDANT:
                return self._redundant(upper, claim, lower)
        verb = claim.kind.value.replace("_", " ")
        verb = "uses" if claim.kind is RelationKind.USES_STORAGE else verb
        return Blow(Effect.LOST, f"{verb} {called(lower)}, which is lost", claim.kind, lower, claim=claim)

    def _is_elsewhere_too(self, pool: Entity) -> bool:
        """True for a pool that another hypervisor has: one host may call local what is proved to be shared."""
        if pool.kind is not EntityKind.STORAGE_POOL:
            return False
        hosts = (self.view.entity(c.lower) for c in self.view.claims_of(pool) if c.kind in _HAD_BY)
        return any(h is not None and h.kind is EntityKind.HYPERVISOR and h.index not in self.lost for h in hosts)

    def _by_degradation(self, upper: Entity, claim: Claim, lower: Entity) -> Blow | None:
        """What needs a thing that goes on with a part lost is degraded too; what merely belongs to it is not."""
        if _is_member_of(upper, claim) or claim.kind not in (
            RelationKind.DEPENDS_ON,
            RelationKind.USES_STORAGE,
            RelationKind.BACKED_BY,
        ):
            return None
        verb = claim.kind.value.replace("_", " ")
        return Blow(Effect.DEGRADED, f"{verb} {called(lower)}, which is degraded", claim.kind, lower, claim=claim)

    def _host_lost(self, upper: Entity, claim: Claim, host: Entity) -> Blow | None:
        if not has_one_placement(upper.kind, upper.subtype):
            return self._instances_lost(upper, claim, host)
        placement = self.view.placement(upper)
        if placement is not None and not placement.open:
            return None
        if placement is not None and placement.host != host.index:
            return self._elsewhere(upper, claim, host, placement)
        certain = claim.phase is Phase.STABLE and (placement is None or placement.certain)
        words = {Phase.STABLE: "runs on", Phase.TRANSITIONAL: "is in transition on", Phase.LAST_KNOWN: "was last on"}
        reason = f"{words[claim.phase]} {called(host)}, which is lost"
        roles = (claim.role,) if claim.role else ()
        return Blow(Effect.LOST, reason, claim.kind, host, roles_lost=roles, claim=claim, certain=certain)

    def _elsewhere(self, upper: Entity, claim: Claim, host: Entity, placement: Placement) -> Blow | None:
        """It is placed on another host, and this one is claimed too: a move under way, or a conflict."""
        placed = self.view.entity(placement.host)
        if placed is None or placed.kind is not host.kind or placed.index in self.lost:
            return None
        reason = f"is in transition on {called(host)}, which is lost; it is placed on {called(placed)}"
        if claim.phase is not Phase.TRANSITIONAL:
            reason = f"is claimed on {called(host)} too, which is lost; it is placed on {called(placed)}"
        return Blow(Effect.DEGRADED, reason, claim.kind, host, claim=claim, certain=False)

    def _instances_lost(self, upper: Entity, claim: Claim, host: Entity) -> Blow:
        claims = [c for c in self.view.claims_of(upper) if c.kind is RelationKind.RUNS_ON]
        gone = [c for c in claims if self._is_lost(c.lower)]
        roles = tuple(sorted({c.role for c in gone if c.role}))
        which = "/".join(roles) + " " if roles else ""
        reason = f"loses {len(gone)} of {len(claims)} instances ({which}on {names(self._hosts(gone))})"
        effect = Effect.LOST if len(gone) == len(claims) else Effect.DEGRADED
        certain = all(c.phase is Phase.STABLE for c in gone)
        return Blow(effect, reason, claim.kind, host, len(gone), len(claims), roles, claim, certain)

    def _redundant(self, upper: Entity, claim: Claim, lower: Entity) -> Blow:
        claims = [c for c in self.view.claims_of(upper) if c.kind is claim.kind]
        gone = [c for c in claims if self._is_lost(c.lower)]
        effect = Effect.LOST if len(gone) == len(claims) else Effect.DEGRADED
        reason = f"is backed by {names(self._hosts(gone))}, which is lost"
        if effect is Effect.DEGRADED:
            reason = f"loses {len(gone)} of the {len(claims)} it is backed by ({names(self._hosts(gone))})"
        return Blow(effect, reason, claim.kind, lower, len(gone), len(claims), claim=claim)

    def _judge_composite(self, composite: Entity, claim: Claim, member: Entity) -> None:
        """A cluster, group or service of which a member is hit; all of its members lost: it is lost."""
        membership = members_of(self.view, composite)
        members = [one for _, one in membership]
        gone = [one for one in members if one.index in self.lost]
        counted = [one for one in members if one.state is not EntityState.STOPPED or one.index in self.lost]
        if gone:
            all_gone, needed = len(gone) == len(counted), needs_all(composite)
            votes = quorum(composite, membership, self.lost)
            stops = votes is not None and bool(votes.lost) and votes.stops
            sure = votes is None or not stops or all_gone or votes.remain == 0 or votes.sure
            effect = Effect.LOST if all_gone or needed or stops else Effect.DEGRADED
            reason = f"loses {len(gone)} of {len(members)} members ({names(gone)})"
            reason += ", and needs all" if needed and not all_gone else ""
            reason += f"; {votes.said}" if votes else ""
            if votes is not None and votes.lost:
                self._quorums[composite.index] = votes
            through = member if member.index in self.lost else gone[0]
            parts = len(gone), len(members)
            self._strike(composite, Blow(effect, reason, claim.kind, through, *parts, claim=claim, certain=sure))
        elif composite.kind is EntityKind.SERVICE:
            reason = f"{called(member)} is degraded"
            self._strike(composite, Blow(Effect.DEGRADED, reason, claim.kind, member, 0, len(members), claim=claim))

    def _memberships(self, member: Entity) -> Iterator[tuple[Claim, Entity]]:
        for claim in self.view.claims_of(member):
            composite = self.view.entity(claim.lower)
            belongs = claim.kind in (RelationKind.PART_OF, RelationKind.MEMBER_OF)
            if belongs and composite is not None and (composite.kind in COMPOSITES or is_group(composite)):
                yield claim, composite
        for claim in self.view.claims_on(member):
            service = self.view.entity(claim.upper)
            if claim.kind is RelationKind.DEPENDS_ON and service is not None and _is_member_of(service, claim):
                yield claim, service

    def _is_lost(self, record: int) -> bool:
        entity = self.view.entity(record)
        return entity is not None and entity.index in self.lost

    def _hosts(self, claims: list[Claim]) -> list[Entity]:
        return [host for claim in claims if (host := self.view.entity(claim.lower)) is not None]


def _standstill(votes: Quorum, claim: Claim, resource: Entity) -> Blow:
    """How a resource is hit whose cluster keeps no majority."""
    reason, cluster, sure = why_it_stops(votes, resource), votes.cluster, votes.sure
    if is_only_demoted(votes, resource):
        roles = ("promoted",)
        return Blow(Effect.DEGRADED, reason, claim.kind, cluster, 0, roles_lost=roles, claim=claim, certain=sure)
    return Blow(Effect.LOST, reason, claim.kind, cluster, claim=claim, certain=sure)


def _are_a_pair(vm: Entity, manager: Entity) -> bool:
    """True for a VM and the HA resource that it is."""
    return vm.kind is EntityKind.VM and manager.kind is EntityKind.HA_RESOURCE


def _is_member_of(upper: Entity, claim: Claim) -> bool:
    """True for a relation that tells of what a service consists: its members are judged together."""
    return upper.kind is EntityKind.SERVICE and is_membership(claim)


def _runs(entity: Entity) -> bool:
    return entity.state is not EntityState.STOPPED
