"""The gateway restarts: what hosts told before holds, and what happened meanwhile is found out."""

import json
import stat
from pathlib import Path

import pytest

from gateway.collectors.libvirt.keeping import Keeper, kept
from gateway.collectors.libvirt.remembered import Remembered, load, save
from gateway.model.entities import EntityState
from tests.collectors.libvirt.given import (
    ARRIVING,
    BOOTED,
    CRASHED,
    LEFT,
    MIGRATED,
    OFF,
    SHUT_DOWN,
    VM1,
    Lab,
    definition,
    domain,
    told,
)


def running(**more: object) -> Lab:
    lab = Lab()
    lab.read(0, "h1", domain(BOOTED, **more))
    lab.read(0, "h2")
    return lab


RAISED = [("failure_raised", "vm1", "crashed")]


def test_a_host_that_restarted_while_nobody_looked_has_lost_its_vms():
    lab = running()
    lab.restart()
    assert told(lab.read(100, "h1", domain(OFF)) + lab.wait(200)) == RAISED


def test_a_transient_vm_that_went_with_its_host_while_nobody_looked_is_missed():
    lab = running(persistent=False)
    lab.restart()
    assert told(lab.read(100, "h1") + lab.wait(200)) == RAISED


def test_a_vm_that_was_shut_down_while_nobody_looked_is_not_missed():
    lab = running()
    lab.restart()
    assert lab.read(100, "h1", domain(SHUT_DOWN)) + lab.wait(200) == []


def test_an_alarm_that_settles_outlives_a_restart():
    lab = running()
    lab.read(100, "h1", domain(OFF))
    lab.restart()
    assert told(lab.read(103, "h1", domain(OFF)) + lab.wait(200)) == RAISED


def test_a_missed_vm_stays_missed_and_is_shown_as_it_was():
    lab = running(persistent=False, defined=definition())
    lab.event(10, "h1", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(10, "h1")
    assert told(lab.wait(60)) == RAISED
    before = lab.last["h1"].entities
    lab.restart()
    assert lab.read(70, "h1") == []
    (again,) = [entity for entity in lab.last["h1"].entities if entity.key.native == VM1]
    assert again == before[0]
    assert lab.shown().state is EntityState.CRASHED


def test_a_storm_goes_on_over_a_restart_and_ends_in_its_time():
    lab = running()
    for at_s in range(1, 40, 4):
        lab.event(at_s, "h1", "WATCHDOG", "reset")
    lab.reread(41, "h1", domain(BOOTED))
    assert told(lab.wait(100)) == [("finding_raised", "vm1", "degraded")]
    assert len(lab.memory("h1").of(VM1).watchdogs) == 3
    lab.restart()
    assert lab.read(103, "h1", domain(BOOTED)) == []
    assert told(lab.read(700, "h1", domain(BOOTED))) == [("finding_cleared", "vm1", "degraded")]


def test_a_migration_in_flight_goes_on_and_its_failure_is_told():
    lab = running()
    lab.event(10, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(10, "h2", domain(ARRIVING, instance=3))
    lab.reread(10, "h1", domain(BOOTED, migrating_out=True))
    lab.restart()
    assert lab.memory("h1").leaving == {VM1}
    assert lab.read(15, "h2", domain(ARRIVING, instance=3)) == []
    assert lab.read(16, "h1", domain(BOOTED, migrating_out=True)) == []
    assert told(lab.read(20, "h1", domain(BOOTED)) + lab.read(20, "h2")) == [("migration_failed", "vm1")]
    lab.restart()
    assert lab.read(30, "h1", domain(BOOTED)) == lab.wait(200) == []


@pytest.mark.parametrize("first", ["h1", "h2"])
def test_a_migration_that_nobody_saw_is_one(first):
    lab = running()
    lab.restart()
    events = []
    for host in (first, "h2" if first == "h1" else "h1"):
        events += lab.read(100, host, *([domain(MIGRATED, instance=5)] if host == "h2" else []))
    events += lab.wait(200)
    assert told(events) == [("relocation", "vm1", "h1", "h2")]
    assert events[0].live


def test_a_definition_that_stayed_behind_is_silent_though_its_vm_s_host_is_not_heard_of_yet():
    lab = running()
    lab.event(10, "h1", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(10, "h1", domain(CRASHED))
    lab.wait(30)
    lab.read(40, "h2", domain(BOOTED, instance=4))
    lab.read(50, "h1", domain(CRASHED))
    lab.restart()
    assert lab.read(60, "h1", domain(CRASHED)) + lab.wait(300) == []
    assert lab.shown().state is EntityState.RUNNING


def test_only_what_is_needed_is_kept():
    lab = Lab()
    off = [domain(SHUT_DOWN, uuid=f"0000000{n}-5392-5ee5-b6dd-01e1d286b245", name=f"off{n}") for n in range(5)]
    lab.read(0, "h1", domain(BOOTED, defined=definition()), *off)
    assert kept(lab.memory("h1")) == {VM1: {"last": {"name": "vm1", "id": 1, "state": 1, "reason": 1}}}
    lab.read(10, "h1", domain(LEFT), *off)
    assert kept(lab.memory("h1")) == {}


def test_a_host_that_is_as_it_was_has_nothing_to_be_written():
    lab = Lab()
    one = domain(BOOTED)
    lab.read(0, "h1", one)
    keeper = Keeper([lab.memory("h1")])
    first = keeper.hosts()["h1"]
    lab.read(60, "h1", one)
    assert keeper.hosts()["h1"] is first


def test_the_file_is_whole_private_and_read_again(tmp_path: Path):
    lab = running(persistent=False, defined=definition())
    lab.event(10, "h1", "IO_ERROR_REASON", "/a", "virtio-disk0", "1", "eio")
    file = tmp_path / "libvirt-lab.json"
    (tmp_path / "libvirt-lab.new").write_text("of a process that was killed")
    known = Remembered(hosts={"h1": kept(lab.memory("h1"))})
    assert save(file, known)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(file).domains("h1") == dict(lab.memory("h1").domains)
    assert load(file).domains("h9") == {}


@pytest.mark.parametrize(
    "hosts",
    [
        [1],
        {"h1": []},
        {"h1": {VM1: {}}},
        {"h1": {VM1: {"last": {"name": "vm1", "id": "?", "state": 1, "reason": 1}}}},
        {"h1": {VM1: {"last": {"name": "vm1", "id": 1, "state": 1, "reason": 1}, "definition": {"memory": "x"}}}},
    ],
)
def test_a_damaged_memory_is_begun_anew(hosts: object, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    file = tmp_path / "libvirt-lab.json"
    file.write_text(json.dumps({"version": 2, "guests": [], "pairs": [], "hosts": hosts}))
    remembered = load(file)
    assert remembered.domains("h1") == {}
    assert "libvirt-lab.json cannot be used" in caplog.text


def test_a_file_of_another_gateway_s_form_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    file = tmp_path / "libvirt-lab.json"
    file.write_text('{"guests": [{"uuid": "web", "of_old": 1}], "pairs": [["h1/a", "h2/a"]]}')
    assert [guest.uuid for guest in load(file).guests] == ["web"]
    file.write_text('{"version": 3, "guests": [], "pairs": []}')
    assert load(file) == Remembered()
    assert "its form is 3" in caplog.text
