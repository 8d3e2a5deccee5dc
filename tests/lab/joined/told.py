"""
What should be told of both labs: derived from `crm_resource --locate` and virsh's words, from nothing of the gateway.

Each lab's own derivation says what happened there; here is only what the join of the two makes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from tests.lab import told as clusters
from tests.lab.joined.lab import JoinedLab, nodes_on
from tests.lab.joined.virtual_domain import VirtualDomain
from tests.lab.libvirt.status import Status
from tests.lab.libvirt.told import SILENT, UNCERTAIN, Judgement, Notice, heard, judge

HOST_LOST = "hostLost"
EXHAUSTED = "exhausted"


class JoinedOnlooker:
    """
    Follows both labs from step to step; call `look` each time they are at rest, and `told` has what should be told.

    Nodes live in guests; or, with `pair`, they are the hosts, and that resource of the cluster is a guest.
    """

    def __init__(self, lab: JoinedLab, pair: VirtualDomain | None = None) -> None:
        self._lab = lab
        self._pair = pair
        inventory = lab.cluster.inventory
        if pair is not None:
            inventory = replace(inventory, singles=(*inventory.singles, pair.name))
        self._cluster = clusters.Onlooker(lab.cluster, inventory)
        self.judgement, _ = judge(Judgement(), lab.hosts.status(), lab.hosts.vms)
        self._lost: frozenset[str] = frozenset()
        self._given_up = False
        self.told: Counter[Notice] = Counter()

    @property
    def places(self) -> Mapping[str, str]:
        """The node of each resource, at the last look."""
        return self._cluster.places.of

    def look(self) -> Counter[Notice]:
        """What should be told of the time since the last look."""
        status = self._lab.hosts.status()
        before = self.judgement
        self.judgement, notices = judge(before, status, self._lab.hosts.vms)
        moves = self._cluster.look()
        step = Counter({each: count for each, count in notices.items() if not _is_of_a_silence(each)})
        step += self._losses(status, before) + self._surrender()
        for moved, count in moves.items():
            if not self._is_told_as_a_guest(moved, notices):
                step[Notice.relocation(moved.entity, moved.old, moved.new, live=moved.live)] += count
        self.told += step
        return step

    def _losses(self, status: Status, before: Judgement) -> Counter[Notice]:
        """
        A host that is silent, and whose nodes their cluster misses, all of them, is lost until it is heard.

        A host that is silent alone is told as silent.
        """
        silent = {name for name, host in status.hosts.items() if not heard(host)}
        lost = self._lost & silent | {host for host in silent if self._is_missed(host, before)}
        stale, was_stale = silent - lost, {e for c, e in before.conditions if c == SILENT} - self._lost
        changes = Counter(Notice.raised(HOST_LOST, host) for host in lost - self._lost)
        changes.update(Notice.cleared(HOST_LOST, host) for host in self._lost - lost)
        changes.update(Notice.raised(SILENT, host) for host in stale - was_stale)
        changes.update(Notice.cleared(SILENT, host) for host in was_stale - stale)
        self._lost = frozenset(lost)
        return changes

    def _surrender(self) -> Counter[Notice]:
        """The cluster, at rest, runs the pair nowhere although it should: it has given up."""
        if self._pair is None:
            return Counter()
        was, self._given_up = self._given_up, not self._lab.cluster.locate(self._pair.name)
        if was == self._given_up:
            return Counter()
        notice = Notice.raised if self._given_up else Notice.cleared
        return Counter({notice(EXHAUSTED, self._pair.name): 1})

    def _is_missed(self, host: str, before: Judgement) -> bool:
        view = self._lab.cluster.view()
        nodes = nodes_on(host, self._lab.cluster.nodes, before.places if self._pair is None else None)
        return view is not None and bool(nodes) and not view.online & set(nodes)

    def _is_told_as_a_guest(self, moved: clusters.Told, notices: Counter[Notice]) -> bool:
        """The guest that the resource is moved by virsh's words: that is told, once, for the guest."""
        if self._pair is None or moved.entity != self._pair.name:
            return False
        return any(notice.what == "relocation" and notice.entity == self._pair.vm for notice in notices)


def _is_of_a_silence(notice: Notice) -> bool:
    """
    What `_losses` judges instead. Guests leave a silent host only when it was lost with its nodes here, and of a host
    that is lost nobody asks what may still run there.
    """
    return notice.what in ("raised", "cleared") and notice.detail in (SILENT, UNCERTAIN)
