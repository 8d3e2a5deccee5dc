"""Quorum: what is left of a cluster's votes when nodes are lost."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gateway.model.entities import EntityState
from gateway.model.rows import Claim, Entity

DOWN = frozenset(
    {EntityState.OFFLINE, EntityState.UNCLEAN, EntityState.STOPPED, EntityState.FAILED, EntityState.CRASHED}
)
"""States of a node that gives no vote."""
_STOPPING = ("stop", "suicide", "fence", "demote")


@dataclass(frozen=True, slots=True)
class Quorum:
    """
    The votes of a cluster. `lost`: by the loss that is asked about; `remain`: of nodes that are up and stay.

    `majority` is of all `votes`. `note`: what else decides, empty when nothing does.
    """

    cluster: Entity
    votes: int
    lost: int
    remain: int
    note: str = ""

    @property
    def majority(self) -> bool:
        """True when more than half of all votes remain."""
        return 2 * self.remain > self.votes

    @property
    def said(self) -> str:
        """`2 of 3 votes remain`, with what follows when that is no majority."""
        text = f"{self.remain} of {self.votes} votes remain"
        return text + ("" if self.majority else ", no majority") + (f" ({self.note})" if self.note else "")


def quorum(cluster: Entity, members: Iterable[tuple[Claim, Entity]], lost: Collection[int]) -> Quorum | None:
    """
    The votes of the cluster's members (`votes` of their membership) without the lost; None when none is known.

    Attributes of the cluster count when its source tells them: `qdevice_votes` (votes of a quorum device, which stay),
    `two_node` (corosync.conf: one of two nodes is enough), `no_quorum_policy`.
    """
    votes = [(v, one) for claim, one in members if isinstance(v := claim.attributes.get("votes"), int)]
    total = sum(v for v, _ in votes)
    if total == 0:
        return None
    up = [(v, one) for v, one in votes if one.state not in DOWN]
    gone = sum(v for v, one in up if one.index in lost)
    device = cluster.attributes.get("qdevice_votes")
    extra = device if isinstance(device, int) and not isinstance(device, bool) else 0
    remain = sum(v for v, _ in up) - gone
    found = Quorum(cluster, total + extra, gone, remain + extra)
    return found if found.majority else Quorum(cluster, found.votes, gone, found.remain, _note(found))


def _note(found: Quorum) -> str:
    attributes = found.cluster.attributes
    if found.remain == 1 and found.votes == 2 and "two_node" not in attributes:
        return "it goes on only if corosync has two_node or a quorum device"
    if found.remain == 1 and found.votes == 2 and attributes["two_node"]:
        return "two_node: the other node goes on"
    policy = attributes.get("no_quorum_policy")
    return f"no-quorum-policy={policy}: what remains stops too" if found.remain and policy in _STOPPING else ""
