"""Walks while things move: no loop, no unchanged row skipped, no torn row, one revision in each PDU."""

from __future__ import annotations

import random
import threading
import time
from itertools import pairwise

import pytest

from gateway.model.snapshot import Snapshot
from gateway.wire.pdu import PduType
from gateway.wire.values import Empty, Gauge32, OctetString, VarBind
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import REVISION, TABLES, Asker
from tests.publishers.snmp.test_recent import relocation

COUNT = 600
HOSTS = 30
WHERE, ENTITY = TABLES["where"], TABLES["entity"]
HOST_INDEX, HOST_NAME, SINCE = (*WHERE, 1), (*WHERE, 2), (*WHERE, 5)


class Restless(running.Holder):
    """A topology in which something happens before each PDU."""

    def __init__(self, snapshot: Snapshot, seed: int, *, come_and_go: bool = False) -> None:
        super().__init__(snapshot)
        self.chance = random.Random(seed)
        self.come_and_go = come_and_go
        self.away: dict[int, object] = {}

    def step(self) -> None:
        vms = range(HOSTS + 1, COUNT + 1)
        for _ in range(self.chance.randint(0, 3)):
            vm = self.chance.choice(vms)
            if vm not in self.away:
                self.snapshot = estate.moved(self.snapshot, vm, to=self.chance.randint(1, HOSTS))
        if self.come_and_go and self.chance.random() < 0.5:
            self._one_goes_or_comes(self.chance.choice(range(HOSTS + 2, COUNT, 3)))

    def _one_goes_or_comes(self, vm: int) -> None:
        placement = self.away.pop(vm, None)
        if placement is None:
            self.away[vm] = self.snapshot.placements.get(vm)
        self.snapshot = estate.placed(self.snapshot, {vm: placement})


def is_whole(row: list[VarBind], snapshot: Snapshot) -> bool:
    """Whether index, name and time of a row are those of one snapshot."""
    index, name, _ = (varbind.value for varbind in row)
    vm = row[0].oid[-1]
    placement = snapshot.placements.get(vm)
    assert placement is not None
    return index == Gauge32(placement.host) and name == OctetString(f"host-{placement.host:04d}".encode())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("repetitions", [1, 7, 25, 100])
def test_rows_read_together_are_of_one_revision_and_none_is_missed(seed, repetitions):
    holder = Restless(estate.snapshot(COUNT), seed, come_and_go=True)
    asker = Asker(running.make(holder))
    stays = {vm for vm in range(HOSTS + 1, COUNT + 1) if (vm - HOSTS - 2) % 3}
    seen: list[int] = []
    names = [HOST_INDEX, HOST_NAME, SINCE]
    while names[0][:-1] == HOST_INDEX or names[0] == HOST_INDEX:
        holder.step()
        found = asker.varbinds(PduType.GET_BULK, *names, REVISION[:-1], numbers=(0, repetitions))
        rows = [found[place : place + 4] for place in range(0, len(found), 4)]
        for row in rows:
            if row[0].oid[:-1] != HOST_INDEX:
                break
            assert [varbind.oid[-1] for varbind in row[:3]] == [row[0].oid[-1]] * 3
            assert is_whole(row[:3], holder.snapshot)
            seen.append(row[0].oid[-1])
        names = [varbind.oid for varbind in rows[-1][:3]]
    assert all(one < other for one, other in pairwise(seen))
    assert stays <= set(seen)


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_of_everything_by_getnext_goes_forward_only(seed):
    holder = Restless(estate.snapshot(COUNT), seed, come_and_go=True)
    asker = Asker(running.make(holder))
    oid, steps = (1, 3), 0
    while True:
        if steps % 20 == 0:
            holder.step()
        found = asker.next(oid)
        if found.value is Empty.END_OF_MIB_VIEW:
            break
        assert found.oid > oid
        oid, steps = found.oid, steps + 1
    assert steps > COUNT * 20


def test_net_snmp_walks_everything_during_a_hundred_relocations_a_second():
    netsnmp.require()
    holder = Restless(estate.snapshot(COUNT), 9)
    done = threading.Event()
    moves = 0

    def relocate() -> None:
        nonlocal moves
        while not done.wait(0.01):
            holder.snapshot = estate.moved(
                holder.snapshot, holder.chance.randint(HOSTS + 1, COUNT), to=holder.chance.randint(1, HOSTS)
            )
            moves += 1

    with running.running(holder) as publisher:
        publisher.remember(relocation(number) for number in range(1, 100))
        mover = threading.Thread(target=relocate)
        mover.start()
        try:
            begun = time.monotonic()
            port = publisher.addresses[0][1]
            walked = netsnmp.ask("snmpbulkwalk", port, "-m", "ALL", "-Cr20", "1.3.6.1")
            stepped = netsnmp.ask("snmpwalk", port, "TOPOLOGY-GATEWAY-MIB::topoWhereTable")
            lasted = time.monotonic() - begun
        finally:
            done.set()
            mover.join()
        assert publisher.counters.internal_errors == 0
    print(f"{moves} relocations in {lasted:.1f} s")
    assert moves > 10
    for said in (walked, stepped):
        for fault in ("Wrong Type", "not increasing", "No Such", "Error in packet", "Unknown Object", "Timeout"):
            assert fault not in said
    assert netsnmp.unknown_names(walked) == []
    assert "92.1.3.2.1" in walked or "nlmLogVariableID" in walked
    for text in (walked, stepped):
        rows = [line for line in text.splitlines() if "topoWhereHostIndex." in line]
        assert len(rows) == COUNT - HOSTS
    assert "7163.1.9.1.13." in walked or "topoImpactVerdict." in walked
