"""Disks that go to another pool: told once, when the guest goes on with the copy, in the log and by trap."""

from __future__ import annotations

import pytest

from tests.lab.libvirt.told import Notice
from tests.system.libvirt.comparison import Comparison

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

WARNING = "6"  # TopologySeverity


def pools_of(seen: Comparison, vm: str, **at: str) -> list[str]:
    """The pools that a guest's disks are in, now or at a time."""
    hops = seen.gateway.get(f"/where/{vm}", **at)["storage"]
    named = []
    while hops:
        named += [hop["entity"]["name"] for hop in hops if hop["entity"]["kind"] == "storage_pool"]
        hops = [below for hop in hops for below in (*hop["below"], *hop["storage"])]
    return named


def test_a_disk_that_is_copied_to_another_pool_is_told_when_the_guest_goes_on_with_the_copy(seen: Comparison):
    seen.lab.begin_copy("vm1", "local")
    seen.nothing()
    before = seen.gateway.get("/where/vm1")["at"]
    seen.lab.end_copy("vm1")
    moved = Notice.storage("vm1", "shared", "local", live=True)
    seen.told[moved] += 1
    seen.step()
    trap = seen.trap_of(moved)
    host = seen.lab.place("vm1")
    assert trap.objects["topoEventText"] == f"vda of vm1 went from shared of {host} to local of {host}"
    assert (trap.objects["topoEventSeverity"], trap.objects["topoEventMembers"]) == (WARNING, "vm1-copy.img")
    assert (pools_of(seen, "vm1"), pools_of(seen, "vm1", at=before)) == (["local"], ["shared"])
    seen.end()


def test_a_migration_that_takes_the_disk_along_is_told_for_the_host_and_then_for_the_storage(seen: Comparison):
    seen.lab.copy_disk("vm2", "local")
    seen.told[Notice.storage("vm2", "shared", "local", live=True)] += 1
    seen.step()
    old, new = seen.lab.place("vm2"), seen.lab.elsewhere("vm2")
    seen.lab.migrate("vm2", new, options=("--copy-storage-all",))
    seen.told[Notice.storage("vm2", "local", "local", live=True)] += 1
    seen.step(Notice.relocation("vm2", old, new, live=True))
    host, storage = seen.traps()[-2:]
    assert [trap.name for trap in (host, storage)] == ["topologyRelocation", "topologyStorageRelocation"]
    assert storage.objects["topoEventText"] == f"vda of vm2 went from local of {old} to local of {new}"
    told_of_host, told_of_storage = seen.events()[-2:]
    assert told_of_storage["caused_by"] == told_of_host["id"]
    assert told_of_storage["evidence"] == [f"its migration away from {old} copied its disks"]
    seen.end()


def test_a_disk_that_moved_while_the_gateway_was_away_is_told_once(seen: Comparison):
    seen.gateway.kill()
    seen.lab.copy_disk("vm3", "local")
    seen.gateway.start()
    seen.gateway.await_sources()
    seen.told[Notice.storage("vm3", "shared", "local", live=True)] += 1
    seen.step()
    seen.gateway.kill()
    seen.gateway.start()
    seen.gateway.await_sources()
    seen.nothing()
    seen.end()
