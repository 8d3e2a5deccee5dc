"""Quorum: what is left of a cluster's votes when nodes are lost."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.model.entities import EntityState
from gateway.model.rows import Claim, Entity

DOWN = frozenset(
    {EntityState.OFFLINE, EntityState.UNCLEAN, EntityState.STOPPED, EntityState.FAILED, EntityState.CRASHED}
)
"""States of a node that gives no vote."""
_UNKNOWN = "each node counted as one: nothing tells how corosync counts"
_STOPPING = ("stop", "suicide", "fence", "demote")
"""Values of no-quorum-policy by which what remains stops; by demote, promoted instances are demoted."""
_GOING_ON = {
    "freeze": "what remains goes on, what is lost is not started there",
    "ignore": "what remains goes on as with a majority",
}


@dataclass(frozen=True, slots=True)
class Quorum:
    """
    The votes of a cluster, as many as are expected. `lost`: by the loss that is asked about; `remain`: of nodes that
    are up and stay, with those of a quorum device.

    `needed`: to go on. `note`: what else decides, or was counted; empty when nothing is. `sure` False: a rule of
    corosync's, or what nobody tells, may let fewer go on.
    """

    cluster: Entity
    votes: int
    lost: int
    remain: int
    needed: int
    note: str = ""
    sure: bool = True

    @property
    def stops(self) -> bool:
        """True when what is left of the cluster runs nothing: no node is left, or by its no-quorum-policy."""
        attributes = self.cluster.attributes
        gives_up = attributes.get("no_quorum_policy") in _STOPPING and not attributes.get("maintenance_mode")
        return self.remain == 0 or (gives_up and not self.majority)

    @property
    def majority(self) -> bool:
        """
        True when enough votes remain: more than half of all, or one of the two of a cluster with two_node.

        A cluster that has no quorum now gains none by a loss.
        """
        return self.remain >= self.needed and self.cluster.attributes.get("quorate") is not False

    @property
    def said(self) -> str:
        """`2 of 3 votes remain`, with what follows when that is no majority."""
        text = f"{self.remain} of {self.votes} votes remain"
        return text + ("" if self.majority else ", no majority") + (f" ({self.note})" if self.note else "")


def quorum(cluster: Entity, members: Iterable[tuple[Claim, Entity]], lost: Collection[int]) -> Quorum | None:
    """
    The votes of the cluster's members (`votes` of their membership) without the lost; None when none is known.

    Attributes of the cluster count when its source tells them (votequorum(5)): `expected_votes`, `qdevice_votes` (of a
    quorum device, which gives them to nodes that remain), `two_node` (one of two votes is enough), `auto_tie_breaker`,
    `last_man_standing`, `wait_for_all`, `no_quorum_policy`. Where a rule may let fewer go on, the note says so.
    """
    votes = [(v, one) for claim, one in members if isinstance(v := claim.attributes.get("votes"), int)]
    counted = sum(v for v, _ in votes) + _number(cluster, "qdevice_votes")
    if not any(v for v, _ in votes):
        return None
    up = [(v, one) for v, one in votes if one.state not in DOWN]
    gone = [v for v, one in up if one.index in lost]
    remain = sum(v for v, _ in up) - sum(gone)
    total = max(counted, _number(cluster, "expected_votes"))
    remain += _device_votes(cluster) if remain else 0
    found = Quorum(cluster, total, sum(gone), remain, _needed(cluster, total))
    seen = counted - sum(v for v, one in votes if one.state in DOWN)
    rules = ", or ".join(_rules(found, seen, len(gone)))
    return replace(found, note="; ".join(_notes(found, counted, rules)), sure=not rules and _is_told(cluster))


def _number(cluster: Entity, name: str) -> int:
    value = cluster.attributes.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _needed(cluster: Entity, expected: int) -> int:
    """A majority of what is expected; with two_node, which auto_tie_breaker ends, one of two."""
    attributes = cluster.attributes
    one_of_two = expected == 2 and attributes.get("two_node") and not attributes.get("auto_tie_breaker")
    return 1 if one_of_two else expected // 2 + 1


def _device_votes(cluster: Entity) -> int:
    """Votes that a quorum device gives: none with rules that exclude it."""
    excluded = cluster.attributes.get("auto_tie_breaker") or cluster.attributes.get("last_man_standing")
    return 0 if excluded else _number(cluster, "qdevice_votes")


def _is_told(cluster: Entity) -> bool:
    """True when its source tells how corosync counts."""
    return not cluster.attributes.keys().isdisjoint(("two_node", "qdevice_votes"))


def _notes(found: Quorum, counted: int, rules: str) -> Iterator[str]:
    """`counted`: votes of nodes and device; `rules`: that may let it go on without a majority."""
    attributes = found.cluster.attributes
    if found.remain == 0:
        if attributes.get("wait_for_all"):
            yield "wait_for_all: it starts again only when all its nodes are there"
        return
    if counted < found.votes:
        yield f"corosync expects {found.votes}, the nodes have {counted}"
    pair = found.remain == 1 and found.votes == 2
    if not _is_told(found.cluster):
        yield "it goes on only if corosync has two_node or a quorum device" if pair else _UNKNOWN
    if found.majority:
        if pair:
            yield "two_node: the other node goes on"
        elif device := _device_votes(found.cluster):
            yield f"{device} of them the quorum device's, if it answers"
        return
    if attributes.get("quorate") is False:
        yield "it has no quorum now"
    elif rules:
        yield f"may stay quorate: {rules}"
    policy = str(attributes.get("no_quorum_policy", ""))
    if policy in _STOPPING and attributes.get("maintenance_mode"):
        yield f"no-quorum-policy={policy}, but in maintenance mode nothing is stopped"
    elif does := "what remains stops too" if policy in _STOPPING else _GOING_ON.get(policy, ""):
        yield f"no-quorum-policy={policy}: {'else ' if rules else ''}{does}"


def _rules(found: Quorum, seen: int, gone: int) -> Iterator[str]:
    """
    The rules that may let it go on without a majority; none lets one go on that has no quorum now.

    `seen`: votes of nodes and device without those of nodes that are down; `gone`: how many nodes go.
    """
    if found.majority or found.cluster.attributes.get("quorate") is False:
        return
    tie = found.cluster.attributes.get("auto_tie_breaker")
    expected = _number(found.cluster, "expected_votes")
    least = max(expected, seen) if expected else found.votes
    if found.remain >= _needed(found.cluster, least):
        yield f"expected_votes is {expected}, if not all its nodes were up together"
    if found.cluster.attributes.get("last_man_standing") and found.remain > (0 if tie else 1):
        yield "last_man_standing, if nodes are lost one after another"
    if tie and found.remain >= least // 2 and gone < found.needed:
        yield "auto_tie_breaker, if the deciding node remains"
