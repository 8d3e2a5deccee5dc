"""Quorum: what is left of a cluster's votes when nodes are lost."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

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
    The votes of a cluster. `lost`: by the loss that is asked about; `remain`: of nodes that are up and stay, with those
    of a quorum device.

    `needed`: to go on. `note`: what else decides, or was counted; empty when nothing is.
    """

    cluster: Entity
    votes: int
    lost: int
    remain: int
    needed: int
    note: str = ""

    @property
    def majority(self) -> bool:
        """True when enough votes remain: more than half of all, or one of the two of a cluster with two_node."""
        return self.remain >= self.needed

    @property
    def said(self) -> str:
        """`2 of 3 votes remain`, with what follows when that is no majority."""
        text = f"{self.remain} of {self.votes} votes remain"
        return text + ("" if self.majority else ", no majority") + (f" ({self.note})" if self.note else "")


def quorum(cluster: Entity, members: Iterable[tuple[Claim, Entity]], lost: Collection[int]) -> Quorum | None:
    """
    The votes of the cluster's members (`votes` of their membership) without the lost; None when none is known.

    Attributes of the cluster count when its source tells them (votequorum(5)): `qdevice_votes` (of a quorum device,
    which gives them to nodes that remain), `two_node` (one of two votes is enough), `wait_for_all`, `no_quorum_policy`.
    """
    votes = [(v, one) for claim, one in members if isinstance(v := claim.attributes.get("votes"), int)]
    total = sum(v for v, _ in votes)
    if total == 0:
        return None
    up = [(v, one) for v, one in votes if one.state not in DOWN]
    gone = sum(v for v, one in up if one.index in lost)
    remain = sum(v for v, _ in up) - gone
    device = _device_votes(cluster)
    total += device
    needed = 1 if total == 2 and cluster.attributes.get("two_node") else total // 2 + 1
    found = Quorum(cluster, total, gone, remain + device if remain else 0, needed)
    return replace(found, note=_note(found, device))


def _device_votes(cluster: Entity) -> int:
    votes = cluster.attributes.get("qdevice_votes")
    return votes if isinstance(votes, int) and not isinstance(votes, bool) else 0


def _note(found: Quorum, device: int) -> str:
    attributes = found.cluster.attributes
    if found.remain == 0:
        waits = "wait_for_all: it starts again only when all its nodes are there"
        return waits if attributes.get("wait_for_all") else ""
    if found.remain == 1 and found.votes == 2:
        if found.majority:
            return "two_node: the other node goes on"
        if "two_node" not in attributes:
            return "it goes on only if corosync has two_node or a quorum device"
    if found.majority:
        return f"{device} of them the quorum device's, if it answers" if device else ""
    policy = attributes.get("no_quorum_policy")
    return f"no-quorum-policy={policy}: what remains stops too" if policy in _STOPPING else ""
