"""Crashes, I/O errors, storms: what is raised, what is left alone, and in which words."""

import pytest

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityState
from tests.collectors.libvirt.given import (
    BOOTED,
    CRASHED,
    DESTROYED,
    FAILED,
    IO_ERROR,
    LEFT,
    MIGRATED,
    OFF,
    SAVED,
    SHUT_DOWN,
    Lab,
    conditions,
    domain,
    told,
    with_disk,
)


def ran() -> Lab:
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED))
    return lab


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (CRASHED, "vm1 crashed on h1"),
        (FAILED, "vm1 could not be started, or restored, on h1"),
        ((6, 1), "vm1 crashed on h1 and is kept as it was (on_crash=preserve)"),
        ((3, 10), "vm1 crashed on h1 and is kept as it was (on_crash=preserve)"),
        ((3, 6), "vm1 hung on h1: its watchdog fired and paused it"),
    ],
)
def test_what_nobody_repairs_is_told_after_ten_seconds_and_cleared_when_it_runs(shown, said):
    lab = ran()
    lab.read(10, "h1", domain(shown))
    assert lab.wait(19.9) == []
    (event,) = lab.wait(20)
    assert told([event]) == [("failure_raised", "vm1", "crashed")]
    assert event.text == said
    assert "virsh" in event.remedy
    assert told(lab.read(30, "h1", domain(BOOTED, instance=2))) == [("failure_cleared", "vm1", "crashed")]


@pytest.mark.parametrize("shown", [SHUT_DOWN, DESTROYED, SAVED, (5, 7), (3, 1), (7, 0), (4, 0)])
def test_what_a_person_or_the_guest_asked_for_is_no_failure(shown):
    lab = ran()
    lab.read(10, "h1", domain(shown))
    assert lab.wait(900) == []
    assert conditions(lab.last["h1"], None) == []


def test_a_crash_that_is_over_within_ten_seconds_is_not_told():
    lab = ran()
    lab.read(10, "h1", domain(CRASHED))
    assert lab.read(19, "h1", domain(BOOTED, instance=2)) == lab.wait(900) == []


# -- the host or its daemon restarted --------------------------------------------------------------------------


def test_what_was_active_before_its_host_restarted_and_is_off_since_has_died():
    lab = ran()
    lab.read(300, "h1", domain(OFF))
    (event,) = lab.wait(310)
    assert event.text == "vm1 was active on h1 and is off since the host or its libvirt daemon restarted"
    assert (lab.shown().state, lab.shown().reason) == (
        EntityState.CRASHED,
        "off since its host or daemon restarted",
    )
    assert lab.read(360, "h1", domain(OFF)) == []
    assert told(lab.read(420, "h1", domain(BOOTED, instance=2))) == [("failure_cleared", "vm1", "crashed")]


def test_what_runs_elsewhere_by_then_has_not_died():
    lab = ran()
    lab.read(0, "h2")
    lab.read(200, "h2", domain(BOOTED))
    lab.read(300, "h1", domain(OFF))
    assert conditions(lab.last["h1"], None) == []


def test_a_domain_that_was_never_seen_to_run_is_only_off():
    lab = Lab()
    lab.read(0, "h1", domain(OFF))
    assert lab.wait(900) == []
    assert lab.shown().state is EntityState.STOPPED


def test_off_for_an_unknown_reason_neither_begins_a_crash_nor_ends_one():
    lab = ran()
    lab.read(10, "h1", domain(CRASHED))
    assert told(lab.wait(20)) == [("failure_raised", "vm1", "crashed")]
    lab.memories.clear()  # the gateway restarted, and libvirtd lost the reason
    assert lab.read(60, "h1", domain(OFF)) == []
    assert told(lab.read(70, "h1", domain(BOOTED))) == [("failure_cleared", "vm1", "crashed")]


def test_a_stop_that_was_told_is_no_death_though_the_reason_is_lost():
    lab = ran()
    lab.event(10, "h1", "LIFECYCLE", "STOPPED", "DESTROYED")
    lab.read(300, "h1", domain(OFF))
    assert lab.wait(900) == []


# -- transient domains: gone with their end --------------------------------------------------------------------


def test_a_transient_domain_that_fails_is_missed_though_its_host_forgot_it():
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, persistent=False))
    lab.event(10, "h1", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(10, "h1")
    (event,) = lab.wait(20)
    assert event.text == "vm1 failed on h1, and was not defined there for good: the host does not know it any more"
    assert lab.read(60, "h1") == lab.read(120, "h1") == []
    assert lab.shown().state is EntityState.CRASHED
    assert told(lab.read(180, "h1", domain(BOOTED, instance=2))) == [("failure_cleared", "vm1", "crashed")]


def test_it_is_missed_where_it_was_not_where_a_definition_of_it_stayed():
    lab = ran()
    lab.read(10, "h2", domain(MIGRATED, persistent=False))
    lab.read(10, "h1", domain(LEFT))
    lab.event(20, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(20, "h2")
    lab.read(25, "h1", domain(LEFT))
    assert told(lab.wait(40)) == [("failure_raised", "vm1", "crashed")]
    events = lab.read(60, "h1", domain(BOOTED, instance=2)) + lab.read(61, "h2")
    assert sorted(told(events)) == [("failure_cleared", "vm1", "crashed"), ("relocation", "vm1", "h2", "h1")]
    assert conditions(lab.last["h2"], None) == []


def test_what_ran_elsewhere_since_is_not_missed_again_when_it_is_removed_there():
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, persistent=False))
    lab.read(1, "h2")
    lab.read(60, "h1")
    lab.read(62, "h2", domain(BOOTED))
    lab.read(120, "h1")
    lab.event(130, "h2", "LIFECYCLE", "STOPPED", "DESTROYED")
    lab.event(130, "h2", "LIFECYCLE", "UNDEFINED", "REMOVED")
    lab.reread(130, "h2")
    lab.read(180, "h1")
    assert lab.last["h1"].conditions == ()
    assert lab.house.snapshot.named("vm1") == ()


