"""Hosts that crash, hang or are cut off: their silence is told, and nothing is derived from it alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab.libvirt import LibvirtLab
from tests.lab.libvirt.told import Notice
from tests.system.libvirt.comparison import LONGEST_SETTLE_S, Comparison

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SOON_S = 2.0
Verb = Callable[[LibvirtLab, str], None]


def test_a_host_that_crashes_is_silent_and_after_its_boot_its_guests_are_missing(seen: Comparison):
    host = seen.lab.place("vm1")
    guests = [vm for vm in seen.lab.vms if seen.lab.place(vm) == host]
    seen.lab.crash_host(host)
    seen.step(Notice.raised("sourceStale", host))
    seen.lab.boot_host(host)
    seen.step(Notice.cleared("sourceStale", host), *(Notice.raised("crashed", vm) for vm in guests))
    for vm in guests:
        seen.lab.start(vm, host)
    seen.step(*(Notice.cleared("crashed", vm) for vm in guests))
    seen.end()


def test_a_guest_started_elsewhere_while_its_host_is_away_is_told_as_uncertain(seen: Comparison):
    old, new = seen.lab.place("vm1"), seen.lab.elsewhere("vm1")
    seen.lab.crash_host(old)
    seen.step(Notice.raised("sourceStale", old))
    seen.lab.start("vm1", new)
    seen.step(Notice.relocation("vm1", old, new, live=False), Notice.raised("placementUncertain", "vm1"))
    seen.lab.boot_host(old)
    back = seen.step()
    assert back[Notice.cleared("placementUncertain", "vm1")] == 1
    assert back[Notice.cleared("sourceStale", old)] == 1
    assert back[Notice.raised("crashed", "vm1")] == 0
    seen.end()


@pytest.mark.parametrize("end", [LibvirtLab.kill_daemon, LibvirtLab.stop_daemon], ids=["killed", "stopped"])
def test_a_daemon_that_is_started_again_soon_is_not_told(seen: Comparison, end: Verb):
    host = seen.lab.place("vm1")
    end(seen.lab, host)
    seen.lab.start_daemon(host)
    seen.nothing()


@pytest.mark.parametrize(
    ("silence", "return_"),
    [
        (LibvirtLab.kill_daemon, LibvirtLab.start_daemon),
        (LibvirtLab.stop_daemon, LibvirtLab.start_daemon),
        (LibvirtLab.hang_daemon, LibvirtLab.continue_daemon),
        (LibvirtLab.isolate, LibvirtLab.reconnect),
    ],
    ids=["killed", "stopped", "hung", "isolated"],
)
def test_a_silent_host_is_stale_and_not_gone(seen: Comparison, silence: Verb, return_: Verb):
    host, other = places_apart(seen)
    silence(seen.lab, host)
    seen.step(Notice.raised("sourceStale", host), quiet_s=LONGEST_SETTLE_S)
    (hop, *_) = seen.gateway.get("/where/vm1")["hops"]
    assert (hop["entity"]["name"], hop["stale"]) == (host, True), hop
    (hop, *_) = seen.gateway.get("/where/vm2")["hops"]
    assert (hop["entity"]["name"], hop["stale"]) == (other, False), hop
    return_(seen.lab, host)
    seen.step(Notice.cleared("sourceStale", host))
    seen.end()


def test_what_happened_on_a_host_that_was_cut_off_is_found_out_afterwards(seen: Comparison):
    host = seen.lab.place("vm1")
    seen.lab.isolate(host)
    seen.step(Notice.raised("sourceStale", host))
    seen.lab.kill("vm1", host)
    seen.lab.wait_state("vm1", host, "shut off (crashed)")
    seen.nothing()
    seen.lab.reconnect(host)
    seen.step(Notice.cleared("sourceStale", host), Notice.raised("crashed", "vm1"))
    seen.lab.start("vm1", host)
    seen.step(Notice.cleared("crashed", "vm1"))
    seen.end()


def test_a_guest_that_crashed_while_libvirtd_was_down_is_told_when_it_is_back(seen: Comparison):
    host = seen.lab.place("vm1")
    seen.lab.stop_daemon(host)
    seen.lab.kill("vm1", host)
    seen.lab.start_daemon(host)
    seen.step(Notice.raised("crashed", "vm1"))
    seen.lab.start("vm1", host)
    seen.step(Notice.cleared("crashed", "vm1"))
    seen.end()


def test_a_hung_host_does_not_delay_what_is_told_of_the_others(seen: Comparison):
    hung, old = places_apart(seen)
    seen.lab.hang_daemon(hung)
    _told_soon(seen, old, hung)
    seen.step()
    seen.lab.continue_daemon(hung)
    seen.step(Notice.cleared("sourceStale", hung))
    seen.end()


def test_a_guest_whose_qemu_hangs_does_not_delay_what_is_told_of_the_others(seen: Comparison):
    host, old = places_apart(seen)
    seen.lab.wedge("vm1")
    _told_soon(seen, old, host)
    seen.step()
    seen.lab.unwedge("vm1")
    seen.nothing()


def places_apart(seen: Comparison) -> tuple[str, str]:
    """Where vm1 and vm2 are, which are on two hosts then."""
    first, second = seen.lab.place("vm1"), seen.lab.place("vm2")
    if first == second:
        seen.lab.migrate("vm2", seen.lab.elsewhere("vm2"))
        seen.step()
    return first, seen.lab.place("vm2")


def _told_soon(seen: Comparison, old: str, avoided: str) -> None:
    """vm2 migrates to a third host, and that is told soon."""
    new = next(host for host in seen.lab.hosts if host not in (avoided, old))
    seen.lab.migrate("vm2", new)
    began = time.time()
    seen.note()
    assert seen.await_heard(Notice.relocation("vm2", old, new, live=True)).time - began < SOON_S
