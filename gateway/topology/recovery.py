"""
Recovery: whether an HA cluster starts a resource again when nodes are lost, and on which of the others.

From what its source tells: votes, states of nodes, constraints, failures. The cluster itself is not asked, so that
capacity, rules that are no matter of nodes, and failures to come are not in the answer.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from gateway.model.conditions import ConditionKind
from gateway.model.entities import SPREAD_SUBTYPES, EntityKind, EntityState
from gateway.model.ports import TopologyView
from gateway.model.relations import RelationKind
from gateway.model.rows import Claim, Entity, SourceState
from gateway.model.verdicts import Verdict, VerdictReason
from gateway.topology.composites import is_group, members_of
from gateway.topology.quorum import Quorum, quorum

_BANNED = "-INFINITY"


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What becomes of an entity, and why. `destination`: where it then is, when that is known; `manager`: who decides.
    """

    verdict: Verdict
    reason: VerdictReason
    destination: Entity | None = None
    manager: Entity | None = None


class Recovery:
    """What the HA clusters of a topology do without the `lost` (indexes of entities)."""

    def __init__(self, view: TopologyView, lost: Collection[int]) -> None:
        self._view = view
        self._lost = lost
        self._members: dict[int, list[tuple[Claim, Entity]]] = {}
        self._quorums: dict[int, Quorum | None] = {}
        self._choices: dict[int, _Choice] = {}

    def of(self, resource: Entity) -> Judgement:
        """Of a resource that stops: whether and where it is started again."""
        cluster = self.cluster_of(resource)
        if refusal := self._refusal(resource, cluster):
            return refusal
        choice = self._choice(resource)
        return _started(choice, VerdictReason.RESTARTED_BY_MANAGER, cluster)

    def of_role(self, resource: Entity, left: Iterable[Entity]) -> Judgement:
        """Of a resource that loses its promoted instance: whether one on the nodes that are `left` is promoted."""
        cluster = self.cluster_of(resource)
        if refusal := self._refusal(resource, cluster):
            return refusal
        nodes = {node.index: node for node in left if _takes_resources(node)}
        return _started(self._narrowed([resource], nodes, cluster), VerdictReason.ROLE_MOVES, cluster)

    def of_cluster(self, cluster: Entity) -> Judgement:
        """Of a cluster, or another group that votes, of which members are lost."""
        votes = self.votes(cluster)
        if votes is None:
            return Judgement(Verdict.UNKNOWN, VerdictReason.QUORUM_DOUBTFUL)
        if votes.remain and (votes.majority or _ignores_quorum(cluster)):
            return Judgement(Verdict.STAYS, VerdictReason.OTHERS_LEFT)
        return _without_majority(votes)

    def votes(self, cluster: Entity) -> Quorum | None:
        """What is left of its votes; None: nothing tells of any."""
        if cluster.index not in self._quorums:
            self._quorums[cluster.index] = quorum(cluster, self._members_of(cluster), self._lost)
        return self._quorums[cluster.index]

    def cluster_of(self, resource: Entity) -> Entity | None:
        """The cluster that runs a resource, by its own word or that of its group."""
        found = self._lowers(resource, RelationKind.MANAGED_BY, EntityKind.HA_CLUSTER)
        groups = self._lowers(resource, RelationKind.PART_OF, EntityKind.HA_RESOURCE) if not found else []
        found += [
            one for group in groups for one in self._lowers(group, RelationKind.MANAGED_BY, EntityKind.HA_CLUSTER)
        ]
        return found[0] if found else None

    # -- whether ---------------------------------------------------------------------------------------------------

    def _refusal(self, resource: Entity, cluster: Entity | None) -> Judgement | None:
        """Why the cluster starts it nowhere; None: it does."""
        if cluster is None:
            return Judgement(Verdict.UNKNOWN, VerdictReason.NO_MANAGER_KNOWN)
        told = self._refused(resource, cluster)
        return None if told is None else Judgement(*told, manager=cluster)

    def _refused(self, resource: Entity, cluster: Entity) -> tuple[Verdict, VerdictReason] | None:
        failures = {alarm.condition for alarm in self._view.alarms_of(resource) if alarm.raised}
        if _is_left_alone(resource, cluster):
            return Verdict.LOST, VerdictReason.UNMANAGED
        if resource.state is EntityState.BLOCKED or failures & {ConditionKind.BLOCKED, ConditionKind.FAILED_UNMANAGED}:
            return Verdict.LOST, VerdictReason.BLOCKED
        if ConditionKind.EXHAUSTED in failures:
            return Verdict.LOST, VerdictReason.EXHAUSTED
        without = self._without_quorum(cluster)
        if without is not None and without.verdict is Verdict.LOST:
            return without.verdict, without.reason
        if self._is_silent(cluster):
            return Verdict.UNKNOWN, VerdictReason.MANAGER_SILENT
        return None if without is None else (without.verdict, without.reason)

    def _without_quorum(self, cluster: Entity) -> Judgement | None:
        """Why the cluster starts nothing, or may not; None: it has its quorum, or goes on without."""
        if _ignores_quorum(cluster):
            return None
        votes = self.votes(cluster)
        if votes is None:
            return Judgement(Verdict.UNKNOWN, VerdictReason.QUORUM_DOUBTFUL)
        return None if votes.majority else _without_majority(votes)

    def _members_of(self, cluster: Entity) -> list[tuple[Claim, Entity]]:
        if cluster.index not in self._members:
            self._members[cluster.index] = members_of(self._view, cluster)
        return self._members[cluster.index]

    def _is_silent(self, cluster: Entity) -> bool:
        """True when nobody who knows the cluster answers."""
        records = [record for index in cluster.records if (record := self._view.record(index)) is not None]
        return all(self._is_stale(record.source) or self._view.is_silent(record) for record in records)

    def _is_stale(self, source: str) -> bool:
        row = self._view.sources.get(source)
        return row is not None and row.state is SourceState.STALE

    # -- where -----------------------------------------------------------------------------------------------------

    def _choice(self, resource: Entity) -> "_Choice":
        """The nodes that are left for a resource; a group and its members go together."""
        group = next(iter(self._lowers(resource, RelationKind.PART_OF, EntityKind.HA_RESOURCE)), resource)
        known = self._choices.get(group.index)
        if known is None:
            cluster = self.cluster_of(group) or self.cluster_of(resource)
            members = self._members_of(cluster) if cluster is not None else []
            nodes = {node.index: node for _, node in members if _takes_resources(node) and node.index not in self._lost}
            self._choices[group.index] = _Choice(nodes)  # what is bound to it in a ring finds all of them
            parts = [group, *(part for _, part in members_of(self._view, group))] if is_group(group) else [group]
            known = self._choices[group.index] = self._narrowed(parts, nodes, cluster)
        return known

    def _narrowed(self, parts: list[Entity], nodes: dict[int, Entity], cluster: Entity | None) -> "_Choice":
        """Those of the nodes that constraints and failures leave to something that consists of `parts`."""
        if not nodes:
            return _Choice(nodes, VerdictReason.NO_NODE_LEFT)
        spent = {name for part in parts for name in _spent_on(part)}
        fit = {index: node for index, node in nodes.items() if node.name not in spent}
        if not fit:
            return _Choice(fit, VerdictReason.EXHAUSTED)
        constraints = [told for part in parts for told in self._claims(part, RelationKind.CONSTRAINED_TO)]
        kept = fit.keys() & _allowed(constraints, fit, cluster)
        for part in parts:
            kept &= self._beside_others(part, parts, kept)
        forgotten = any(
            _is_ban(claim) and claim.attributes.get("leftover") and n.index in fit for claim, n in constraints
        )
        why = VerdictReason.LEFTOVER_BAN if forgotten else VerdictReason.BANNED
        return _Choice({index: fit[index] for index in fit if index in kept}, why)

    def _beside_others(self, part: Entity, parts: list[Entity], nodes: set[int]) -> set[int]:
        """By the constraints between resources: with what it depends on, away from what it may not meet."""
        inside = {one.index for one in parts}
        for claim, other in self._claims(part, RelationKind.DEPENDS_ON):
            if claim.attributes.get("colocation") and other.index not in inside:
                nodes = nodes & (self._places_of(other) or nodes)
        for claim, other in self._claims(part, RelationKind.ANTI_AFFINE):
            if _is_ban(claim) and other.index not in inside:
                nodes = nodes - self._taken_by(other)
        return nodes

    def _places_of(self, other: Entity) -> set[int]:
        """Where something that another is bound to is then; empty: not known."""
        if other.subtype not in SPREAD_SUBTYPES and other.index in self._lost:
            return set(self._choice(other).nodes)
        return {node.index for node in self._hosts(other)}

    def _taken_by(self, other: Entity) -> set[int]:
        """Where it is now, and the only node that it has left."""
        taken = {node.index for node in self._hosts(other)}
        left = self._choice(other).nodes if other.index in self._lost else {}
        return taken | set(left) if len(left) == 1 else taken

    def _hosts(self, resource: Entity) -> Iterator[Entity]:
        parts = [part for _, part in members_of(self._view, resource)] if is_group(resource) else [resource]
        for part in parts:
            yield from (node for _, node in self._claims(part, RelationKind.RUNS_ON))

    def _claims(self, entity: Entity, kind: RelationKind) -> Iterator[tuple[Claim, Entity]]:
        for claim in self._view.claims_of(entity):
            if claim.kind is kind and (lower := self._view.entity(claim.lower)) is not None:
                yield claim, lower

    def _lowers(self, entity: Entity, relation: RelationKind, kind: EntityKind) -> list[Entity]:
        return [lower for _, lower in self._claims(entity, relation) if lower.kind is kind]


