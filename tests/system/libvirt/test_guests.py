"""What happens to guests where they are: failures are told and cleared, what a person does is not told."""

from __future__ import annotations

import pytest

from tests.lab.libvirt.told import Notice
from tests.system.libvirt.comparison import Comparison

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def crashed(seen: Comparison, vm: str, host: str) -> None:
    """The guest is down because it failed: told; a start clears it."""
    seen.lab.wait_state(vm, host, "shut off (crashed)")
    seen.step(Notice.raised("crashed", vm))
    seen.lab.start(vm, host)
    seen.step(Notice.cleared("crashed", vm))
    seen.end()


def test_a_killed_qemu_is_a_crash(seen: Comparison):
    crashed(seen, "vm1", seen.lab.kill("vm1"))


def test_a_panic_is_a_crash(seen: Comparison):
    host = seen.lab.place("vm1")
    seen.lab.panic("vm1")
    crashed(seen, "vm1", host)


def test_a_panic_by_nmi_is_a_crash(seen: Comparison):
    host = seen.lab.place("vm1")
    seen.lab.nmi("vm1")
    crashed(seen, "vm1", host)


def test_one_reset_by_the_watchdog_is_not_told(seen: Comparison):
    seen.lab.watchdog("vm2")
    seen.nothing()
    seen.lab.wait_beating("vm2")


def test_the_reset_button_is_not_told(seen: Comparison):
    seen.lab.reset_guest("vm3")
    seen.nothing()


def test_an_io_error_that_lasts_is_told_until_it_is_healed(seen: Comparison):
    paused = seen.lab.fill_storage()
    seen.step(*(Notice.raised("pausedIoError", vm) for vm in paused))
    seen.lab.heal_storage()
    seen.step(*(Notice.cleared("pausedIoError", vm) for vm in paused))
    seen.end()


def test_an_io_error_that_is_healed_at_once_is_not_told(seen: Comparison):
    seen.lab.fill_storage()
    seen.lab.heal_storage()
    seen.nothing()


def test_a_guest_that_is_saved_and_restored_is_not_told(seen: Comparison):
    host = seen.lab.managed_save("vm1")
    seen.nothing()
    seen.lab.start("vm1", host)
    seen.nothing()


def test_a_paused_guest_is_not_told(seen: Comparison):
    seen.lab.suspend("vm1")
    seen.nothing()
    seen.lab.resume("vm1")
    seen.nothing()


def test_a_guest_that_powers_itself_off_is_not_told(seen: Comparison):
    host = seen.lab.place("vm2")
    seen.lab.power_off_guest("vm2")
    seen.lab.wait_state("vm2", host, "shut off (shutdown)")
    seen.nothing()


def test_a_destroyed_guest_is_not_told_and_a_start_elsewhere_is_a_relocation(seen: Comparison):
    old, new = seen.lab.place("vm3"), seen.lab.elsewhere("vm3")
    seen.lab.destroy("vm3")
    seen.nothing()
    seen.lab.start("vm3", new)
    seen.step(Notice.relocation("vm3", old, new, live=False))
    seen.end()


def test_an_undefined_guest_is_not_told(seen: Comparison):
    host = seen.lab.place("vm2")
    seen.lab.destroy("vm2")
    seen.lab.undefine("vm2")
    seen.nothing()
    seen.lab.start("vm2", host)
    seen.nothing()


@pytest.mark.parametrize("ended", ["the second copy", "the first copy"])
def test_a_guest_that_runs_twice_is_a_conflict_until_one_copy_ends(seen: Comparison, ended: str):
    first, second = seen.lab.place("vm1"), seen.lab.elsewhere("vm1")
    seen.lab.split_brain("vm1", second)
    seen.step(Notice.raised("placementConflict", "vm1"))
    if ended == "the second copy":
        seen.lab.destroy("vm1", second)
        seen.step(Notice.cleared("placementConflict", "vm1"))
    else:
        seen.lab.destroy("vm1", first)
        seen.step(Notice.cleared("placementConflict", "vm1"), Notice.relocation("vm1", first, second, live=False))
    seen.end()
