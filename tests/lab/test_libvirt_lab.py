"""The libvirt lab itself: its verbs do what they say, it comes back to its start, and it leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.libvirt import LabError, LibvirtLab, free_net
from tests.lab.libvirt.plan import folder_of
from tests.lab.libvirt.status import parse_domain

PROJECT = Path(__file__).resolve().parents[2]


def traces(name: str) -> list[str]:
    """Processes, mounts and links on this machine that belong to a lab, and its folder."""
    folder = folder_of(name)
    found = [str(folder)] if folder.exists() else []
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]
    found += [str(link) for link in Path("/sys/class/net").glob(name)]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "mountinfo").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_what_virsh_says_of_a_domain_is_read():
    text = (
        "21e5ccc0-b642-5c02-9102-12b355be336erunning (booted)\nId:             1\nName:           vm1\n"
        "UUID:           21e5ccc0-b642-5c02-9102-12b355be336e\nPersistent:     yes\n"
    )
    domain = parse_domain(text)
    assert domain is not None
    assert (domain.name, str(domain), domain.persistent, domain.id) == ("vm1", "running (booted)", True, 1)
    assert parse_domain("21e5ccc0-b642-5c02-9102-12b355be336e") is None, "it vanished between two questions"


@pytest.mark.lab
def test_a_migrated_guest_goes_on_at_its_destination(libvirt_lab: LibvirtLab):
    old, new = libvirt_lab.place("vm1"), libvirt_lab.elsewhere("vm1")
    libvirt_lab.migrate("vm1", new)
    libvirt_lab.wait_beating("vm1")
    said = {host: str(domain) for host, domain in libvirt_lab.status().on("vm1").items()}
    assert said == {old: "shut off (migrated)", new: "running (migrated)"}


@pytest.mark.lab
def test_a_guest_in_flight_is_active_on_one_host_only(libvirt_lab: LibvirtLab):
    old, new = libvirt_lab.place("vm2"), libvirt_lab.elsewhere("vm2")
    migration = libvirt_lab.begin_migration("vm2", new, bandwidth_mib=1)
    libvirt_lab.wait_migrating(migration)
    status = libvirt_lab.status()
    assert (status.active("vm2"), status.in_flight()) == ([old], ["vm2"])
    libvirt_lab.cancel_migration("vm2")
    assert not migration.wait(check=False)
    assert libvirt_lab.place("vm2") == old


@pytest.mark.lab
def test_failures_are_what_libvirt_calls_them(libvirt_lab: LibvirtLab):
    host = libvirt_lab.kill("vm3")
    libvirt_lab.wait_state("vm3", host, "shut off (crashed)")
    libvirt_lab.fill_storage()
    assert str(libvirt_lab.domain("vm2", libvirt_lab.place("vm2"))) == "paused (I/O error)"
    libvirt_lab.crash_host(host)
    status = libvirt_lab.status()
    assert (status.hosts[host].powered, status.hosts[host].answers) == (False, False)


@pytest.mark.lab
def test_reset_brings_everything_back(libvirt_lab: LibvirtLab):
    libvirt_lab.hang_daemon("h1")
    libvirt_lab.isolate("h2")
    libvirt_lab.kill_daemon("h3")
    libvirt_lab.reset()
    status = libvirt_lab.status()
    assert all(host.answers and host.connected for host in status.hosts.values()), status
    assert [len(status.active(vm)) for vm in libvirt_lab.vms] == [1, 1, 1], status


@pytest.mark.lab
def test_labs_live_side_by_side_and_down_leaves_nothing_behind(libvirt_lab: LibvirtLab):
    name = f"glab-brief-{os.getpid()}"
    with LibvirtLab.up(name, hosts=1, vms=0, net=libvirt_lab.plan.net) as second:
        assert set(second.status().hosts) == {"h1"}
        assert second.status().hosts["h1"].domains == {}
        with pytest.raises(LabError, match="is up already"):
            LibvirtLab.up(name)
    assert traces(name) == []
    assert libvirt_lab.status().hosts["h1"].answers


@pytest.mark.lab
def test_a_lab_goes_down_when_its_run_is_killed(libvirt_lab: LibvirtLab):
    name = f"glab-orphan-{os.getpid()}"
    code = (
        "import time; from tests.lab.libvirt import LibvirtLab;"
        f"LibvirtLab.up({name!r}, hosts=1, vms=0); print('up', flush=True); time.sleep(300)"
    )
    run = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "up\n"
    assert traces(name) != []
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 15
    while traces(name) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert traces(name) == []


@pytest.mark.lab
def test_an_uplink_reaches_the_hosts_and_goes_with_the_lab(libvirt_lab: LibvirtLab):
    name = f"glup-{os.getpid()}"
    with LibvirtLab.up(name, hosts=1, vms=0, net=free_net(), uplink=name) as lab:
        with socket.create_connection((lab.plan.host_address("h1"), 16509), timeout=5):
            pass
        assert traces(name) != []
    assert traces(name) == []


@pytest.mark.lab
def test_a_network_is_given_to_one_lab_only_also_before_that_is_up(libvirt_lab: LibvirtLab):
    script = "from tests.lab.libvirt import free_net; print(free_net(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()
        ours = {free_net(), free_net()}
        other.communicate("\n")
    assert len({theirs, libvirt_lab.plan.net, *ours}) == 4


@pytest.mark.lab
def test_a_network_that_leads_elsewhere_is_refused(libvirt_lab: LibvirtLab):
    name = f"glab3-{os.getpid()}"
    with pytest.raises(LabError, match="somebody else's"):
        LibvirtLab.up(name, hosts=1, vms=0, net=libvirt_lab.plan.net, uplink=name)