def test_a_transient_domain_that_vanished_with_its_host_has_died():
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, persistent=False))
    lab.read(300, "h1")
    (event,) = lab.wait(310)
    assert event.text == "vm1 was active on h1, which does not know it any more: nobody told what ended it"


@pytest.mark.parametrize("how", ["DESTROYED", "SHUTDOWN", "SAVED", "MIGRATED"])
def test_a_transient_domain_that_ended_as_it_should_is_gone(how):
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, persistent=False))
    lab.event(10, "h1", "LIFECYCLE", "STOPPED", how)
    lab.reread(10, "h1")
    assert lab.wait(900) == []
    assert lab.house.snapshot.named("vm1") == ()


def test_an_end_that_is_told_after_the_read_that_shows_it_still_counts():
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, persistent=False))
    lab.read(10, "h1")
    lab.event(10.1, "h1", "LIFECYCLE", "STOPPED", "DESTROYED")
    lab.reread(10.3, "h1")
    assert lab.wait(900) == []


def test_a_crashed_domain_whose_definition_a_person_removes_is_gone():
    lab = ran()
    lab.event(10, "h1", "LIFECYCLE", "STOPPED", "FAILED")
    lab.read(10, "h1", domain(CRASHED))
    lab.wait(20)
    lab.event(30, "h1", "LIFECYCLE", "UNDEFINED", "REMOVED")
    assert told(lab.reread(30, "h1")) == [("failure_cleared", "vm1", "crashed")]
    assert lab.house.snapshot.named("vm1") == ()


def test_after_a_day_nobody_misses_it_any_more():
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, persistent=False))
    lab.read(60, "h1")
    lab.wait(100)
    assert told(lab.read(60 + 86_401, "h1")) == [("failure_cleared", "vm1", "crashed")]


# -- I/O errors ------------------------------------------------------------------------------------------------


def test_an_io_error_that_lasts_names_the_disk_and_what_is_wrong_with_it():
    lab = Lab()
    of = with_disk("/srv/vms/db.qcow2")
    lab.read(0, "h1", domain(BOOTED, defined=of))
    lab.event(10, "h1", "IO_ERROR_REASON", "/srv/vms/db.qcow2", "virtio-disk0", "1", "enospc")
    lab.read(10, "h1", domain(IO_ERROR, defined=of))
    assert lab.wait(39.9) == []
    (event,) = lab.wait(40)
    assert event.condition is ConditionKind.PAUSED_IO_ERROR
    assert event.text == "vm1 is paused on h1: I/O error of disk vda (/srv/vms/db.qcow2): its storage is full (enospc)"
    assert event.remedy == "free space where /srv/vms/db.qcow2 is, then: virsh resume vm1 on h1"
    lab.event(50, "h1", "LIFECYCLE", "RESUMED", "UNPAUSED")
    assert told(lab.read(50, "h1", domain((1, 5), defined=of))) == [("failure_cleared", "vm1", "pausedIoError")]


def test_an_io_error_that_was_not_told_is_one_all_the_same():
    lab = ran()
    lab.read(10, "h1", domain(IO_ERROR))
    (event,) = lab.wait(40)
    assert event.text == "vm1 is paused on h1: an I/O error of one of its disks"
    assert "virsh domblkerror vm1" in event.remedy


def test_an_io_error_that_is_healed_in_time_is_not_told():
    lab = ran()
    lab.read(10, "h1", domain(IO_ERROR))
    assert lab.read(39, "h1", domain((1, 5))) == lab.wait(900) == []


# -- storms ----------------------------------------------------------------------------------------------------


def test_three_watchdogs_within_ten_minutes_are_a_storm_and_it_ends():
    lab = ran()
    for at_s in (0, 250, 500):
        lab.event(at_s, "h1", "WATCHDOG", "2")
        assert lab.read(at_s + 1, "h1", domain(BOOTED)) == []
    (event,) = lab.wait(520)
    assert told([event]) == [("finding_raised", "vm1", "degraded")]
    assert event.text == "vm1 on h1 does not stay up: its watchdog fired at least 3 times in 10 minutes"
    assert told(lab.read(601, "h1", domain(BOOTED))) == [("finding_cleared", "vm1", "degraded")]


def test_one_reset_is_told_three_times_by_libvirt_and_is_one():
    lab = ran()
    for at_s in (62.931, 62.997, 63.010):
        lab.event(at_s, "h1", "REBOOT")
    lab.read(70, "h1", domain(BOOTED))
    assert conditions(lab.last["h1"]) == []
    for at_s in (100, 200):
        lab.event(at_s, "h1", "REBOOT")
    lab.read(201, "h1", domain(BOOTED))
    assert conditions(lab.last["h1"]) == [ConditionKind.DEGRADED]


def test_a_post_copy_migration_that_broke_off_is_a_finding():
    lab = ran()
    lab.read(10, "h1", domain((1, 11)))
    (event,) = lab.wait(20)
    assert event.text == "the post-copy migration of vm1 broke off: h1 shows it as running (post-copy failed)"