@dataclass(frozen=True, slots=True)
class _Choice:
    """The nodes that are left for a resource; `why`: there are none."""

    nodes: dict[int, Entity]
    why: VerdictReason = VerdictReason.NO_NODE_LEFT


def _allowed(constraints: list[tuple[Claim, Entity]], nodes: Iterable[int], cluster: Entity | None) -> set[int]:
    """The nodes that constraints between resources and nodes leave."""
    allowed = set(nodes) - {node.index for claim, node in constraints if _is_ban(claim)}
    if cluster is not None and cluster.attributes.get("symmetric") is False:
        allowed &= {node.index for claim, node in constraints if not _score(claim).startswith("-")}
    return allowed


def _is_ban(claim: Claim) -> bool:
    return _score(claim) == _BANNED


def _score(claim: Claim) -> str:
    return str(claim.attributes.get("score", ""))


def _started(choice: _Choice, reason: VerdictReason, cluster: Entity | None) -> Judgement:
    if not choice.nodes:
        return Judgement(Verdict.LOST, choice.why, manager=cluster)
    only = next(iter(choice.nodes.values())) if len(choice.nodes) == 1 else None
    return Judgement(Verdict.RESTARTS, reason, only, cluster)


def _without_majority(votes: Quorum) -> Judgement:
    certain = votes.sure or votes.remain == 0 or votes.cluster.attributes.get("quorate") is False
    if certain:
        return Judgement(Verdict.LOST, VerdictReason.QUORUM_LOST)
    return Judgement(Verdict.UNKNOWN, VerdictReason.QUORUM_DOUBTFUL)


def _ignores_quorum(cluster: Entity) -> bool:
    return cluster.attributes.get("no_quorum_policy") == "ignore"


def _is_left_alone(resource: Entity, cluster: Entity) -> bool:
    if cluster.attributes.get("maintenance_mode") or resource.state is EntityState.MAINTENANCE:
        return True
    return resource.attributes.get("managed") is False


def _takes_resources(node: Entity) -> bool:
    """Online, and neither in standby, nor in maintenance, nor about to go."""
    return node.state is EntityState.RUNNING and not node.reason


def _spent_on(resource: Entity) -> list[str]:
    """Names of the nodes on which it has failed too often."""
    return str(resource.attributes.get("exhausted_on", "")).split(",")
